"""What plain resources share: create once, find, change, list page by page.

The words of an error are AWS's and differ by resource: each module hands in its own.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from clary.context import Context
from clary.errors import ServiceError, ValidationException
from clary.store.base import Conflict, Record


def create(
    context: Context, kind: str, name: str, body: dict[str, Any], *, taken: ServiceError, status: str = ""
) -> Record:
    """Write a new record of the caller's region, its times set; raises ``taken`` if the name is."""
    now = context.now()
    body = {"CreationTime": now, "LastModifiedTime": now, **body}
    try:
        return context.store.create(
            Record(region=context.region, kind=kind, name=name, body=body, status=status, created=now, modified=now)
        )
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
    body = {**record.body, "LastModifiedTime": context.now(), **members}
    return replace(record, body=body, status=record.status if status is None else status)


def delete(context: Context, kind: str, name: str, *, missing: ServiceError) -> Record:
    while True:
        record = find(context, kind, name, missing=missing)
        try:
            context.store.delete(record)
        except Conflict:
            continue
        return record


def page(
    records: Iterable[Record],
    request: dict[str, Any],
    *,
    sort_by: str = "CreationTime",
    order: str = "Descending",
    size: int = 10,
) -> tuple[list[Record], dict[str, str]]:
    """One page by the members that List operations share, and ``{"NextToken": ...}`` if more remain.

    ``sort_by``, ``order`` and ``size`` are the operation's defaults. Filters: NameContains (any case), StatusEquals,
    CreationTime and LastModifiedTime After (from then on) and Before. The token names the last record shown, so pages
    hold together while records come and go. ``ValidationException`` for a token that is not ours.
    """
    sort_by = request.get("SortBy", sort_by)
    descending = request.get("SortOrder", order) == "Descending"
    size = request.get("MaxResults", size)
    key = _SORTS.get(sort_by, _SORTS["CreationTime"])
    wanted = sorted((r for r in records if _matches(r, request)), key=key, reverse=descending)
    if token := request.get("NextToken"):
        last = _read_token(token)
        wanted = [r for r in wanted if (key(r) < last if descending else key(r) > last)]
    shown = wanted[:size]
    more = {"NextToken": _token(key(shown[-1]))} if shown and len(wanted) > size else {}
    return shown, more


_SORTS: dict[str, Callable[[Record], tuple[Any, ...]]] = {
    "Name": lambda r: (r.name,),
    "CreationTime": lambda r: (_ms(r.created), r.name),
    "LastModifiedTime": lambda r: (_ms(r.modified), r.name),
    "Status": lambda r: (r.status, r.name),
}


def _matches(record: Record, request: dict[str, Any]) -> bool:
    created, modified = record.created or datetime.now(UTC), record.modified or datetime.now(UTC)
    return (
        request.get("NameContains", "").lower() in record.name.lower()
        and request.get("StatusEquals", record.status) == record.status
        and request.get("CreationTimeAfter", created) <= created
        and request.get("CreationTimeBefore", created) >= created
        and request.get("LastModifiedTimeAfter", modified) <= modified
        and request.get("LastModifiedTimeBefore", modified) >= modified
    )


def _token(key: tuple[Any, ...]) -> str:
    return base64.urlsafe_b64encode(json.dumps(key).encode()).decode()


def _read_token(token: str) -> tuple[Any, ...]:
    try:
        return tuple(json.loads(base64.urlsafe_b64decode(token)))
    except ValueError:
        raise ValidationException(
            f"Invalid pagination token {token!r}: use the NextToken of the page before."
        ) from None


def _ms(time: datetime | None) -> int:
    return round(time.timestamp() * 1000) if time else 0
