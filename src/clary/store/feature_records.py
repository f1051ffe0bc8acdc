"""Feature records: the online store's newest of each identifier, and an outbox of what the offline store has to write.

Both are written in one transaction. A row leaves the outbox when the file that holds it is an object: rows are first
given to a file by name, so that after a crash the same rows are written under the same name again.
"""

from __future__ import annotations

import json
import secrets
import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from clary.store.database import Database

Value = str | list[str]
Features = dict[str, Value]
Listener = Callable[[tuple[str, str, str]], None]

_FILE_BYTES = 16 << 20  # of rows in one file at most, so that writing it takes little memory


@dataclass(frozen=True)
class Group:
    """``id`` is unique over all time; ``key`` is the key of the group's record."""

    id: str
    key: tuple[str, str, str]


@dataclass(frozen=True)
class Online:
    """Times are epoch seconds; ``expires`` None is never. ``deleted``: softly, the features are gone."""

    event_time: float
    expires: float | None
    features: Features
    deleted: bool = False


@dataclass(frozen=True)
class Row:
    """What the offline store gets: columns and their JSON values."""

    event_time: float
    columns: dict[str, Any]


@dataclass(frozen=True)
class Change:
    """What becomes of the online record, and the row that the offline store gets."""

    online: Online | Literal["keep", "remove"]
    row: Row | None = None


class GroupGone(Exception):
    """The group was deleted meanwhile, or is being deleted."""


class FeatureRecords:
    def __init__(self, database: Database) -> None:
        self._database = database
        self._listeners: list[Listener] = []

    def subscribe(self, listener: Listener) -> None:
        """Call ``listener`` with a group's key when its outbox is no longer empty, from the writer's thread."""
        self._listeners.append(listener)

    def change(self, group: Group, identifier: str, now: float, decide: Callable[[Online | None], Change]) -> None:
        """Change the record of an identifier as ``decide`` says, which gets what is there; durable on return.

        What has expired is not there. What ``decide`` raises leaves everything as it was. ``GroupGone``.
        """

        def write(db: sqlite3.Connection) -> bool:
            _require(db, group)
            db.execute("DELETE FROM feature_records WHERE feature_group = ? AND expires <= ?", (group.id, now))
            change = decide(_get(db, group.id, identifier, now))
            if change.online == "remove":
                db.execute(
                    "DELETE FROM feature_records WHERE feature_group = ? AND identifier = ?", (group.id, identifier)
                )
            elif change.online != "keep":
                _set(db, group.id, identifier, change.online)
            return change.row is not None and _append(db, group.id, change.row)

        self._database.write(write, lambda first: self._tell(group.key) if first else None)

    def get(self, group: str, identifier: str, now: float) -> Online | None:
        with self._database.read() as db:
            return _get(db, group, identifier, now)

    def identifiers(self, group: str, now: float, *, deleted: bool, after: str | None, limit: int) -> list[str]:
        """In the order of their code points, behind ``after``; ``deleted``: with those that were softly deleted."""
        with self._database.read() as db:
            rows = db.execute(
                "SELECT identifier FROM feature_records WHERE feature_group = ? AND (expires IS NULL OR expires > ?)"
                " AND (deleted = 0 OR ?) AND (? IS NULL OR identifier > ?) ORDER BY identifier LIMIT ?",
                (group, now, deleted, after, after, limit),
            ).fetchall()
        return [identifier for (identifier,) in rows]

    def size(self, group: str) -> int:
        """Bytes of the identifiers and features of a group's online records."""
        with self._database.read() as db:
            query = "SELECT coalesce(sum(length(identifier) + length(features)), 0) FROM feature_records WHERE feature_group = ?"
            return int(db.execute(query, (group,)).fetchone()[0])

    def forget(self, group: str) -> None:
        """Remove the group's online records."""
        self._database.write(
            lambda db: db.execute("DELETE FROM feature_records WHERE feature_group = ?", (group,)) and None
        )

    # The outbox.

    def waits_since(self, group: str) -> float | None:
        """When the first row came that has no file yet, in epoch seconds; None if there is none."""
        with self._database.read() as db:
            row = db.execute(
                "SELECT json_extract(row, '$.api_invocation_time') FROM feature_outbox"
                " WHERE feature_group = ? AND file = '' ORDER BY id LIMIT 1",
                (group,),
            ).fetchone()
        return datetime.fromisoformat(row[0]).timestamp() if row else None

    def assign(self, group: str) -> None:
        """Give the rows that wait to files, one for each hour of their event times."""

        def write(db: sqlite3.Connection) -> None:
            hours: dict[str, list[tuple[float, int]]] = {}
            total = 0
            for number, event_time, size in db.execute(
                "SELECT id, event_time, length(row) FROM feature_outbox WHERE feature_group = ? AND file = '' ORDER BY id",
                (group,),
            ):
                hours.setdefault(_hour(event_time), []).append((event_time, number))
                total += size
                if total > _FILE_BYTES:
                    break
            for hour, rows in hours.items():
                latest = datetime.fromtimestamp(max(rows)[0], UTC)
                file = f"{hour}/{latest:%Y%m%dT%H%M%SZ}_{secrets.token_hex(8)}.parquet"
                db.executemany(
                    "UPDATE feature_outbox SET file = ? WHERE id = ?", [(file, number) for _, number in rows]
                )

        self._database.write(write)

    def files(self, group: str) -> list[str]:
        """The files that are not written yet."""
        with self._database.read() as db:
            query = "SELECT DISTINCT file FROM feature_outbox WHERE feature_group = ? AND file != '' ORDER BY file"
            return [file for (file,) in db.execute(query, (group,))]

    def rows(self, group: str, file: str) -> list[dict[str, Any]]:
        """What belongs into a file, in the order of arrival."""
        with self._database.read() as db:
            query = "SELECT row FROM feature_outbox WHERE feature_group = ? AND file = ? ORDER BY id"
            return [json.loads(row) for (row,) in db.execute(query, (group, file))]

    def written(self, group: str, file: str) -> None:
        """The file is an object: its rows may go."""

        def remove(db: sqlite3.Connection) -> None:
            db.execute("DELETE FROM feature_outbox WHERE feature_group = ? AND file = ?", (group, file))

        self._database.write(remove)

    def _tell(self, key: tuple[str, str, str]) -> None:
        for listener in self._listeners:
            listener(key)


