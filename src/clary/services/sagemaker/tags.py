"""Tags of any resource, by its ARN: add, list, delete. They lie in ``Tags`` of the resource's record."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from clary.context import Context
from clary.errors import ValidationException
from clary.services import operation, resources
from clary.services.sagemaker.kinds import merge_tags
from clary.store.base import Conflict, Record

Tags = list[dict[str, str]]


@operation
def add_tags(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    """Set these tags; the answer holds all that the resource has then."""
    new = request["Tags"]
    return {"Tags": _change(context, request["ResourceArn"], lambda tags: merge_tags(tags, new))}


@operation
def list_tags(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    tags = _tags(_find(context, request["ResourceArn"]))
    shown, more = resources.page_of(tags, lambda tag: tag["Key"], request, size=50)
    return {"Tags": shown, **more}


@operation
def delete_tags(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    gone = set(request["TagKeys"])
    _change(context, request["ResourceArn"], lambda tags: [tag for tag in tags if tag["Key"] not in gone])
    return {}


def _find(context: Context, arn: str) -> Record:
    missing = ValidationException(f'Could not find resource "{arn}".')
    parts = arn.split(":", 5)
    if len(parts) != 6 or parts[2] != "sagemaker":
        raise missing
    if parts[3:5] != [context.region, context.account]:
        raise ValidationException(
            f"The resource {arn} is not in region {context.region} of account {context.account}, which was asked."
        )
    record = context.store.find(arn)
    if record is None:
        raise missing
    return record


def _change(context: Context, arn: str, how: Callable[[Tags], Tags]) -> Tags:
    while True:
        record = _find(context, arn)
        after = how(_tags(record))
        if after == _tags(record):
            return after
        with contextlib.suppress(Conflict):
            context.store.put(replace(record, body={**record.body, "Tags": after}))
            return after


def _tags(record: Record) -> Tags:
    return record.body.get("Tags") or []
