"""Private hubs: create, describe, list, update, delete. What they hold is in ``hub_contents``."""

from __future__ import annotations

from typing import Any

from clary.buckets import parse_uri
from clary.context import Context
from clary.errors import ResourceInUse, ResourceNotFound, ValidationException
from clary.services import operation, resources
from clary.services.sagemaker.kinds import Kind, refuse_used

HUBS = Kind(
    name="Hub",
    type="hub",
    status="HubStatus",
    missing=(ResourceNotFound, "Hub {name} does not exist."),
    taken=(ResourceInUse, "Hub {name} already exists. Choose a different name."),
)
_SORTS = {"HubName": "name", "HubStatus": "status", "AccountIdOwner": "name"}  # all hubs are of one account


@operation
def create_hub(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    if path := request.get("S3StorageConfig", {}).get("S3OutputPath"):
        bucket, _ = parse_uri(path)
        if not context.buckets.exists_bucket(bucket):
            raise ValidationException(f"The bucket {bucket!r} of S3OutputPath {path} does not exist. Create it first.")
    name = request["HubName"]
    arn = context.arn("sagemaker", HUBS.type, "") + name  # in the name's own case, as its contents' are
    return {"HubArn": HUBS.create(context, name, request, status="InService", arn=arn).arn}


@operation
def describe_hub(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    return HUBS.find(context, request["HubName"]).body


@operation
def list_hubs(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    shown, more = HUBS.page(context, request, sorts=_SORTS)
    return {"HubSummaries": [hub.body for hub in shown], **more}


@operation
def update_hub(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    name = HUBS.find(context, request["HubName"]).name
    members = resources.given(request, "HubDescription", "HubDisplayName", "HubSearchKeywords")
    return {"HubArn": HUBS.update(context, name, members).arn}


@operation
def delete_hub(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    name = HUBS.find(context, request["HubName"]).name
    HUBS.delete(context, name, lambda hub: refuse_used(context, hub, ("HubContent", "name", "starts", f"{name}/")))
    return {}
