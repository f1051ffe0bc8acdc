"""The audit trail: one row a call, durable with the call's change or a moment after it.

The row of a call that writes rides in the transaction of its first write, so neither is ever there without the other;
a row of any other call waits in memory for at most ``GATHER`` seconds. Why: docs/design/005-audit.md.
"""

from __future__ import annotations

import json
import logging
import sqlite3
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, fields
from operator import attrgetter
from typing import NamedTuple

from clary.errors import ServiceError
from clary.store.database import Database, Reader, Rider, riding

log = logging.getLogger(__name__)

GATHER = 0.2
"""Seconds that rows are gathered before they are written: one flush of the disk for all that come in that time."""
_WAITING = (
    100_000  # rows kept in memory while the disk takes none; beyond that the oldest are lost, and the log says so
)
_TRIM_EVERY = 3600.0  # seconds
_TRIM_ROWS = 5000  # in one transaction, so that no write waits long
_DAY = 86_400_000_000  # microseconds


class Resource(NamedTuple):
    """What a call was about: the request's member that named it, its type (AWS::S3::Bucket) and its name or ARN."""

    member: str
    type: str
    name: str


@dataclass(frozen=True, kw_only=True)
class AuditEvent:
    """A call. ``id``: epoch microseconds of its coming, unique; ``error``: the code it was answered with, or empty."""

    id: int
    request_id: str
    region: str
    source: str
    name: str
    read_only: bool
    arn: str = ""
    principal: str = ""
    username: str = ""
    access_key: str = ""
    address: str = ""
    agent: str = ""
    signed: str = ""
    error: str = ""
    resources: tuple[Resource, ...] = ()


_NAMES = [item.name for item in fields(AuditEvent)]
_COLUMNS = ", ".join(_NAMES)
_INSERT = f"INSERT OR REPLACE INTO audit_events ({_COLUMNS}) VALUES ({', '.join('?' for _ in _NAMES)})"
_plain = attrgetter(*_NAMES[:-1])  # all but the resources, which are JSON in their column

# What may be asked for → its condition.
_FILTERS = {
    "request_id": "request_id = ?",
    "region": "region = ?",
    "source": "source = ?",
    "name": "name = ?",
    "username": "username = ?",
    "access_key": "access_key = ?",
    "read_only": "read_only = ?",
    "resource_type": "EXISTS (SELECT 1 FROM json_each(resources) WHERE value ->> 1 = ?)",
    "resource_name": "EXISTS (SELECT 1 FROM json_each(resources) WHERE value ->> 2 = ?)",
}


def lookup(
    reader: Reader,
    filters: dict[str, str | int],
    *,
    start: int = 0,
    end: int = 1 << 62,
    only_errors: bool = False,
    limit: int = 50,
) -> list[AuditEvent]:
    """The newest events that meet all ``filters``, newest first, with ids in [start, end).

    A filter is one of request_id, region, source, name, username, access_key, read_only, resource_type, resource_name.
    """
    wanted = ["id >= ?", "id < ?", *(_FILTERS[name] for name in filters)]
    if only_errors:
        wanted.append("error <> ''")
    with reader.read() as db:
        rows = db.execute(
            f"SELECT {_COLUMNS} FROM audit_events WHERE {' AND '.join(wanted)} ORDER BY id DESC LIMIT ?",
            [start, end, *filters.values(), limit],
        ).fetchall()
    return [_event(row) for row in rows]


