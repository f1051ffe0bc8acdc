"""Logs: groups of streams of events, as CloudWatch Logs has them. Times are epoch milliseconds."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from clary.store.database import Database


@dataclass(frozen=True)
class LogStream:
    id: int
    name: str
    created: int
    first: int | None
    last: int | None
    ingested: int | None


@dataclass(frozen=True)
class LogEvent:
    """``id`` grows in the order of arrival."""

    id: int
    time: int
    ingested: int
    message: str


class LogEvents:
    def __init__(self, database: Database) -> None:
        self._database = database

    def create_group(self, region: str, group: str) -> bool:
        """False if it is there already."""

        def insert(db: sqlite3.Connection) -> bool:
            return _make_group(db, region, group)

        return self._database.write(insert)

    def delete_group(self, region: str, group: str) -> bool:
        """With all its streams and events; False if there is none."""

        def remove(db: sqlite3.Connection) -> bool:
            db.execute(
                "DELETE FROM log_events WHERE stream IN"
                " (SELECT id FROM log_streams WHERE region = ? AND log_group = ?)",
                (region, group),
            )
            db.execute("DELETE FROM log_streams WHERE region = ? AND log_group = ?", (region, group))
            return db.execute("DELETE FROM log_groups WHERE region = ? AND name = ?", (region, group)).rowcount == 1

        return self._database.write(remove)

    def groups(self, region: str, prefix: str = "") -> list[tuple[str, int, int | None]]:
        """(name, created, retention in days) by name."""
        with self._database.read() as db:
            return db.execute(
                "SELECT name, created, retention_days FROM log_groups"
                " WHERE region = ? AND substr(name, 1, length(?)) = ? ORDER BY name",
                (region, prefix, prefix),
            ).fetchall()

    def has_group(self, region: str, group: str) -> bool:
        with self._database.read() as db:
            found = db.execute("SELECT 1 FROM log_groups WHERE region = ? AND name = ?", (region, group))
            return found.fetchone() is not None

    def create_stream(self, region: str, group: str, stream: str) -> bool:
        """False if it is there already. Makes the group if it must."""

        def insert(db: sqlite3.Connection) -> bool:
            _make_group(db, region, group)
            return _make_stream(db, region, group, stream)

        return self._database.write(insert)

    def streams(self, region: str, group: str, prefix: str = "") -> list[LogStream]:
        """The streams of a group by name; none if there is no such group."""
        with self._database.read() as db:
            rows = db.execute(
                "SELECT id, name, created, first_time, last_time, ingested FROM log_streams"
                " WHERE region = ? AND log_group = ? AND substr(name, 1, length(?)) = ? ORDER BY name",
                (region, group, prefix, prefix),
            ).fetchall()
        return [LogStream(*row) for row in rows]

    def stream(self, region: str, group: str, name: str) -> LogStream | None:
        with self._database.read() as db:
            row = db.execute(
                "SELECT id, name, created, first_time, last_time, ingested FROM log_streams"
                " WHERE region = ? AND log_group = ? AND name = ?",
                (region, group, name),
            ).fetchone()
        return LogStream(*row) if row else None

    def append(
        self,
        region: str,
        group: str,
        stream: str,
        events: Sequence[tuple[int, str]],
        source: tuple[str, int] | None = None,
        also: Callable[[sqlite3.Connection], None] | None = None,
    ) -> None:
        """Add (time, message) pairs; makes group and stream at need.

        ``source`` names a file and the position up to which ``events`` have read it: kept in the same transaction, so
        after a crash reading goes on exactly behind what is stored. ``also`` writes what else follows from the lines.
        """

        def insert(db: sqlite3.Connection) -> None:
            now = _now()
            _make_group(db, region, group)
            _make_stream(db, region, group, stream)
            if source is not None:
                db.execute("INSERT OR REPLACE INTO sources (name, position) VALUES (?, ?)", source)
            if also is not None:
                also(db)
            if not events:
                return
            (number,) = db.execute(
                "SELECT id FROM log_streams WHERE region = ? AND log_group = ? AND name = ?",
                (region, group, stream),
            ).fetchone()
            db.executemany(
                "INSERT INTO log_events (stream, time, ingested, message) VALUES (?, ?, ?, ?)",
                [(number, at, now, message) for at, message in events],
            )
            times = [at for at, _ in events]
            db.execute(
                "UPDATE log_streams SET ingested = ?, first_time = min(coalesce(first_time, ?), ?),"
                " last_time = max(coalesce(last_time, ?), ?) WHERE id = ?",
                (now, min(times), min(times), max(times), max(times), number),
            )

        self._database.write(insert)

    def position(self, source: str) -> int:
        """How far a source was read; 0 if never."""
        with self._database.read() as db:
            row = db.execute("SELECT position FROM sources WHERE name = ?", (source,)).fetchone()
        return row[0] if row else 0

    def forget(self, source: str) -> None:
        """The file behind a source is gone."""
        self._database.write(lambda db: db.execute("DELETE FROM sources WHERE name = ?", (source,)) and None)

    def read(
        self,
        stream: int,
        *,
        after: int = 0,
        before: int | None = None,
        start: int | None = None,
        end: int | None = None,
        limit: int = 10_000,
        newest_first: bool = False,
    ) -> list[LogEvent]:
        """Events of a stream in the order of arrival: ids above ``after`` and below ``before``, times in [start, end).

        ``newest_first`` picks the last ``limit`` of them; the answer is in order of arrival all the same.
        """
        wanted, values = ["stream = ?", "id > ?"], [stream, after]
        for condition, value in (("id < ?", before), ("time >= ?", start), ("time < ?", end)):
            if value is not None:
                wanted.append(condition)
                values.append(value)
        query = (
            f"SELECT id, time, ingested, message FROM log_events WHERE {' AND '.join(wanted)}"
            f" ORDER BY id {'DESC' if newest_first else 'ASC'} LIMIT ?"
        )
        with self._database.read() as db:
            rows = db.execute(query, [*values, limit]).fetchall()
        events = [LogEvent(*row) for row in rows]
        return events[::-1] if newest_first else events


def _make_group(db: sqlite3.Connection, region: str, group: str) -> bool:
    made = db.execute(
        "INSERT OR IGNORE INTO log_groups (region, name, created) VALUES (?, ?, ?)", (region, group, _now())
    )
    return made.rowcount == 1


def _make_stream(db: sqlite3.Connection, region: str, group: str, stream: str) -> bool:
    made = db.execute(
        "INSERT OR IGNORE INTO log_streams (region, log_group, name, created) VALUES (?, ?, ?, ?)",
        (region, group, stream, _now()),
    )
    return made.rowcount == 1


def _now() -> int:
    return time.time_ns() // 1_000_000
