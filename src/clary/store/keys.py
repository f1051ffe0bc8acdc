"""The key index of S3: which blob stands under which key, in which version.

Of a key's versions the newest is the current one; where that is a delete marker, the key is not to be seen. What a
bucket holds that keeps no versions is its *null* version, which the next one replaces. See also ``clary.store.blobs``.
"""

from __future__ import annotations

import json
import secrets
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from clary.store.blobs import in_use, unused
from clary.store.buckets import ENABLED, NEVER, versioning_of
from clary.store.database import Database
from clary.store.key_errors import IsDeleteMarker, NoSuchKey, NoSuchVersion, OperationAborted
from clary.store.times import time_of

NULL = "null"
"""The version of what was put while the bucket kept none."""


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


@dataclass(frozen=True)
class Encryption:
    """How a blob is encrypted: ``algorithm`` as S3 names it (AES256, aws:kms), ``key`` the ARN of the key.

    ``data_key``: what opens the blob, wrapped by the key, base64; with ``bucket_key`` for the bucket, else the object.
    """

    algorithm: str
    key: str
    data_key: str
    bucket_key: bool = False


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A version of an object. ``etag`` is without quotes; ``headers`` are further ones by wire name (CacheControl).

    ``upload``: the id of the multipart upload it came by, ``part_count`` how many parts that had; else "" and 0.
    ``sequence`` grows with each version put. A delete marker has no blob.
    """

    bucket: str
    key: str
    blob: str
    size: int
    etag: str
    version: str = NULL
    sequence: int = 0
    modified: datetime = datetime.fromtimestamp(0, UTC)
    content_type: str = "binary/octet-stream"
    metadata: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    storage_class: str = "STANDARD"
    checksum: Checksum | None = None
    encryption: Encryption | None = None
    upload: str = ""
    part_count: int = 0

    @property
    def is_marker(self) -> bool:
        return not self.blob


@dataclass(frozen=True)
class Deleted:
    """What a delete did to a key. ``version`` is the one that was named, or "".

    ``marker``: the version of the delete marker that was made, or that was itself the version removed; else "".
    """

    key: str
    version: str
    marker: str = ""


Check = Callable[[Entry | None], None]
"""Looks at what stands under a key now, None if nothing is to be seen there; raises to forbid the change."""

_COLUMNS = "bucket, key, version, sequence, blob, size, etag, modified, body"
_BODY = ("content_type", "metadata", "headers", "tags", "storage_class", "upload", "part_count")


class KeyIndex:
    def __init__(self, database: Database) -> None:
        self._database = database

    def get(self, bucket: str, key: str, version: str = "") -> Entry:
        """The current version, or the one that is named.

        ``NoSuchBucket``, ``NoSuchKey``, ``NoSuchVersion``, and ``IsDeleteMarker`` if the named one is.
        """
        with self._database.read() as db:
            return _require(db, bucket, key, version)

    def parts(self, entry: Entry) -> list[PartSize]:
        """The parts that it was uploaded in."""
        with self._database.read() as db:
            query = "SELECT parts FROM keys WHERE sequence = ? AND blob = ?"
            row = db.execute(query, (entry.sequence, entry.blob)).fetchone()
        return [PartSize(*part) for part in json.loads(row[0])] if row else []

    def put(self, entry: Entry, *, check: Check | None = None, shared: bool = False) -> tuple[Entry, list[str]]:
        """Make it the key's current version; answers it as it stands, and the blobs that are free.

        ``shared``: the blob stands under another key already; ``OperationAborted`` if it no longer does.
        """

        def write(db: sqlite3.Connection) -> tuple[Entry, list[str]]:
            if shared and unused(db, [entry.blob]):
                raise OperationAborted
            return put(db, entry, self._database.clock.ms(), (), check)

        return self._database.write(write)

    def delete(
        self, bucket: str, wanted: Sequence[tuple[str, str]], *, check: Check | None = None
    ) -> tuple[list[Deleted], list[str]]:
        """Remove (key, version) pairs, all or (if ``check`` raises) none; absent ones are no error.

        With the version "" it is the key that goes: for good, or behind a delete marker where the bucket keeps
        versions. ``check`` looks at the current version, as S3's conditional deletes do. Answers what was done, and
        the blobs that are free.
        """

        def remove(db: sqlite3.Connection) -> tuple[list[Deleted], list[str]]:
            versioning = versioning_of(db, bucket)
            done, blobs = [], []
            for key, version in wanted:
                if check is not None:
                    found = find(db, bucket, key)
                    check(None if found is None or found.is_marker else found)
                deleted, freed = _delete(db, bucket, key, version, versioning, self._database.clock.ms())
                done.append(deleted)
                blobs += freed
            return done, unused(db, blobs)

        return self._database.write(remove)

    def expire(self, bucket: str, doomed: Sequence[Entry]) -> tuple[int, list[str]]:
        """Delete the keys of which these are the current versions, and for good those that are older or markers.

        Whatever changed since it was read is left alone. Answers how many went, and the blobs that are free.
        """

        def remove(db: sqlite3.Connection) -> tuple[int, list[str]]:
            versioning, count, blobs = versioning_of(db, bucket), 0, []
            now = self._database.clock.ms()
            for entry in doomed:
                newest = find(db, bucket, entry.key)
                if newest == entry and not entry.is_marker:
                    freed = _delete(db, bucket, entry.key, "", versioning, now)[1]
                elif find(db, bucket, entry.key, entry.version) == entry:
                    freed = _delete(db, bucket, entry.key, entry.version, versioning, now)[1]
                else:
                    continue
                count += 1
                blobs += freed
            return count, unused(db, blobs)

        return self._database.write(remove)

    def set_tags(self, bucket: str, key: str, tags: Mapping[str, str], version: str = "") -> Entry:
        """The version that has them now; raises as ``get`` does."""

        def update(db: sqlite3.Connection) -> Entry:
            entry = replace(_require(db, bucket, key, version), tags=tags)
            db.execute("UPDATE keys SET body = ? WHERE sequence = ?", (_body(entry), entry.sequence))
            return entry

        return self._database.write(update)

    def page(
        self, bucket: str, prefix: str = "", *, after: str = "", start: str = "", limit: int = 1000
    ) -> list[Entry]:
        """Up to ``limit`` keys with that prefix, above ``after`` and not below ``start``, in the order of UTF-8."""
        condition, values = _range(bucket, prefix, after, start)
        with self._database.read() as db:
            versioning_of(db, bucket)
            query = (
                f"SELECT {_COLUMNS} FROM keys INDEXED BY keys_live WHERE live = 1 AND {condition} ORDER BY key LIMIT ?"
            )
            return [_entry(row) for row in db.execute(query, (*values, limit)).fetchall()]

    def versions(
        self,
        bucket: str,
        prefix: str = "",
        *,
        after: str = "",
        below: int | None = None,
        start: str = "",
        limit: int = 1000,
    ) -> list[Entry]:
        """As ``page``, but all versions and delete markers, each key's newest first.

        ``below``: begin among the versions of the key ``after`` itself, with those of a lower sequence.
        """
        condition, values = _range(bucket, prefix, after, start)
        with self._database.read() as db:
            versioning_of(db, bucket)
            query = f"SELECT {_COLUMNS} FROM keys WHERE bucket = ? AND key = ? AND sequence < ? ORDER BY sequence DESC LIMIT ?"
            rest = db.execute(query, (bucket, after, below or 0, limit)).fetchall()
            query = f"SELECT {_COLUMNS} FROM keys WHERE {condition} ORDER BY key, sequence DESC LIMIT ?"
            rest += db.execute(query, (*values, limit - len(rest))).fetchall()
        return [_entry(row) for row in rest]

    def all(self, bucket: str, prefix: str = "", after: str = "") -> Iterator[Entry]:
        """All keys with that prefix above ``after``, page by page."""
        while page := self.page(bucket, prefix, after=after):
            yield from page
            after = page[-1].key

    def all_versions(self, bucket: str) -> Iterator[Entry]:
        """All versions by key, each key's newest first, page by page."""
        after, below = "", None
        while page := self.versions(bucket, after=after, below=below):
            yield from page
            after, below = page[-1].key, page[-1].sequence

    def sequence(self, bucket: str, key: str, version: str) -> int | None:
        """Of a version; None if there is none."""
        with self._database.read() as db:
            found = find(db, bucket, key, version)
        return found.sequence if found else None

    def in_use(self) -> set[str]:
        """The ids of all blobs that a row names."""
        with self._database.read() as db:
            return in_use(db)