class AuditEvents:
    """``days`` and ``rows``: how long and how many are kept; 0 keeps all. ``start`` begins to write and to trim."""

    def __init__(self, database: Database, *, days: int = 0, rows: int = 0) -> None:
        self._database = database
        self._days, self._rows = days, rows
        self._waiting: list[AuditEvent] = []
        self._last = 0
        self._changed = threading.Condition()
        self._flushing = threading.Lock()
        self._closed = False
        self._thread: threading.Thread | None = None

    def new_id(self) -> int:
        """Now, in epoch microseconds; never the same twice."""
        with self._changed:
            self._last = max(self._last + 1, time.time_ns() // 1000)
            return self._last

    def rider(self, event: AuditEvent) -> Rider:
        """Lets the row of a call share the transaction of the call's first write."""
        row = _row(event)

        def insert(db: sqlite3.Connection) -> None:
            db.execute(_INSERT, row)

        return Rider(insert)

    def add(self, event: AuditEvent) -> None:
        """Write the row, over one of the same id, within ``GATHER`` seconds. Never waits for the disk."""
        with self._changed:
            self._waiting.append(event)
            if len(self._waiting) == 1:
                self._changed.notify()

    def lookup(
        self, filters: dict[str, str | int], *, start: int = 0, end: int = 1 << 62, limit: int
    ) -> list[AuditEvent]:
        """As the function ``lookup``, all that was added before included."""
        self.flush()
        return lookup(self._database, filters, start=max(start, self._oldest()), end=end, limit=limit)

    def flush(self) -> None:
        """Write what waits; returns when it is durable. ``DiskFull`` if the disk is: then it goes on waiting."""
        with self._flushing:
            with self._changed:
                events, self._waiting = self._waiting, []
            if not events:
                return
            rows = [_row(event) for event in events]
            alone = riding.set(None)  # the row of the call that looks is not among those it finds
            try:
                self._database.write(lambda db: db.executemany(_INSERT, rows) and None)
            except (ServiceError, sqlite3.Error):
                with self._changed:
                    self._waiting = events + self._waiting
                    lost = len(self._waiting) - _WAITING
                    if lost > 0:
                        del self._waiting[:lost]
                        log.error("%d audit rows are lost: the disk takes none", lost)
                raise
            finally:
                riding.reset(alone)

    def trim(self) -> int:
        """Remove the rows beyond what is kept; returns how many."""
        removed = 0
        while (done := self._database.write(self._trim)) > 0:
            removed += done
        return removed

    def start(self) -> None:
        self._thread = threading.Thread(target=self._run, name="audit", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Write what waits; before the database is closed."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        if self._thread is not None:
            self._thread.join()
        try:
            self.flush()
        except (ServiceError, sqlite3.Error) as error:
            log.error("%d audit rows are lost: %s", len(self._waiting), error)

    def _run(self) -> None:
        due = 0.0
        while not self._closed:
            try:
                self.flush()
                if time.monotonic() >= due:
                    self.trim()
                    due = time.monotonic() + _TRIM_EVERY
            except (ServiceError, sqlite3.Error) as error:
                log.warning("audit rows wait for the disk: %s", error)
            with self._changed:
                self._changed.wait_for(lambda: self._waiting or self._closed, max(0.0, due - time.monotonic()))
                self._changed.wait_for(lambda: self._closed, GATHER)

    def _oldest(self) -> int:
        return time.time_ns() // 1000 - self._days * _DAY if self._days else 0

    def _trim(self, db: sqlite3.Connection) -> int:
        oldest = self._oldest()
        if self._rows:
            row = db.execute(
                "SELECT id FROM audit_events ORDER BY id DESC LIMIT 1 OFFSET ?", (self._rows - 1,)
            ).fetchone()
            oldest = max(oldest, row[0] if row else 0)
        return db.execute(
            "DELETE FROM audit_events WHERE id IN (SELECT id FROM audit_events WHERE id < ? ORDER BY id LIMIT ?)",
            (oldest, _TRIM_ROWS),
        ).rowcount


def _row(event: AuditEvent) -> tuple[object, ...]:
    return (*_plain(event), json.dumps(event.resources, separators=(",", ":"), ensure_ascii=False))


def _event(row: Sequence[object]) -> AuditEvent:
    values = dict(zip(_NAMES, row, strict=True))
    values["read_only"] = bool(values["read_only"])
    values["resources"] = tuple(Resource(*item) for item in json.loads(str(row[-1])))
    return AuditEvent(**values)  # type: ignore[arg-type]
