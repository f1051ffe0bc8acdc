"""Tags on log groups, by ARN and, as older clients do, by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from clary.context import Context
from clary.errors import ServiceError
from clary.services import operation
from clary.services.logs.errors import Invalid, group_missing

_MOST = 50


@operation
def tag_resource(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    _change(context, _group(request), lambda tags: checked(tags, request["tags"]))
    return {}


@operation
def untag_resource(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    gone = set(request["tagKeys"])
    _change(context, _group(request), lambda tags: {k: v for k, v in tags.items() if k not in gone})
    return {}


@operation
def list_tags_for_resource(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    return {"tags": _find(context, _group(request))}


@operation
def tag_log_group(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    _change(context, request["logGroupName"], lambda tags: checked(tags, request["tags"]))
    return {}


@operation
def untag_log_group(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    gone = set(request["tags"])
    _change(context, request["logGroupName"], lambda tags: {k: v for k, v in tags.items() if k not in gone})
    return {}


@operation
def list_tags_log_group(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    return {"tags": _find(context, request["logGroupName"])}


def checked(tags: Mapping[str, str], more: Mapping[str, str]) -> dict[str, str]:
    """Both together; ``TooManyTagsException`` beyond 50, and no key may be AWS's own."""
    if own := [key for key in more if key.lower().startswith("aws:")]:
        raise Invalid(f"Tag keys that begin with aws: are kept for AWS: {', '.join(own)}.")
    found = {**tags, **more}
    if len(found) > _MOST:
        raise ServiceError(f"A log group has at most {_MOST} tags.", code="TooManyTagsException")
    return found


def _change(context: Context, group: str, change: Callable[[dict[str, str]], Mapping[str, str]]) -> None:
    if context.logs.groups.change_tags(context.region, group, change) is None:
        raise group_missing()


def _find(context: Context, group: str) -> dict[str, str]:
    found = context.logs.groups.get(context.region, group)
    if found is None:
        raise group_missing()
    return dict(found.tags)


def _group(request: dict[str, Any]) -> str:
    arn = request["resourceArn"]
    name: str = arn.partition(":log-group:")[2].removesuffix(":*")
    if not name:
        raise ServiceError(f"There is no resource {arn}: log groups have tags.", code="ResourceNotFoundException")
    return name
