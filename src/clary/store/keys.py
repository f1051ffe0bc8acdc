"""The key index of S3: buckets, and which blob stands under which key.

A blob is in use while a row of ``keys`` or ``parts`` names it. Whatever ends the last use answers the blob's id, so
that the caller can remove it once the change is durable; an id that nobody uses never comes into use again.
"""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from clary.store.database import Database
from clary.store.key_errors import BucketNotEmpty, NoSuchBucket, NoSuchKey, OperationAborted


@dataclass(frozen=True)
class Bucket:
    name: str
    region: str
    created: datetime
    tags: Mapping[str, str]


@dataclass(frozen=True)
class Checksum:
    """``algorithm`` as S3 writes it (CRC64NVME), ``value`` base64, ``type`` FULL_OBJECT or COMPOSITE."""

    algorithm: str
    value: str
    type: str = "FULL_OBJECT"


@dataclass(frozen=True)
class PartSize:
    """A part of an object that was uploaded in parts; ``checksum`` is base64 or empty."""

    number: int
    size: int
    checksum: str = ""


@dataclass(frozen=True, kw_only=True)
class Entry:
    """An object under its key. ``etag`` is without quotes; ``headers`` are further ones by wire name (CacheControl).

    ``upload``: the id of the multipart upload it came by, ``part_count`` how many parts that had; else "" and 0.
    """

    bucket: str
    key: str
    blob: str
    size: int
    etag: str
    modified: datetime = datetime.fromtimestamp(0, UTC)
    content_type: str = "binary/octet-stream"
    metadata: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    storage_class: str = "STANDARD"
    checksum: Checksum | None = None
    upload: str = ""
    part_count: int = 0


Check = Callable[[Entry | None], None]
"""Looks at what stands under a key now; raises to forbid the change."""

_COLUMNS = "bucket, key, blob, size, etag, modified, body"
_BODY = ("content_type", "metadata", "headers", "tags", "storage_class", "upload", "part_count")


class KeyIndex:
    def __init__(self, database: Database) -> None:
        self._database = database

    def create_bucket(self, name: str, region: str, tags: Mapping[str, str] | None = None) -> bool:
        """False if it is there already."""

        def insert(db: sqlite3.Connection) -> bool:
            made = db.execute(
                "INSERT OR IGNORE INTO buckets (name, region, created, tags) VALUES (?, ?, ?, ?)",
                (name, region, now_ms(), json.dumps(dict(tags or {}))),
            )
            return made.rowcount == 1

        return self._database.write(insert)

    def bucket(self, name: str) -> Bucket | None:
        with self._database.read() as db:
            row = db.execute("SELECT name, region, created, tags FROM buckets WHERE name = ?", (name,)).fetchone()
        return _bucket(row) if row else None

    def buckets(self) -> list[Bucket]:
        with self._database.read() as db:
            rows = db.execute("SELECT name, region, created, tags FROM buckets ORDER BY name").fetchall()
        return [_bucket(row) for row in rows]

    def set_bucket_tags(self, name: str, tags: Mapping[str, str]) -> None:
        def update(db: sqlite3.Connection) -> None:
            if db.execute("UPDATE buckets SET tags = ? WHERE name = ?", (json.dumps(dict(tags)), name)).rowcount != 1:
                raise NoSuchBucket(name)

        self._database.write(update)

    def delete_bucket(self, name: str) -> list[str]:
        """With its unfinished uploads; ``BucketNotEmpty`` while it holds a key. Answers the blobs that are free."""

        def remove(db: sqlite3.Connection) -> list[str]:
            require_bucket(db, name)
            if db.execute("SELECT 1 FROM keys WHERE bucket = ? LIMIT 1", (name,)).fetchone():
                raise BucketNotEmpty(name)
            uploads = "SELECT id FROM uploads WHERE bucket = ?"
            blobs = [b for (b,) in db.execute(f"SELECT blob FROM parts WHERE upload IN ({uploads})", (name,))]
            db.execute(f"DELETE FROM parts WHERE upload IN ({uploads})", (name,))
            db.execute("DELETE FROM uploads WHERE bucket = ?", (name,))
            db.execute("DELETE FROM buckets WHERE name = ?", (name,))
            return unused(db, blobs)

        return self._database.write(remove)

    def get(self, bucket: str, key: str) -> Entry:
        """``NoSuchBucket``, ``NoSuchKey``."""
        with self._database.read() as db:
            found = find(db, bucket, key)
            if found is None:
                require_bucket(db, bucket)
                raise NoSuchKey(bucket, key)
        return found

    def parts(self, entry: Entry) -> list[PartSize]:
        """The parts that it was uploaded in."""
        with self._database.read() as db:
            row = db.execute(
                "SELECT parts FROM keys WHERE bucket = ? AND key = ? AND blob = ?",
                (entry.bucket, entry.key, entry.blob),
            ).fetchone()
        return [PartSize(*part) for part in json.loads(row[0])] if row else []

    def put(self, entry: Entry, *, check: Check | None = None, shared: bool = False) -> tuple[Entry, list[str]]:
        """Set the key; answers it as it stands, and the blobs that are free.

        ``shared``: the blob stands under another key already; ``OperationAborted`` if it no longer does.
        """

        def write(db: sqlite3.Connection) -> tuple[Entry, list[str]]:
            if shared and unused(db, [entry.blob]):
                raise OperationAborted
            return put(db, entry, (), check)

        return self._database.write(write)

    def delete(self, bucket: str, keys: Sequence[str], *, check: Check | None = None) -> list[str]:
        """Remove keys, all or (if ``check`` raises) none; absent ones are no error. Answers the blobs that are free."""

        def remove(db: sqlite3.Connection) -> list[str]:
            require_bucket(db, bucket)
            blobs = []
            for key in keys:
                found = find(db, bucket, key)
                if check is not None:
                    check(found)
                if found is not None:
                    db.execute("DELETE FROM keys WHERE bucket = ? AND key = ?", (bucket, key))
                    blobs.append(found.blob)
            return unused(db, blobs)

        return self._database.write(remove)

    def set_tags(self, bucket: str, key: str, tags: Mapping[str, str]) -> None:
        def update(db: sqlite3.Connection) -> None:
            found = find(db, bucket, key)
            if found is None:
                require_bucket(db, bucket)
                raise NoSuchKey(bucket, key)
            db.execute(
                "UPDATE keys SET body = ? WHERE bucket = ? AND key = ?",
                (_body(replace(found, tags=tags)), bucket, key),
            )

        self._database.write(update)

    def page(
        self, bucket: str, prefix: str = "", *, after: str = "", start: str = "", limit: int = 1000
    ) -> list[Entry]:
        """Up to ``limit`` keys with that prefix, above ``after`` and not below ``start``, in the order of UTF-8."""
        condition, values = "bucket = ? AND key >= ? AND key > ?", [bucket, max(prefix, start), after]
        if (end := successor(prefix)) is not None:
            condition += " AND key < ?"
            values.append(end)
        with self._database.read() as db:
            require_bucket(db, bucket)
            rows = db.execute(
                f"SELECT {_COLUMNS} FROM keys WHERE {condition} ORDER BY key LIMIT ?", [*values, limit]
            ).fetchall()
        return [_entry(row) for row in rows]

    def in_use(self) -> set[str]:
        """The ids of all blobs that a row names."""
        with self._database.read() as db:
            return {blob for (blob,) in db.execute("SELECT blob FROM keys UNION SELECT blob FROM parts")}


