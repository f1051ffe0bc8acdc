"""A page of records as SQL: conditions, order and position become one statement that the indexes answer."""

from __future__ import annotations

import json
import sqlite3
from datetime import UTC, datetime
from typing import Any

from clary.store.base import Condition, Query
from clary.store.times import ms_of

_COLUMNS = ("name", "status", "created", "modified")


def is_any(db: sqlite3.Connection, kind: str) -> bool:
    """Whether there is a record of this kind, in any region."""
    return db.execute("SELECT 1 FROM records WHERE kind = ? LIMIT 1", (kind,)).fetchone() is not None


def select(columns: str, region: str, kind: str, query: Query) -> tuple[str, list[Any]]:
    """The statement and its values. Its rows begin with the value that orders them; one more than the limit may come."""
    order, ordered = _field(query.order_by)
    conditions: list[str] = ["region = ?", "kind = ?"]
    values: list[Any] = [region, kind]
    for condition in query.where:
        sql, given = _condition(condition)
        conditions.append(sql)
        values += given
    # A member that is not there has a place too, so that a page can go on after it.
    by = order if query.order_by in _COLUMNS else f"coalesce({order}, '')"
    if query.after is not None:
        conditions.append(f"({by}, name) {'<' if query.descending else '>'} (?, ?)")
        values += [*ordered, *query.after]
    way = "DESC" if query.descending else "ASC"
    sql = (
        f"SELECT {by}, {columns} FROM records WHERE {' AND '.join(conditions)} ORDER BY {by} {way}, name {way} LIMIT ?"
    )
    return sql, [*ordered, *values, *ordered, query.limit + 1]


def ms(time: datetime | None) -> int:
    """Epoch milliseconds, as times lie in the table; 0 for none."""
    return ms_of(time) if time else 0


def _condition(condition: Condition) -> tuple[str, list[Any]]:
    sql, values = _field(condition.field)
    value = condition.value
    if isinstance(value, datetime):
        value = ms(value) if condition.field in _COLUMNS else value.astimezone(UTC).isoformat()
    match condition.operator:
        case "contains":
            return f"instr(lower({sql}), lower(?)) > 0", [*values, value]
        case "in":
            return f"{sql} IN (SELECT value FROM json_each(?))", [*values, json.dumps(value)]
        case "starts":
            return f"({sql} >= ? AND {sql} < ? || char(1114111))", [*values, value, *values, value]
        case "has":
            return "EXISTS (SELECT 1 FROM json_each(body, ?) AS item WHERE item.value = ?)", [*values, value]
        case operator:
            return f"{sql} {operator} ?", [*values, value]


def _field(name: str) -> tuple[str, list[str]]:
    """A column or a member's path, and the values that it needs."""
    if name in _COLUMNS:
        return name, []
    return "json_extract(body, ?)", ["$" + "".join(f'."{part}"' for part in name.split("."))]