def _require(db: sqlite3.Connection, group: Group) -> None:
    query = "SELECT json_extract(body, '$._id') FROM records WHERE region = ? AND kind = ? AND name = ? AND status = 'Created'"
    if db.execute(query, group.key).fetchone() != (group.id,):
        raise GroupGone(group.key[2])


def _get(db: sqlite3.Connection, group: str, identifier: str, now: float) -> Online | None:
    row = db.execute(
        "SELECT event_time, expires, features, deleted FROM feature_records WHERE feature_group = ? AND identifier = ?",
        (group, identifier),
    ).fetchone()
    if row is None or (row[1] is not None and row[1] <= now):
        return None
    return Online(row[0], row[1], json.loads(row[2]), bool(row[3]))


def _set(db: sqlite3.Connection, group: str, identifier: str, online: Online) -> None:
    db.execute(
        "INSERT OR REPLACE INTO feature_records (feature_group, identifier, event_time, expires, deleted, features)"
        " VALUES (?, ?, ?, ?, ?, ?)",
        (group, identifier, online.event_time, online.expires, online.deleted, _dump(online.features)),
    )


def _append(db: sqlite3.Connection, group: str, row: Row) -> bool:
    """True if nothing waited before."""
    waiting = db.execute(
        "SELECT 1 FROM feature_outbox WHERE feature_group = ? AND file = '' LIMIT 1", (group,)
    ).fetchone()
    db.execute(
        "INSERT INTO feature_outbox (feature_group, file, event_time, row) VALUES (?, '', ?, ?)",
        (group, row.event_time, _dump(row.columns)),
    )
    return waiting is None


def _hour(event_time: float) -> str:
    return f"{datetime.fromtimestamp(event_time, UTC):year=%Y/month=%m/day=%d/hour=%H}"


def _dump(value: Sequence[Any] | dict[str, Any]) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)
