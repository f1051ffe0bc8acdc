"""What hubs hold: import, describe, list, list versions, update, delete. A record for each version."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from clary.context import Context
from clary.errors import ResourceInUse, ResourceNotFound, ValidationException
from clary.services import operation, resources
from clary.services.sagemaker.hubs import HUBS
from clary.services.sagemaker.kinds import Kind
from clary.store.base import Record

HUB_CONTENTS = Kind(
    name="HubContent",
    type="hub-content",
    status="HubContentStatus",
    missing=(ResourceNotFound, "HubContent {name} does not exist."),
    taken=(ResourceInUse, "HubContent {name} already exists: import it with another HubContentVersion."),
)
_TEXTS = ("HubContentDisplayName", "HubContentDescription", "HubContentMarkdown", "HubContentSearchKeywords")


@operation
def import_hub_content(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    if request["HubContentType"] == "ModelReference":
        raise ValidationException("A ModelReference is made by CreateHubContentReference, not imported.")
    hub = HUBS.find(context, request["HubName"])
    version = request.get("HubContentVersion") or _next(context, hub.name, request)
    _numbers(version)
    _numbers(request["DocumentSchemaVersion"])
    name = f"{_path(hub.name, request)}/{version}"
    arn = context.arn("sagemaker", HUB_CONTENTS.type, "") + name  # clients find the type in it, in its case
    body = {
        "SupportStatus": "Supported",
        **request,
        "HubName": hub.name,
        "HubArn": hub.arn,
        "HubContentVersion": version,
    }
    content = HUB_CONTENTS.create(context, name, body, status="Available", arn=arn, parent=(HUBS, hub.name))
    return {"HubArn": hub.arn, "HubContentArn": content.arn}


@operation
def describe_hub_content(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    return _find(context, request).body


@operation
def list_hub_contents(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    """Of each content the newest version."""
    hub = HUBS.find(context, request["HubName"]).name
    versions = HUB_CONTENTS.all(context, ("name", "starts", f"{hub}/{request['HubContentType']}/"))
    newest = {version.body["HubContentName"]: version for version in sorted(versions, key=_order)}
    return _listed(newest.values(), request)


@operation
def list_hub_content_versions(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    hub = HUBS.find(context, request["HubName"]).name
    versions = _versions(context, hub, request)
    if not versions:
        raise HUB_CONTENTS.absent(context, _path(hub, request))
    least = _numbers(request.get("MinVersion", "0.0.0"))
    return _listed((version for version in versions if _order(version) >= least), request)


@operation
def update_hub_content(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    content = _find(context, request)
    members = resources.given(request, *_TEXTS, "SupportStatus")
    if not members:
        raise ValidationException(f"Name what to update: one of {', '.join(_TEXTS)}, SupportStatus.")
    HUB_CONTENTS.update(context, content.name, members)
    return {"HubArn": content.body["HubArn"], "HubContentArn": content.arn}


@operation
def delete_hub_content(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    HUB_CONTENTS.delete(context, _find(context, request).name)
    return {}


def _find(context: Context, request: dict[str, Any]) -> Record:
    """In its HubContentVersion; without one in the newest."""
    hub = HUBS.find(context, request["HubName"]).name
    if version := request.get("HubContentVersion"):
        return HUB_CONTENTS.find(context, f"{_path(hub, request)}/{version}")
    versions = _versions(context, hub, request)
    if not versions:
        raise HUB_CONTENTS.absent(context, _path(hub, request))
    return versions[-1]


def _versions(context: Context, hub: str, request: dict[str, Any]) -> list[Record]:
    """The oldest first, by their numbers."""
    found = HUB_CONTENTS.all(context, ("name", "starts", f"{_path(hub, request)}/"))
    return sorted(found, key=_order)


def _next(context: Context, hub: str, request: dict[str, Any]) -> str:
    versions = _versions(context, hub, request)
    if not versions:
        return "1.0.0"
    major, minor, _ = _order(versions[-1])
    return f"{major}.{minor + 1}.0"


def _listed(contents: Iterable[Record], request: dict[str, Any]) -> dict[str, Any]:
    """A page by the filters and orders that both lists have; without an order the newest first."""
    wanted = {_position(content, request): content.body for content in contents if _matches(content, request)}
    descending = request.get("SortOrder", "Descending") == "Descending"
    shown, more = resources.page_of(wanted, str, request, descending=descending)
    return {"HubContentSummaries": [wanted[position] for position in shown], **more}


def _matches(content: Record, request: dict[str, Any]) -> bool:
    made = content.created
    assert isinstance(made, datetime)
    schema = content.body["DocumentSchemaVersion"]
    return bool(
        request.get("NameContains", "").lower() in content.body["HubContentName"].lower()
        and request.get("CreationTimeAfter", made) <= made <= request.get("CreationTimeBefore", made)
        and _numbers(schema) <= _numbers(request.get("MaxSchemaVersion", schema))
    )


def _position(content: Record, request: dict[str, Any]) -> str:
    by = {"HubContentName": "", "HubContentStatus": content.status}
    assert content.created is not None
    first = by.get(request.get("SortBy", "CreationTime"), content.created.isoformat(timespec="milliseconds"))
    version = "".join(f"{number:05d}" for number in _order(content))
    return f"{first}/{content.body['HubContentName']}/{version}"


def _order(content: Record) -> tuple[int, ...]:
    return _numbers(content.body["HubContentVersion"])


def _numbers(version: str) -> tuple[int, ...]:
    numbers = version.split(".")
    if len(numbers) != 3 or not all(number.isdecimal() for number in numbers):  # the model's pattern lets more through
        raise ValidationException(f"{version!r} is not a version: one looks like 1.0.0")
    return tuple(int(number) for number in numbers)


def _path(hub: str, request: dict[str, Any]) -> str:
    return f"{hub}/{request['HubContentType']}/{request['HubContentName']}"
