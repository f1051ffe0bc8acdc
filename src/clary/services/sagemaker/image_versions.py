"""Versions of images and their aliases: create, describe, list, update, delete.

An image counts its versions in ``_versions`` (numbers are never given out again) and keeps in ``_tokens`` which
version each ClientToken made, so that a creation that is asked for again is answered by the version it made.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from clary.context import Context
from clary.errors import ResourceInUse, ResourceNotFound, ValidationException
from clary.services import operation, resources
from clary.services.sagemaker.images import IMAGES
from clary.services.sagemaker.kinds import Kind
from clary.store.base import Condition, Record

IMAGE_VERSIONS = Kind(
    name="ImageVersion",
    type="image-version",
    status="ImageVersionStatus",
    missing=(ResourceNotFound, "The ImageVersion {name} does not exist. Please provide a valid ImageName and Version."),
    taken=(ResourceInUse, "The ImageVersion {name} already exists."),
)
_DETAILS = ("VendorGuidance", "JobType", "MLFramework", "ProgrammingLang", "Processor", "Horovod", "ReleaseNotes")


@operation
def create_image_version(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    image, token = request["ImageName"], request["ClientToken"]
    _check_aliases(context, image, request.get("Aliases", []))

    def count(record: Record) -> Record:
        tokens = record.body.get("_tokens", {})
        if token in tokens:
            return record
        number = record.body.get("_versions", 0) + 1
        return replace(record, body={**record.body, "_versions": number, "_tokens": {**tokens, token: number}})

    number = IMAGES.change(context, image, count).body["_tokens"][token]
    name, arn = _name(image, number), IMAGE_VERSIONS.arn(context, f"{image}/{number}")
    made = context.store.get(context.region, IMAGE_VERSIONS.name, name)
    if made is None:
        body = {
            "VendorGuidance": "NOT_PROVIDED",
            **resources.given(request, "BaseImage", *_DETAILS),
            "ImageName": image,
            "ImageArn": IMAGES.arn(context, image),
            "ContainerImage": request["BaseImage"],
            "Version": number,
            "_aliases": request.get("Aliases", []),
        }
        IMAGE_VERSIONS.create(context, name, body, status="CREATED", arn=arn, parent=(IMAGES, image))
    return {"ImageVersionArn": arn}


@operation
def describe_image_version(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    return _find(context, request).body


@operation
def list_image_versions(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    image = IMAGES.find(context, request["ImageName"]).name
    of_image = Condition("name", "starts", f"{image}/")
    shown, more = IMAGE_VERSIONS.page(context, request, where=[of_image], sorts={"VERSION": "name"})
    return {"ImageVersions": [version.body for version in shown], **more}


@operation
def update_image_version(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    found = _find(context, request)
    added, gone = request.get("AliasesToAdd", []), set(request.get("AliasesToDelete", []))
    _check_aliases(context, request["ImageName"], added, but=found.name)

    def edit(version: Record) -> Record:
        aliases = [alias for alias in dict.fromkeys([*version.body["_aliases"], *added]) if alias not in gone]
        members = {**resources.given(request, *_DETAILS), "_aliases": aliases}
        return IMAGE_VERSIONS.edited(context, version, members)

    return {"ImageVersionArn": IMAGE_VERSIONS.change(context, found.name, edit).arn}


@operation
def delete_image_version(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    if "Version" not in request and "Alias" not in request:
        raise ValidationException("Name the Version or the Alias of the ImageVersion to delete.")
    IMAGE_VERSIONS.delete(context, _find(context, request).name)
    return {}


@operation
def list_aliases(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    image = IMAGES.find(context, request["ImageName"]).name
    chosen = "Version" in request or "Alias" in request
    versions = [_find(context, request)] if chosen else _versions(context, image)
    aliases = {alias for version in versions for alias in version.body["_aliases"]}
    shown, more = resources.page_of(aliases, str, request)
    return {"SageMakerImageVersionAliases": shown, **more}


def _find(context: Context, request: dict[str, Any]) -> Record:
    """By its Version or its Alias; without either the newest."""
    image = IMAGES.find(context, request["ImageName"]).name
    if "Version" in request:
        number = request["Version"]
        record = context.store.get(context.region, IMAGE_VERSIONS.name, _name(image, number))
        if record is None:
            raise IMAGE_VERSIONS.absent(context, f"{image}/{number}")
        return record
    versions = _versions(context, image)
    if "Alias" in request:
        versions = [version for version in versions if request["Alias"] in version.body["_aliases"]]
    if not versions:
        raise IMAGE_VERSIONS.absent(context, f"{image}/{request.get('Alias', 'latest')}")
    return versions[-1]


def _versions(context: Context, image: str) -> list[Record]:
    return IMAGE_VERSIONS.all(context, ("name", "starts", f"{image}/"))


def _check_aliases(context: Context, image: str, aliases: list[str], but: str = "") -> None:
    for version in _versions(context, image) if aliases else []:
        if version.name != but and (taken := set(aliases) & set(version.body["_aliases"])):
            raise ResourceInUse(
                f"The Alias {min(taken)} already names version {version.body['Version']} of the Image {image}: take it "
                "from that version first (UpdateImageVersion with AliasesToDelete)."
            )


def _name(image: str, number: int) -> str:
    """The record's: in the order of the numbers."""
    return f"{image}/{number:09d}"