def find(db: sqlite3.Connection, bucket: str, key: str, version: str = "") -> Entry | None:
    """The version, or the key's newest: a delete marker too."""
    which, values = ("AND version = ?", [version]) if version else ("ORDER BY sequence DESC LIMIT 1", [])
    query = f"SELECT {_COLUMNS} FROM keys WHERE bucket = ? AND key = ? {which}"
    row = db.execute(query, (bucket, key, *values)).fetchone()
    return _entry(row) if row else None


def put(
    db: sqlite3.Connection, entry: Entry, now: int, parts: Sequence[PartSize], check: Check | None
) -> tuple[Entry, list[str]]:
    """Set a key inside a transaction; see ``KeyIndex.put``. ``now`` in epoch milliseconds."""
    versioning = versioning_of(db, entry.bucket)
    if check is not None:
        before = find(db, entry.bucket, entry.key)
        check(None if before is None or before.is_marker else before)
    entry, free = _insert(db, entry, versioning, now, parts)
    return entry, unused(db, free)


def successor(prefix: str) -> str | None:
    """The first text behind all that begin with ``prefix``, by code points; None if there is none."""
    while prefix:
        last = ord(prefix[-1])
        prefix = prefix[:-1]
        if last < 0x10FFFF:
            return prefix + chr(0xE000 if last == 0xD7FF else last + 1)  # surrogates are no characters
    return None


