"""What plain resources share: create once, find, change, list page by page.

The words of an error are AWS's and differ by resource: each module hands in its own.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Any, TypeVar

from clary.context import Context
from clary.errors import ServiceError, ValidationException
from clary.store.base import Also, Condition, Conflict, Operator, Position, Query, Record

T = TypeVar("T")

Filters = Mapping[str, tuple[str, Operator]]
"""Members of a List, each with the field that it filters by and how."""


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
    context: Context,
    kind: str,
    name: str,
    edit: Callable[[Record], Record],
    *,
    missing: ServiceError,
    also: Also | None = None,
) -> Record:
    """Read, edit and write until nobody came between; ``edit`` may refuse by raising. ``also`` is written with it."""
    while True:
        record = find(context, kind, name, missing=missing)
        new = edit(record)
        if new is record:
            return record
        try:
            return context.store.put(new, also)
        except Conflict:
            continue


def with_members(record: Record, context: Context, status: str | None = None, **members: Any) -> Record:
    """The record with members changed, its LastModifiedTime set."""
    now = context.now()
    body = {**record.body, "LastModifiedTime": now, **members}
    return replace(record, body=body, status=record.status if status is None else status, modified=now)


def find_named(context: Context, kind: str, name: str, *, missing: ServiceError) -> Record:
    """By the name or the ARN, where an operation takes either."""
    if not name.startswith("arn:"):
        return find(context, kind, name, missing=missing)
    record = context.store.find(name)
    if record is None or (record.kind, record.region) != (kind, context.region):
        raise missing
    return record


def hold(context: Context, kind: str, name: str, *, missing: ServiceError) -> Record:
    """Write a record again as it is, after something was made that depends on it: raises ``missing`` if it is gone.

    A deletion that looked for what depends on it before (``check`` of ``delete``) then has to look again.
    """
    return change(context, kind, name, replace, missing=missing)


def delete(
    context: Context,
    kind: str,
    name: str,
    *,
    missing: ServiceError,
    check: Callable[[Record], None] | None = None,
    also: Also | None = None,
) -> Record:
    """``check`` may refuse by raising; nobody wrote the record between its look and the deletion. ``also``: what goes
    with it, in the same transaction."""
    while True:
        record = find(context, kind, name, missing=missing)
        if check is not None:
            check(record)
        try:
            context.store.delete(record, also)
        except Conflict:
            continue
        return record


def given(request: Mapping[str, Any], *names: str) -> dict[str, Any]:
    """Those of the members that the request holds."""
    return {name: request[name] for name in names if name in request}


def matching(context: Context, kind: str, *where: tuple[str, Operator, Any], limit: int = 1 << 30) -> list[Record]:
    """The records that fulfil the conditions, by name: for the few that belong to another one."""
    query = Query(where=[Condition(*each) for each in where], limit=limit)
    return context.store.page(context.region, kind, query)[0]


def page(
    context: Context,
    kind: str,
    request: dict[str, Any],
    *,
    sort_by: str = "CreationTime",
    order: str = "Descending",
    size: int = 10,
    where: Sequence[Condition] = (),
    filters: Filters = MappingProxyType({}),
    sorts: Mapping[str, str] = MappingProxyType({}),
) -> tuple[list[Record], dict[str, str]]:
    """One page by the members that List operations share, and ``{"NextToken": ...}`` if more remain.

    ``sort_by``, ``order`` and ``size`` are the operation's defaults, ``where`` holds whatever is asked. An operation's
    own ``filters`` (member: field and operator) and ``sorts`` (SortBy: field) add to those that all share: NameContains
    (any case), StatusEquals, the times After (from then on) and Before (until then). The token names the last record
    shown, so pages hold together while records come and go. ``ValidationException`` for a token that is not ours.
    """
    known = {**_FILTERS, **filters}
    asked = [Condition(*known[member], value) for member, value in request.items() if member in known]
    query = Query(
        where=(*where, *asked),
        order_by={**_SORTS, **sorts}[request.get("SortBy", sort_by)],
        descending=request.get("SortOrder", order).lower() == "descending",
        after=_read_token(request["NextToken"]) if request.get("NextToken") else None,
        limit=request.get("MaxResults", size),
    )
    records, more = context.store.page(context.region, kind, query)
    return records, {"NextToken": token(more)} if more else {}


def page_of(
    items: Iterable[T], key: Callable[[T], str], request: dict[str, Any], *, size: int = 10, descending: bool = False
) -> tuple[list[T], dict[str, str]]:
    """One page of a few items that are at hand, in the order of their keys, which differ."""
    left = sorted(items, key=key, reverse=descending)
    if request.get("NextToken"):
        _, after = _read_token(request["NextToken"])
        left = [item for item in left if (key(item) < after if descending else key(item) > after)]
    shown = left[: request.get("MaxResults", size)]
    return shown, {"NextToken": token(("", key(shown[-1])))} if len(shown) < len(left) else {}


_FILTERS: Filters = {
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


def token(position: Sequence[Any]) -> str:
    """Where a page ended, as a NextToken."""
    return base64.urlsafe_b64encode(json.dumps(position).encode()).decode()


def read_token(token: str) -> Any:
    """What lies in a NextToken, of whatever form: the caller checks it."""
    try:
        return json.loads(base64.urlsafe_b64decode(token))
    except (ValueError, RecursionError):
        raise bad_token(token) from None


def bad_token(token: str) -> ServiceError:
    return ValidationException(f"Invalid pagination token {token!r}: use the NextToken of the page before.")


def _read_token(token: str) -> Position:
    position = read_token(token)
    try:
        match position:
            case [str() | int() | float() as value, str() as name]:
                f"{value}{name}".encode()  # half a surrogate pair is no text
                if isinstance(value, str) or abs(value) < 1 << 63:
                    return value, name
    except ValueError:
        pass
    raise bad_token(token)
