"""Records in SQLite; the contract is in ``clary.store.base``."""

from __future__ import annotations

import json
import sqlite3
import threading
import time
from collections.abc import Callable, Collection, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from clary.store import queries
from clary.store.base import Also, Conflict, Listener, Position, Query, Record
from clary.store.database import Database

_COLUMNS = "region, kind, name, status, version, created, modified, arn, body"


_BY_ARN = f"SELECT {_COLUMNS} FROM records WHERE arn = ? COLLATE NOCASE AND arn != ''"


class SqlStore:
    def __init__(self, database: Database) -> None:
        self._database = database
        self._listeners: list[Listener] = []
        self._lock = threading.Lock()
        self._newest = 0  # the last version given out; touched by the writer's thread only

    def create(self, record: Record, also: Also | None = None) -> Record:
        def insert(db: sqlite3.Connection) -> Record:
            now = _time(self._database.clock.ms())
            new = replace(
                record,
                version=self._version(),
                created=record.created or now,
                modified=record.modified or now,
            )
            if new.arn and db.execute(_BY_ARN, (new.arn,)).fetchone():
                raise Conflict(f"{new.arn} exists already")
            try:
                db.execute(f"INSERT INTO records ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", _row(new))
            except sqlite3.IntegrityError:
                raise Conflict(f"{record.kind} {record.name!r} exists already") from None
            if also is not None:
                also(db)
            return new

        return self._database.write(insert, self._tell)

    def get(self, region: str, kind: str, name: str) -> Record | None:
        with self._database.read() as db:
            row = db.execute(
                f"SELECT {_COLUMNS} FROM records WHERE region = ? AND kind = ? AND name = ?",
                (region, kind, name),
            ).fetchone()
        return _record(row) if row else None

    def find(self, arn: str) -> Record | None:
        with self._database.read() as db:
            row = db.execute(_BY_ARN, (arn,)).fetchone()
        return _record(row) if row else None

    def put(self, record: Record, also: Also | None = None) -> Record:
        def update(db: sqlite3.Connection) -> Record:
            new = replace(record, version=self._version())
            changed = db.execute(
                "UPDATE records SET status = ?, version = ?, modified = ?, body = ?"
                " WHERE region = ? AND kind = ? AND name = ? AND version = ?",
                (new.status, new.version, queries.ms(new.modified), _dump(new.body), *record.key, record.version),
            )
            if changed.rowcount != 1:
                raise Conflict(f"{record.kind} {record.name!r} was changed by somebody else")
            if also is not None:
                also(db)
            return new

        return self._database.write(update, self._tell)

    def delete(self, record: Record, also: Also | None = None) -> None:
        def remove(db: sqlite3.Connection) -> Record:
            changed = db.execute(
                "DELETE FROM records WHERE region = ? AND kind = ? AND name = ? AND version = ?",
                (*record.key, record.version),
            )
            if changed.rowcount != 1:
                raise Conflict(f"{record.kind} {record.name!r} was changed by somebody else")
            if also is not None:
                also(db)
            return replace(record, status="Deleted")

        self._database.write(remove, self._tell)

    def scan(
        self, region: str | None, kind: str, *, status: str | None = None, without: Collection[str] = ()
    ) -> Iterator[Record]:
        wanted, values = ["kind = ?"], [kind]
        if region is not None:
            wanted.append("region = ?")
            values.append(region)
        if status is not None:
            wanted.append("status = ?")
            values.append(status)
        if without:
            wanted.append(f"status NOT IN ({', '.join('?' * len(without))})")
            values.extend(without)
        query = f"SELECT {_COLUMNS} FROM records WHERE {' AND '.join(wanted)} ORDER BY name, region"
        with self._database.read() as db:
            rows = db.execute(query, values).fetchall()
        return map(_record, rows)

    def page(self, region: str, kind: str, query: Query) -> tuple[list[Record], Position | None]:
        with self._database.read() as db:
            rows = db.execute(*queries.select(_COLUMNS, region, kind, query)).fetchall()
        records = [_record(row[1:]) for row in rows[: query.limit]]
        if len(rows) <= query.limit or not records:
            return records, None
        return records, (rows[query.limit - 1][0], records[-1].name)

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        with self._lock:
            self._listeners.append(listener)

        def leave() -> None:
            with self._lock:
                if listener in self._listeners:
                    self._listeners.remove(listener)

        return leave

    def _tell(self, record: Record) -> None:
        with self._lock:
            listeners = list(self._listeners)
        for listener in listeners:
            listener(record)

    def _version(self) -> int:
        # The clock makes versions unique over restarts and deletions, the maximum over a clock set back.
        self._newest = max(self._newest + 1, time.time_ns())
        return self._newest


def _row(record: Record) -> tuple[Any, ...]:
    return (
        *record.key,
        record.status,
        record.version,
        queries.ms(record.created),
        queries.ms(record.modified),
        record.arn,
        _dump(record.body),
    )


def _record(row: tuple[Any, ...]) -> Record:
    region, kind, name, status, version, created, modified, arn, body = row
    return Record(
        region=region,
        kind=kind,
        name=name,
        status=status,
        version=version,
        created=_time(created),
        modified=_time(modified),
        arn=arn,
        body=json.loads(body),
    )


def _dump(body: dict[str, Any]) -> str:
    return json.dumps(body, default=_plain, separators=(",", ":"), ensure_ascii=False)


def _plain(value: Any) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    raise TypeError(f"a record's body holds JSON values and times, not {type(value).__name__}")


def _time(ms: int) -> datetime:
    return datetime.fromtimestamp(ms / 1000, UTC)
