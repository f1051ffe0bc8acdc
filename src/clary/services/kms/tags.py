"""Tags on keys."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from clary.context import Context
from clary.errors import ServiceError
from clary.services import operation
from clary.services.kms import own_keys
from clary.services.kms.lists import page
from clary.store.base import Record

_MOST = 50

Tags = Sequence[dict[str, str]]


@operation
def tag_resource(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    own_keys.change(context, request, lambda key: _with(key, merge(key.body["Tags"], request["Tags"])))
    return {}


@operation
def untag_resource(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    gone = set(request["TagKeys"])
    own_keys.change(context, request, lambda key: _with(key, [t for t in key.body["Tags"] if t["TagKey"] not in gone]))
    return {}


@operation
def list_resource_tags(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    key = context.encryption_keys.find(context.region, request["KeyId"])
    shown, more = page(key.body["Tags"], lambda tag: tag["TagKey"], request, size=_MOST)
    return {"Tags": shown, **more}


def merge(present: Tags, new: Tags) -> Tags:
    """Tags with the new ones set; ``TagException`` for AWS's own or a key given twice, and 50 are the most."""
    names = [tag["TagKey"] for tag in new]
    if len(set(names)) != len(names):
        raise ServiceError("Duplicate tag keys", code="TagException")
    if own := [name for name in names if name.lower().startswith("aws:")]:
        raise ServiceError(f"Tags beginning with aws: are reserved: {', '.join(own)}", code="TagException")
    merged = {tag["TagKey"]: tag for tag in [*present, *new]}
    if len(merged) > _MOST:
        raise ServiceError(f"A key has at most {_MOST} tags.", code="LimitExceededException")
    return list(merged.values())


def _with(key: Record, tags: Tags) -> Record:
    return replace(key, body={**key.body, "Tags": list(tags)})
