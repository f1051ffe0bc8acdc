"""Tags of any resource, by its ARN: add, list, delete. They lie in ``Tags`` of the resource's record."""

from __future__ import annotations

import base64
import contextlib
from dataclasses import replace
from typing import Any

from clary.context import Context
from clary.errors import ValidationException
from clary.services import operation
from clary.store.base import Conflict, Record

_MOST = 50  # tags of a resource


@operation
def add_tags(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    """Set these tags; the answer holds all that the resource has then."""
    keys = [tag["Key"] for tag in request["Tags"]]
    if len(set(keys)) != len(keys):
        raise ValidationException("Duplicate tag keys found in the request: give each key once.")
    if reserved := [key for key in keys if key.lower().startswith("aws:")]:
        raise ValidationException(
            f"The tag key {reserved[0]!r} begins with aws:, which is reserved for AWS's own tags."
        )

    def add(tags: dict[str, str]) -> dict[str, str]:
        merged = tags | {tag["Key"]: tag["Value"] for tag in request["Tags"]}
        if len(merged) > _MOST:
            raise ValidationException(f"A resource has {_MOST} tags at most; this would make {len(merged)}.")
        return merged

    return {"Tags": _listed(_change(context, request["ResourceArn"], add))}


@operation
def list_tags(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    tags = _listed(_tags(_find(context, request["ResourceArn"])))
    start, size = _read_token(request.get("NextToken", "")), request.get("MaxResults", _MOST)
    left = [tag for tag in tags if tag["Key"] > start] if start else tags
    if len(left) <= size:
        return {"Tags": left}
    token = base64.urlsafe_b64encode(left[size - 1]["Key"].encode()).decode()
    return {"Tags": left[:size], "NextToken": token}


@operation
def delete_tags(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    gone = set(request["TagKeys"])
    _change(context, request["ResourceArn"], lambda tags: {k: v for k, v in tags.items() if k not in gone})
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


def _change(context: Context, arn: str, how: Any) -> dict[str, str]:
    while True:
        record = _find(context, arn)
        before = _tags(record)
        after: dict[str, str] = how(before)
        if after == before:
            return after
        with contextlib.suppress(Conflict):
            context.store.put(replace(record, body={**record.body, "Tags": _listed(after)}))
            return after


def _tags(record: Record) -> dict[str, str]:
    return {tag["Key"]: tag["Value"] for tag in record.body.get("Tags") or []}


def _listed(tags: dict[str, str]) -> list[dict[str, str]]:
    return [{"Key": key, "Value": tags[key]} for key in sorted(tags)]


def _read_token(token: str) -> str:
    try:
        return base64.urlsafe_b64decode(token).decode()
    except ValueError:
        raise ValidationException(
            f"Invalid pagination token {token!r}: use the NextToken of the page before."
        ) from None
