"""Images of one's own for notebooks: create, describe, list, update, delete. Their versions are in ``image_versions``."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from clary.context import Context
from clary.errors import ResourceInUse, ResourceNotFound
from clary.services import operation, resources
from clary.services.iam import roles
from clary.services.sagemaker.kinds import Kind, User, delete_all, refuse_used
from clary.store.base import Record

IMAGES = Kind(
    name="Image",
    type="image",
    status="ImageStatus",
    missing=(ResourceNotFound, "The Image with ImageName {name} does not exist. Please provide a valid ImageName."),
    taken=(ResourceInUse, "The Image with ImageName {name} already exists. Please use a different ImageName."),
)


@operation
def create_image(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    roles.require(context, request["RoleArn"])
    return {"ImageArn": IMAGES.create(context, request["ImageName"], request, status="CREATED").arn}


@operation
def describe_image(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    return IMAGES.find(context, request["ImageName"]).body


@operation
def list_images(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    shown, more = IMAGES.page(context, request, sorts={"IMAGE_NAME": "name"})
    return {"Images": [image.body for image in shown], **more}


@operation
def update_image(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    if "RoleArn" in request:
        roles.require(context, request["RoleArn"])

    def edit(image: Record) -> Record:
        gone = set(request.get("DeleteProperties", []))
        kept = {member: value for member, value in image.body.items() if member not in gone}
        members = resources.given(request, "Description", "DisplayName", "RoleArn")
        return IMAGES.edited(context, replace(image, body=kept), members)

    return {"ImageArn": IMAGES.change(context, request["ImageName"], edit).arn}


@operation
def delete_image(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    """With all its versions."""
    name = request["ImageName"]
    of_image: User = ("ImageVersion", "name", "starts", f"{name}/")
    IMAGES.find(context, name)
    delete_all(context, of_image)
    IMAGES.delete(context, name, lambda image: refuse_used(context, image, of_image))
    return {}
