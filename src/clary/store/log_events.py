"""Logs: groups of streams of events, as CloudWatch Logs has them. Times are epoch milliseconds."""

from __future__ import annotations

import heapq
import sqlite3
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from clary.store.database import Database
from clary.store.log_groups import LogGroups, LogStream, make_group, make_stream

_PIECE = 500  # events of a stream read at a time
WEIGHT = 26  # bytes that AWS counts for an event beside its message


@dataclass(frozen=True)
class LogEvent:
    """``id`` grows in the order of arrival."""

    id: int
    time: int
    ingested: int
    message: str


class LogEvents:
    """``expired`` is set when ``expire`` has something to do."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.expired = threading.Event()
        self.groups = LogGroups(database, self.expired.set)

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
            moment = self._database.clock.ms()
            make_group(db, region, group, moment)
            make_stream(db, region, group, stream, moment)
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
                [(number, at, moment, message) for at, message in events],
            )
            times = [at for at, _ in events]
            size = sum(len(message.encode("utf-8", "replace")) + WEIGHT for _, message in events)
            db.execute(
                "UPDATE log_streams SET ingested = ?, first_time = min(coalesce(first_time, ?), ?),"
                " last_time = max(coalesce(last_time, ?), ?), bytes = bytes + ? WHERE id = ?",
                (moment, min(times), min(times), max(times), max(times), size, number),
            )

        self._database.write(insert)

    def position(self, source: str) -> int:
        """How far a source was read; 0 if never."""
        with self._database.read() as db:
            row = db.execute("SELECT position FROM sources WHERE name = ?", (source,)).fetchone()
        return row[0] if row else 0

    @staticmethod
    def advance(source: str, position: int) -> Callable[[sqlite3.Connection], None]:
        """That a source was read so far, as a part of the transaction that keeps what was read."""

        def write(db: sqlite3.Connection) -> None:
            db.execute("INSERT OR REPLACE INTO sources (name, position) VALUES (?, ?)", (source, position))

        return write

    def forget(self, source: str) -> None:
        """The file behind a source is gone; so are its marks (``source#…``) and, of a folder, the files in it."""

        def remove(db: sqlite3.Connection) -> None:
            db.execute("DELETE FROM sources WHERE name = ?", (source,))
            for start, end in (("#", "$"), ("/", "0")):  # each with the sign after it
                db.execute("DELETE FROM sources WHERE name > ? AND name < ?", (source + start, source + end))

        self._database.write(remove)

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

    def merged(
        self,
        streams: Sequence[LogStream],
        start: int,
        end: int,
        *,
        behind: tuple[int, int] | None = None,
        newest_first: bool = False,
    ) -> Iterator[tuple[LogStream, LogEvent]]:
        """Events of several streams by (time, id), times in [start, end), beyond ``behind`` in that order.

        A stream is opened when its first event (its last, if the newest come first) is due: of a thousand jobs that
        ran one after the other, one is read at a time.
        """
        sign = -1 if newest_first else 1

        def due(stream: LogStream) -> int:
            return sign * ((stream.last if newest_first else stream.first) or 0)

        waiting = sorted((s for s in streams if s.last is not None), key=lambda s: (due(s), s.id), reverse=True)
        opened: list[tuple[int, int, LogStream, LogEvent, Iterator[LogEvent]]] = []
        while waiting or opened:
            while waiting and (not opened or due(waiting[-1]) <= opened[0][0]):
                stream = waiting.pop()
                events = self._by_time(stream.id, start, end, behind, newest_first)
                if (event := next(events, None)) is not None:
                    heapq.heappush(opened, (sign * event.time, sign * event.id, stream, event, events))
            if not opened:
                continue
            _, _, stream, event, events = opened[0]
            yield stream, event
            if (event_ := next(events, None)) is not None:
                heapq.heapreplace(opened, (sign * event_.time, sign * event_.id, stream, event_, events))
            else:
                heapq.heappop(opened)

    def _by_time(
        self, stream: int, start: int, end: int, behind: tuple[int, int] | None, newest_first: bool
    ) -> Iterator[LogEvent]:
        sign, order = ("<", "DESC") if newest_first else (">", "ASC")
        time, number = behind or ((end, 0) if newest_first else (start, 0))
        while True:
            with self._database.read() as db:
                rows = db.execute(
                    "SELECT id, time, ingested, message FROM log_events WHERE stream = ? AND time >= ? AND time < ?"
                    f" AND (time, id) {sign} (?, ?) ORDER BY time {order}, id {order} LIMIT {_PIECE}",
                    (stream, start, end, time, number),
                ).fetchall()
            yield from (LogEvent(*row) for row in rows)
            if len(rows) < _PIECE:
                return
            number, time = rows[-1][:2]

    def expire(self, most: int) -> int:
        """Remove at most ``most`` events that are older than their group keeps them, or whose stream was deleted."""

        def remove(db: sqlite3.Connection) -> int:
            gone = db.execute(
                "DELETE FROM log_events WHERE id IN (SELECT e.id FROM log_streams s CROSS JOIN log_events e"
                " ON e.stream = s.id WHERE s.region = '' UNION ALL SELECT e.id FROM log_groups g"
                " CROSS JOIN log_streams s ON s.region = g.region AND s.log_group = g.name"
                " CROSS JOIN log_events e ON e.stream = s.id AND e.time < ? - g.retention_days * 86400000"
                " WHERE g.retention_days IS NOT NULL LIMIT ?)"
                f" RETURNING stream, length(CAST(message AS BLOB)) + {WEIGHT}",
                (self._database.clock.ms(), most),
            ).fetchall()
            sizes: dict[int, int] = {}
            for stream, size in gone:
                sizes[stream] = sizes.get(stream, 0) + size
            db.executemany(
                "UPDATE log_streams SET bytes = bytes - ?,"
                " first_time = coalesce((SELECT min(time) FROM log_events WHERE stream = log_streams.id), last_time)"
                " WHERE id = ?",
                [(size, stream) for stream, size in sizes.items()],
            )
            db.execute(
                "DELETE FROM log_streams WHERE region = ''"
                " AND NOT EXISTS (SELECT 1 FROM log_events WHERE stream = log_streams.id)"
            )
            return len(gone)

        return self._database.write(remove)
