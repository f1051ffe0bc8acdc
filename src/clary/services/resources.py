"""What plain resources share: create once, find, change, list page by page.

The words of an error are AWS's and differ by resource: each module hands in its own.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Any

from clary.context import Context
from clary.errors import ServiceError, ValidationException
from clary.store.base import Condition, Conflict, Operator, Position, Query, Record


def create(
    context: Context, kind: str, name: str, body: dict[str, Any], *, taken: ServiceError, status: str = ""
) -> Record:
    """Write a new record of the caller's region, its times set; raises ``taken`` if the name is."""
    now = context.now()
    body = {"CreationTime": now, "LastModifiedTime": now, **body}
    record = Record(
        region=context.region,
        kind=kind,
        name=name,
        body=body,
        status=status,
        created=now,
        modified=now,
        arn=body.get(f"{kind}Arn", ""),
    )
    try:
        return context.store.create(record)
    except Conflict:
        raise taken from None


def find(context: Context, kind: str, name: str, *, missing: ServiceError) -> Record:
    record = context.store.get(context.region, kind, name)
    if record is None:
        raise missing
    return record


def change(
    context: Context, kind: str, name: str, edit: Callable[[Record], Record], *, missing: ServiceError
) -> Record:
    """Read, edit and write until nobody came between; ``edit`` may refuse by raising."""
    while True:
        record = find(context, kind, name, missing=missing)
        new = edit(record)
        if new is record:
            return record
        try:
            return context.store.put(new)
        except Conflict:
            continue


def with_members(record: Record, context: Context, status: str | None = None, **members: Any) -> Record:
    """The record with members changed, its LastModifiedTime set."""
    now = context.now()
    body = {**record.body, "LastModifiedTime": now, **members}
    return replace(record, body=body, status=record.status if status is None else status, modified=now)


def delete(context: Context, kind: str, name: str, *, missing: ServiceError) -> Record:
    while True:
        record = find(context, kind, name, missing=missing)
        try:
            context.store.delete(record)
        except Conflict:
            continue
        return record


def page(
    context: Context,
    kind: str,
    request: dict[str, Any],
    *,
    sort_by: str = "CreationTime",
    order: str = "Descending",
    size: int = 10,
    where: Sequence[Condition] = (),
    filters: Mapping[str, tuple[str, Operator]] = MappingProxyType({}),
    sorts: Mapping[str, str] = MappingProxyType({}),
) -> tuple[list[Record], dict[str, str]]:
    """One page by the members that List operations share, and ``{"NextToken": ...}`` if more remain.

    ``sort_by``, ``order`` and ``size`` are the operation's defaults, ``where`` holds whatever is asked. An operation's
    own ``filters`` (member: field and operator) and ``sorts`` (SortBy: field) add to those that all share: NameContains
    (any case), StatusEquals, the times After (from then on) and Before (until then). The token names the last record
    shown, so pages hold together while records come and go. ``ValidationException`` for a token that is not ours.
    """
    known = _FILTERS | dict(filters)
    asked = [Condition(*known[member], value) for member, value in request.items() if member in known]
    query = Query(
        where=(*where, *asked),
        order_by=(_SORTS | dict(sorts))[request.get("SortBy", sort_by)],
        descending=request.get("SortOrder", order).lower() == "descending",
        after=_read_token(request["NextToken"]) if request.get("NextToken") else None,
        limit=request.get("MaxResults", size),
    )
    records, more = context.store.page(context.region, kind, query)
    return records, {"NextToken": _token(more)} if more else {}


_FILTERS: dict[str, tuple[str, Operator]] = {
    "NameContains": ("name", "contains"),
    "StatusEquals": ("status", "="),
    "CreationTimeAfter": ("created", ">="),
    "CreationTimeBefore": ("created", "<="),
    "CreatedAfter": ("created", ">="),
    "CreatedBefore": ("created", "<="),
    "LastModifiedTimeAfter": ("modified", ">="),
    "LastModifiedTimeBefore": ("modified", "<="),
    "ModifiedTimeAfter": ("modified", ">="),
    "ModifiedTimeBefore": ("modified", "<="),
}
_SORTS = {
    "Name": "name",
    "NAME": "name",
    "CreationTime": "created",
    "CREATION_TIME": "created",
    "LastModifiedTime": "modified",
    "LAST_MODIFIED_TIME": "modified",
    "Status": "status",
}


def _token(position: Position) -> str:
    return base64.urlsafe_b64encode(json.dumps(position).encode()).decode()


def _read_token(token: str) -> Position:
    try:
        position = json.loads(base64.urlsafe_b64decode(token))
        match position:
            case [str() | int() | float() as value, str() as name]:
                f"{value}{name}".encode()  # half a surrogate pair is no text
                if isinstance(value, str) or abs(value) < 1 << 63:
                    return value, name
    except ValueError:
        pass
    raise ValidationException(f"Invalid pagination token {token!r}: use the NextToken of the page before.")