def require_bucket(db: sqlite3.Connection, name: str) -> None:
    if db.execute("SELECT 1 FROM buckets WHERE name = ?", (name,)).fetchone() is None:
        raise NoSuchBucket(name)


def find(db: sqlite3.Connection, bucket: str, key: str) -> Entry | None:
    row = db.execute(f"SELECT {_COLUMNS} FROM keys WHERE bucket = ? AND key = ?", (bucket, key)).fetchone()
    return _entry(row) if row else None


def put(
    db: sqlite3.Connection, entry: Entry, parts: Sequence[PartSize], check: Check | None
) -> tuple[Entry, list[str]]:
    """Set a key inside a transaction; see ``KeyIndex.put``."""
    require_bucket(db, entry.bucket)
    before = find(db, entry.bucket, entry.key)
    if check is not None:
        check(before)
    modified = now_ms()
    entry = replace(entry, modified=time_of(modified))
    db.execute(
        f"INSERT OR REPLACE INTO keys ({_COLUMNS}, parts) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (
            entry.bucket,
            entry.key,
            entry.blob,
            entry.size,
            entry.etag,
            modified,
            _body(entry),
            json.dumps([(part.number, part.size, part.checksum) for part in parts]),
        ),
    )
    return entry, unused(db, [before.blob] if before else [])


def unused(db: sqlite3.Connection, blobs: Iterable[str]) -> list[str]:
    """Those that no row names any more."""
    query = "SELECT EXISTS (SELECT 1 FROM keys WHERE blob = ?) OR EXISTS (SELECT 1 FROM parts WHERE blob = ?)"
    return [blob for blob in dict.fromkeys(blobs) if not db.execute(query, (blob, blob)).fetchone()[0]]


def successor(prefix: str) -> str | None:
    """The first text behind all that begin with ``prefix``, by code points; None if there is none."""
    while prefix:
        last = ord(prefix[-1])
        prefix = prefix[:-1]
        if last < 0x10FFFF:
            return prefix + chr(0xE000 if last == 0xD7FF else last + 1)  # surrogates are no characters
    return None


def _bucket(row: tuple[Any, ...]) -> Bucket:
    name, region, created, tags = row
    return Bucket(name, region, time_of(created), json.loads(tags))


def _entry(row: tuple[Any, ...]) -> Entry:
    bucket, key, blob, size, etag, modified, text = row
    body = json.loads(text)
    checksum = body.pop("checksum", None)
    return Entry(
        bucket=bucket,
        key=key,
        blob=blob,
        size=size,
        etag=etag,
        modified=time_of(modified),
        checksum=Checksum(*checksum) if checksum else None,
        **body,
    )


def _body(entry: Entry) -> str:
    body = {name: getattr(entry, name) for name in _BODY}
    if entry.checksum:
        body["checksum"] = (entry.checksum.algorithm, entry.checksum.value, entry.checksum.type)
    return json.dumps({name: value for name, value in body.items() if value}, separators=(",", ":"))


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def time_of(ms: int) -> datetime:
    return datetime.fromtimestamp(ms / 1000, UTC)


def entries(index: KeyIndex, bucket: str, prefix: str) -> Iterator[Entry]:
    """All keys with that prefix, page by page."""
    after = ""
    while page := index.page(bucket, prefix, after=after):
        yield from page
        after = page[-1].key
