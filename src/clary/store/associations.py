"""Associations: the edges of the lineage graph, from a source to a destination, both told by ARN."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

from clary.store.base import Conflict
from clary.store.database import Database
from clary.store.times import ms_of

_COLUMNS = "region, source, destination, source_type, destination_type, type, created, creator"
_VALUES = f"associations ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
_SORTS = ("source", "destination", "source_type", "destination_type", "created")


@dataclass(frozen=True, kw_only=True)
class Association:
    """Types are '' where none is known; ``creator`` holds JSON values."""

    region: str
    source: str
    destination: str
    source_type: str = ""
    destination_type: str = ""
    type: str = ""
    created: datetime = datetime.fromtimestamp(0, UTC)
    creator: dict[str, Any] = field(default_factory=dict)


Way = Literal["up", "down"]
"""``up``: from destinations to their sources. ``down``: from sources to their destinations."""

Position = tuple[str | int, str, str]
"""Where a page ended: the value it is ordered by, source and destination."""


class Associations:
    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, new: Association) -> None:
        """``Conflict`` if the two are associated already; the time is now."""
        row = _row(new, self._database.clock.ms())

        def insert(db: sqlite3.Connection) -> None:
            try:
                db.execute(f"INSERT INTO {_VALUES}", row)
            except sqlite3.IntegrityError:
                raise Conflict(f"{new.source} and {new.destination} are associated already") from None

        self._database.write(insert)

    def add_all(self, new: Sequence[Association]) -> None:
        """Add those that are not there; the time is now."""
        self._database.write(self.insertion(new))

    def insertion(self, new: Sequence[Association]) -> Callable[[sqlite3.Connection], None]:
        """Add those that are not there, as a part of somebody else's transaction; the time is now."""
        rows = [_row(each, self._database.clock.ms()) for each in new]

        def insert(db: sqlite3.Connection) -> None:
            db.executemany(f"INSERT OR IGNORE INTO {_VALUES}", rows)

        return insert

    def delete(self, source: str, destination: str) -> bool:
        """False if there is none."""

        def remove(db: sqlite3.Connection) -> bool:
            gone = db.execute("DELETE FROM associations WHERE source = ? AND destination = ?", (source, destination))
            return gone.rowcount == 1

        return self._database.write(remove)

    @staticmethod
    def removal(arn: str) -> Callable[[sqlite3.Connection], None]:
        """Remove all that lead to or from an entity, as a part of the transaction that removes it."""

        def remove(db: sqlite3.Connection) -> None:
            db.execute("DELETE FROM associations WHERE source = ? OR destination = ?", (arn, arn))

        return remove

    def page(
        self,
        region: str,
        wanted: Mapping[str, str],
        *,
        created: tuple[datetime | None, datetime | None] = (None, None),
        order_by: str = "created",
        descending: bool = True,
        after: Position | None = None,
        limit: int = 10,
    ) -> tuple[list[Association], Position | None]:
        """Those whose columns hold the wanted values, made from the first time on until the second; and where to go on.

        ``ValueError`` for a column that nothing is ordered by.
        """
        if order_by not in _SORTS:
            raise ValueError(f"associations are ordered by {', '.join(_SORTS)}, not {order_by}")
        conditions = ["region = ?"]
        values: list[str | int] = [region, *wanted.values()]
        conditions += [f"{column} = ?" for column in wanted]
        for operator, moment in zip((">=", "<="), created, strict=True):
            if moment is not None:
                conditions.append(f"created {operator} ?")
                values.append(ms_of(moment))
        if after is not None:
            conditions.append(f"({order_by}, source, destination) {'<' if descending else '>'} (?, ?, ?)")
            values += after
        way = "DESC" if descending else "ASC"
        query = (
            f"SELECT {_COLUMNS} FROM associations WHERE {' AND '.join(conditions)}"
            f" ORDER BY {order_by} {way}, source {way}, destination {way} LIMIT ?"
        )
        with self._database.read() as db:
            rows = db.execute(query, [*values, limit + 1]).fetchall()
        shown = rows[:limit]
        if len(rows) <= limit or not shown:
            return [_association(row) for row in shown], None
        last = dict(zip(_COLUMNS.split(", "), shown[-1], strict=True))
        return [_association(row) for row in shown], (last[order_by], last["source"], last["destination"])

    def step(self, arns: Iterable[str], way: Way) -> list[Association]:
        """All edges that lead from these entities one step ``up`` or ``down``."""
        column = "destination" if way == "up" else "source"
        with self._database.read() as db:
            rows = db.execute(
                f"SELECT {_COLUMNS} FROM associations WHERE {column} IN (SELECT value FROM json_each(?))"
                " ORDER BY source, destination",
                (json.dumps(list(arns)),),
            ).fetchall()
        return [_association(row) for row in rows]

    def touches(self, arn: str) -> bool:
        """Whether the entity has any, either way."""
        return bool(self.step([arn], "up") or self.step([arn], "down"))


def _row(new: Association, created: int) -> tuple[Any, ...]:
    ends = (new.region, new.source, new.destination, new.source_type, new.destination_type, new.type)
    return (*ends, created, json.dumps(new.creator))


def _association(row: Sequence[Any]) -> Association:
    region, source, destination, source_type, destination_type, type_, created, creator = row
    return Association(
        region=region,
        source=source,
        destination=destination,
        source_type=source_type,
        destination_type=destination_type,
        type=type_,
        created=datetime.fromtimestamp(created / 1000, UTC),
        creator=json.loads(creator),
    )
