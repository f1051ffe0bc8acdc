"""Multipart uploads on their way: what was announced, and the parts that came."""

from __future__ import annotations

import json
import secrets
import sqlite3
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from clary.store.blobs import unused
from clary.store.buckets import versioning_of
from clary.store.database import Database
from clary.store.key_errors import NoSuchUpload, OperationAborted
from clary.store.keys import Check, Encryption, Entry, PartSize, put
from clary.store.times import ms_of, time_of


@dataclass(frozen=True)
class Upload:
    """``body`` holds what the request to begin it said of the object, as JSON values."""

    id: str
    bucket: str
    key: str
    created: datetime
    body: Mapping[str, Any]

    @property
    def encryption(self) -> Encryption | None:
        """Of its parts, and of the object that they become."""
        kept = self.body.get("encryption")
        return Encryption(**kept) if kept else None


@dataclass(frozen=True)
class Part:
    number: int
    blob: str
    size: int
    etag: str
    modified: datetime
    checksum: str


class Uploads:
    def __init__(self, database: Database) -> None:
        self._database = database

    def begin(self, bucket: str, key: str, body: Mapping[str, Any]) -> Upload:
        created = self._database.clock.ms()
        number = f"{time.time_ns():016x}{secrets.token_hex(16)}"

        def insert(db: sqlite3.Connection) -> None:
            versioning_of(db, bucket)
            db.execute(
                "INSERT INTO uploads (id, bucket, key, created, body) VALUES (?, ?, ?, ?, ?)",
                (number, bucket, key, created, json.dumps(dict(body))),
            )

        self._database.write(insert)
        return Upload(number, bucket, key, time_of(created), body)

    def get(self, bucket: str, key: str, upload: str) -> Upload:
        """``NoSuchBucket``, ``NoSuchUpload``."""
        with self._database.read() as db:
            return _find(db, bucket, key, upload)

    def page(self, bucket: str, prefix: str = "") -> list[Upload]:
        """All uploads under that prefix by key, then by the time they began."""
        with self._database.read() as db:
            versioning_of(db, bucket)
            rows = db.execute(
                "SELECT id, bucket, key, created, body FROM uploads"
                " WHERE bucket = ? AND substr(key, 1, length(?)) = ? ORDER BY key, id",
                (bucket, prefix, prefix),
            ).fetchall()
        return [_upload(row) for row in rows]

    def parts(self, upload: Upload, after: int = 0, limit: int = 10_000) -> list[Part]:
        """The parts that are there, by number."""
        with self._database.read() as db:
            rows = db.execute(
                "SELECT number, blob, size, etag, modified, checksum FROM parts"
                " WHERE upload = ? AND number > ? ORDER BY number LIMIT ?",
                (upload.id, after, limit),
            ).fetchall()
        return [Part(n, blob, size, etag, time_of(at), checksum) for n, blob, size, etag, at, checksum in rows]

    def put_part(self, upload: Upload, part: Part) -> list[str]:
        """Set a part, over one of the same number; answers the blobs that are free."""

        def insert(db: sqlite3.Connection) -> list[str]:
            _find(db, upload.bucket, upload.key, upload.id)
            at = (upload.id, part.number)
            before = [b for (b,) in db.execute("SELECT blob FROM parts WHERE upload = ? AND number = ?", at)]
            db.execute(
                "INSERT OR REPLACE INTO parts (upload, number, blob, size, etag, modified, checksum)"
                " VALUES (?, ?, ?, ?, ?, ?, ?)",
                (*at, part.blob, part.size, part.etag, ms_of(part.modified), part.checksum),
            )
            return unused(db, before)

        return self._database.write(insert)

    def complete(
        self, upload: Upload, entry: Entry, parts: Sequence[Part], check: Check | None = None
    ) -> tuple[Entry, list[str]]:
        """Put the object that was joined of ``parts`` and end the upload; answers the blobs that are free.

        ``OperationAborted`` if one of the parts was replaced meanwhile.
        """

        def write(db: sqlite3.Connection) -> tuple[Entry, list[str]]:
            _find(db, upload.bucket, upload.key, upload.id)
            there = dict(db.execute("SELECT number, blob FROM parts WHERE upload = ?", (upload.id,)))
            if any(there.get(part.number) != part.blob for part in parts):
                raise OperationAborted
            sizes = [PartSize(part.number, part.size, part.checksum) for part in parts]
            done, free = put(db, entry, self._database.clock.ms(), sizes, check)
            _end(db, upload)
            return done, [*free, *unused(db, there.values())]

        return self._database.write(write)

    def abort(self, upload: Upload) -> list[str]:
        """End it without an object; answers the blobs that are free."""

        def remove(db: sqlite3.Connection) -> list[str]:
            _find(db, upload.bucket, upload.key, upload.id)
            blobs = [b for (b,) in db.execute("SELECT blob FROM parts WHERE upload = ?", (upload.id,))]
            _end(db, upload)
            return unused(db, blobs)

        return self._database.write(remove)


def _find(db: sqlite3.Connection, bucket: str, key: str, upload: str) -> Upload:
    row = db.execute(
        "SELECT id, bucket, key, created, body FROM uploads WHERE id = ? AND bucket = ? AND key = ?",
        (upload, bucket, key),
    ).fetchone()
    if row is None:
        versioning_of(db, bucket)
        raise NoSuchUpload(upload)
    return _upload(row)


def _end(db: sqlite3.Connection, upload: Upload) -> None:
    db.execute("DELETE FROM parts WHERE upload = ?", (upload.id,))
    db.execute("DELETE FROM uploads WHERE id = ?", (upload.id,))


def _upload(row: tuple[Any, ...]) -> Upload:
    number, bucket, key, created, body = row
    return Upload(number, bucket, key, time_of(created), json.loads(body))
