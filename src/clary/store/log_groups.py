"""Log groups and their streams. A stream that was deleted has no region until its events are gone."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from clary.store.database import Database

_GROUP = (
    "SELECT name, created, retention_days, tags, protected,"
    " (SELECT coalesce(sum(bytes), 0) FROM log_streams WHERE region = g.region AND log_group = g.name)"
    " FROM log_groups g"
)
_STREAM = "SELECT id, name, created, first_time, last_time, ingested FROM log_streams"


@dataclass(frozen=True)
class LogGroup:
    """``retention`` in days, None for ever; ``size`` in bytes, 26 for each event included, as AWS counts."""

    name: str
    created: int
    retention: int | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    protected: bool = False
    size: int = 0

    def oldest(self, now: int) -> int:
        """The time before which events are expired; both in epoch milliseconds."""
        return now - self.retention * 86_400_000 if self.retention else 0


@dataclass(frozen=True)
class LogStream:
    """``first`` may be earlier than the first event that is left; ``last`` likewise later."""

    id: int
    name: str
    created: int
    first: int | None
    last: int | None
    ingested: int | None


class LogGroups:
    """``expired`` is called when events may have become old, or without a stream."""

    def __init__(self, database: Database, expired: Callable[[], None]) -> None:
        self._database = database
        self._expired = expired

    def create(
        self, region: str, group: str, tags: Mapping[str, str] | None = None, *, protected: bool = False
    ) -> bool:
        """False if it is there already."""

        def insert(db: sqlite3.Connection) -> bool:
            made = make_group(db, region, group, self._database.clock.ms())
            if made:
                db.execute(
                    "UPDATE log_groups SET tags = ?, protected = ? WHERE region = ? AND name = ?",
                    (json.dumps(dict(tags or {})), protected, region, group),
                )
            return made

        return self._database.write(insert)

    def get(self, region: str, group: str) -> LogGroup | None:
        with self._database.read() as db:
            row = db.execute(f"{_GROUP} WHERE region = ? AND name = ?", (region, group)).fetchone()
        return _group(*row) if row else None

    def all(self, region: str, prefix: str = "", after: str = "") -> list[LogGroup]:
        """By name, those behind ``after``."""
        with self._database.read() as db:
            rows = db.execute(
                f"{_GROUP} WHERE region = ? AND name > ? AND substr(name, 1, length(?)) = ? ORDER BY name",
                (region, after, prefix, prefix),
            ).fetchall()
        return [_group(*row) for row in rows]

    def delete(self, region: str, group: str) -> bool:
        """With all its streams and events; False if there is none."""

        def remove(db: sqlite3.Connection) -> bool:
            _orphan(db, "region = ? AND log_group = ?", (region, group))
            return db.execute("DELETE FROM log_groups WHERE region = ? AND name = ?", (region, group)).rowcount == 1

        removed = self._database.write(remove)
        self._expired()
        return removed

    def set(self, region: str, group: str, **values: Any) -> bool:
        """Change ``retention_days`` or ``protected``; False if there is no such group."""
        columns = ", ".join(f"{name} = ?" for name in values)

        def update(db: sqlite3.Connection) -> bool:
            query = f"UPDATE log_groups SET {columns} WHERE region = ? AND name = ?"
            return db.execute(query, (*values.values(), region, group)).rowcount == 1

        changed = self._database.write(update)
        self._expired()
        return changed

    def change_tags(
        self, region: str, group: str, change: Callable[[dict[str, str]], Mapping[str, str]]
    ) -> Mapping[str, str] | None:
        """Put what ``change`` makes of the tags in their place, unless it raises; None if there is no such group."""

        def update(db: sqlite3.Connection) -> Mapping[str, str] | None:
            where = (region, group)
            row = db.execute("SELECT tags FROM log_groups WHERE region = ? AND name = ?", where).fetchone()
            if row is None:
                return None
            tags = change(json.loads(row[0]))
            db.execute("UPDATE log_groups SET tags = ? WHERE region = ? AND name = ?", (json.dumps(dict(tags)), *where))
            return tags

        return self._database.write(update)

    def create_stream(self, region: str, group: str, stream: str) -> bool:
        """False if it is there already. Makes the group if it must."""

        def insert(db: sqlite3.Connection) -> bool:
            now = self._database.clock.ms()
            make_group(db, region, group, now)
            return make_stream(db, region, group, stream, now)

        return self._database.write(insert)

    def stream(self, region: str, group: str, name: str) -> LogStream | None:
        with self._database.read() as db:
            row = db.execute(
                f"{_STREAM} WHERE region = ? AND log_group = ? AND name = ?", (region, group, name)
            ).fetchone()
        return LogStream(*row) if row else None

    def streams(self, region: str, group: str, prefix: str = "") -> list[LogStream]:
        """The streams of a group by name; none if there is no such group."""
        with self._database.read() as db:
            rows = db.execute(
                f"{_STREAM} WHERE region = ? AND log_group = ? AND substr(name, 1, length(?)) = ? ORDER BY name",
                (region, group, prefix, prefix),
            ).fetchall()
        return [LogStream(*row) for row in rows]

    def delete_stream(self, region: str, group: str, stream: str) -> bool:
        """With all its events; False if there is none."""
        where = "region = ? AND log_group = ? AND name = ?"
        removed = self._database.write(lambda db: _orphan(db, where, (region, group, stream)))
        self._expired()
        return removed > 0


def make_group(db: sqlite3.Connection, region: str, group: str, now: int) -> bool:
    made = db.execute("INSERT OR IGNORE INTO log_groups (region, name, created) VALUES (?, ?, ?)", (region, group, now))
    return made.rowcount == 1


def make_stream(db: sqlite3.Connection, region: str, group: str, stream: str, now: int) -> bool:
    made = db.execute(
        "INSERT OR IGNORE INTO log_streams (region, log_group, name, created) VALUES (?, ?, ?, ?)",
        (region, group, stream, now),
    )
    return made.rowcount == 1


def _orphan(db: sqlite3.Connection, where: str, values: tuple[str, ...]) -> int:
    return db.execute(
        f"UPDATE log_streams SET region = '', log_group = '', name = CAST(id AS TEXT) WHERE {where}", values
    ).rowcount


def _group(name: str, created: int, retention: int | None, tags: str, protected: int, size: int) -> LogGroup:
    return LogGroup(name, created, retention, json.loads(tags), bool(protected), size)