def _require(db: sqlite3.Connection, bucket: str, key: str, version: str) -> Entry:
    found = find(db, bucket, key, version)
    if found is None:
        versioning_of(db, bucket)
        raise NoSuchVersion(key, version) if version else NoSuchKey(bucket, key)
    if found.is_marker:
        raise IsDeleteMarker(key, version, found.modified) if version else NoSuchKey(bucket, key, found.version)
    return found


def _insert(
    db: sqlite3.Connection, entry: Entry, versioning: str, now: int, parts: Sequence[PartSize] = ()
) -> tuple[Entry, list[str]]:
    """Put a version on top of a key's others; the blob of the null version that it replaced."""
    version, free = NULL, []
    if versioning == ENABLED:
        version = secrets.token_hex(16)  # no dash in front, which command lines take for an option
    else:
        free = _remove(db, entry.bucket, entry.key, NULL)
    if versioning != NEVER:
        db.execute("UPDATE keys SET live = 0 WHERE bucket = ? AND key = ? AND live = 1", (entry.bucket, entry.key))
    body, sizes = _body(entry), json.dumps([(part.number, part.size, part.checksum) for part in parts])
    made = db.execute(
        "INSERT INTO keys (bucket, key, version, live, blob, size, etag, modified, body, parts)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            entry.bucket,
            entry.key,
            version,
            not entry.is_marker,
            entry.blob,
            entry.size,
            entry.etag,
            now,
            body,
            sizes,
        ),
    )
    assert made.lastrowid is not None
    return replace(entry, version=version, sequence=made.lastrowid, modified=time_of(now)), free


def _delete(
    db: sqlite3.Connection, bucket: str, key: str, version: str, versioning: str, now: int
) -> tuple[Deleted, list[str]]:
    if version:
        found = find(db, bucket, key, version)
        freed = _remove(db, bucket, key, version)
        # What lay below the newest comes to light again, unless it is a delete marker.
        db.execute(
            "UPDATE keys SET live = 1 WHERE live = 0 AND blob <> '' AND sequence ="
            " (SELECT sequence FROM keys WHERE bucket = ? AND key = ? ORDER BY sequence DESC LIMIT 1)",
            (bucket, key),
        )
        return Deleted(key, version, version if found and found.is_marker else ""), freed
    if versioning == NEVER:
        return Deleted(key, ""), _remove(db, bucket, key, NULL)
    marker, freed = _insert(db, Entry(bucket=bucket, key=key, blob="", size=0, etag=""), versioning, now)
    return Deleted(key, "", marker.version), freed


def _remove(db: sqlite3.Connection, bucket: str, key: str, version: str) -> list[str]:
    return [
        blob
        for (blob,) in db.execute(
            "DELETE FROM keys WHERE bucket = ? AND key = ? AND version = ? RETURNING blob", (bucket, key, version)
        ).fetchall()
    ]


def _range(bucket: str, prefix: str, after: str, start: str) -> tuple[str, list[str]]:
    """The condition, and its values, of keys with that prefix, above ``after`` and not below ``start``."""
    condition, values = "bucket = ? AND key >= ? AND key > ?", [bucket, max(prefix, start), after]
    if (end := successor(prefix)) is not None:
        condition += " AND key < ?"
        values.append(end)
    return condition, values


def _entry(row: tuple[Any, ...]) -> Entry:
    bucket, key, version, sequence, blob, size, etag, modified, text = row
    body = json.loads(text)
    checksum, encryption = body.pop("checksum", None), body.pop("encryption", None)
    return Entry(
        bucket=bucket,
        key=key,
        version=version,
        sequence=sequence,
        blob=blob,
        size=size,
        etag=etag,
        modified=time_of(modified),
        checksum=Checksum(*checksum) if checksum else None,
        encryption=Encryption(**encryption) if encryption else None,
        **body,
    )


def _body(entry: Entry) -> str:
    body = {name: getattr(entry, name) for name in _BODY}
    if entry.checksum:
        body["checksum"] = (entry.checksum.algorithm, entry.checksum.value, entry.checksum.type)
    if entry.encryption:
        body["encryption"] = asdict(entry.encryption)
    return json.dumps({name: value for name, value in body.items() if value}, separators=(",", ":"))
