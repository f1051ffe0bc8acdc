"""The buckets of S3: where each is, whether it keeps versions, and what it is set to."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from clary.store.blobs import unused
from clary.store.database import Database
from clary.store.key_errors import BucketNotEmpty, NoSuchBucket
from clary.store.times import time_of

NEVER, ENABLED, SUSPENDED = "", "Enabled", "Suspended"
"""Whether a bucket keeps versions; it never goes back to the first."""

_COLUMNS = "name, region, created, tags, versioning, configuration"


@dataclass(frozen=True)
class Bucket:
    """``configuration``: what was put by its name (cors, lifecycle), in the members of S3's request."""

    name: str
    region: str
    created: datetime
    tags: Mapping[str, str]
    versioning: str = NEVER
    configuration: Mapping[str, Any] = field(default_factory=dict)


class BucketIndex:
    def __init__(self, database: Database) -> None:
        self._database = database

    def create(self, name: str, region: str, tags: Mapping[str, str] | None = None) -> bool:
        """False if it is there already."""

        def insert(db: sqlite3.Connection) -> bool:
            made = db.execute(
                "INSERT OR IGNORE INTO buckets (name, region, created, tags) VALUES (?, ?, ?, ?)",
                (name, region, self._database.clock.ms(), json.dumps(dict(tags or {}))),
            )
            return made.rowcount == 1

        return self._database.write(insert)

    def get(self, name: str) -> Bucket | None:
        with self._database.read() as db:
            row = db.execute(f"SELECT {_COLUMNS} FROM buckets WHERE name = ?", (name,)).fetchone()
        return _bucket(row) if row else None

    def all(self) -> list[Bucket]:
        """By name."""
        with self._database.read() as db:
            rows = db.execute(f"SELECT {_COLUMNS} FROM buckets ORDER BY name").fetchall()
        return [_bucket(row) for row in rows]

    def set_tags(self, name: str, tags: Mapping[str, str]) -> None:
        self._update(name, "tags = ?", json.dumps(dict(tags)))

    def set_versioning(self, name: str, status: str) -> None:
        """``ENABLED`` or ``SUSPENDED``."""
        self._update(name, "versioning = ?", status)

    def configure(self, name: str, part: str, value: Mapping[str, Any] | None) -> None:
        """Set one part of the configuration, or with None take it away."""
        if value is None:
            self._update(name, "configuration = json_remove(configuration, '$.' || ?)", part)
        else:
            self._update(name, "configuration = json_set(configuration, '$.' || ?, json(?))", part, json.dumps(value))

    def delete(self, name: str) -> list[str]:
        """With its unfinished uploads; ``BucketNotEmpty`` while it holds a version. Answers the blobs that are free."""

        def remove(db: sqlite3.Connection) -> list[str]:
            versioning = versioning_of(db, name)
            if db.execute("SELECT 1 FROM keys WHERE bucket = ? LIMIT 1", (name,)).fetchone():
                raise BucketNotEmpty(name, versioned=versioning != NEVER)
            uploads = "SELECT id FROM uploads WHERE bucket = ?"
            blobs = [b for (b,) in db.execute(f"SELECT blob FROM parts WHERE upload IN ({uploads})", (name,))]
            db.execute(f"DELETE FROM parts WHERE upload IN ({uploads})", (name,))
            db.execute("DELETE FROM uploads WHERE bucket = ?", (name,))
            db.execute("DELETE FROM buckets WHERE name = ?", (name,))
            return unused(db, blobs)

        return self._database.write(remove)

    def _update(self, name: str, change: str, *values: str) -> None:
        def update(db: sqlite3.Connection) -> None:
            if db.execute(f"UPDATE buckets SET {change} WHERE name = ?", (*values, name)).rowcount != 1:
                raise NoSuchBucket(name)

        self._database.write(update)


def versioning_of(db: sqlite3.Connection, name: str) -> str:
    """Whether the bucket keeps versions, read inside a transaction; ``NoSuchBucket``."""
    row = db.execute("SELECT versioning FROM buckets WHERE name = ?", (name,)).fetchone()
    if row is None:
        raise NoSuchBucket(name)
    return str(row[0])


def _bucket(row: tuple[Any, ...]) -> Bucket:
    name, region, created, tags, versioning, configuration = row
    return Bucket(name, region, time_of(created), json.loads(tags), versioning, json.loads(configuration))
