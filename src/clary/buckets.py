"""Objects under their S3 URIs: what S3's operations and every server-side part read and write by.

Bytes are on the disk before the index names them, and the index has let go of them before they are removed; what a
crash leaves between the two is a blob that nobody names, which ``sweep`` removes. No key is ever a file's path.
"""

from __future__ import annotations

import heapq
import logging
import re
import shutil
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path

from clary.errors import ServiceError, ValidationException
from clary.objects.base import Blob, Objects, Slice, Unsealed
from clary.seals import Seal, Seals, Wish, etag, wish_of
from clary.store.buckets import Bucket, BucketIndex
from clary.store.database import Database
from clary.store.key_errors import NoSuchBucket, NoSuchKey
from clary.store.keys import Check, Deleted, Entry, KeyIndex
from clary.store.uploads import Part, Upload, Uploads

__all__ = ["Buckets", "Entry", "InvalidBucketName", "NoSuchBucket", "NoSuchKey", "parse_uri"]

log = logging.getLogger(__name__)

_PIECE = 1 << 20
_FEW = 64 << 10  # bytes that are read at once rather than handed on as a piece of a file
_NAME = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_ADDRESS = re.compile(r"\d+\.\d+\.\d+\.\d+")
_RESERVED = re.compile(r"(xn--|sthree-|amzn-s3-demo-).*|.*(-s3alias|--ol-s3|\.mrap|--x-s3|--table-s3)|v20180820")


class InvalidBucketName(ServiceError):
    """The name is none that a bucket may have."""

    code = "InvalidBucketName"

    def __init__(self, bucket: str) -> None:
        super().__init__("The specified bucket is not valid.", BucketName=bucket)


def parse_uri(uri: str) -> tuple[str, str]:
    """``s3://bucket/some/key`` to (bucket, key); the key may be empty. ``ValidationException`` for anything else."""
    scheme, found, rest = uri.partition("://")
    bucket, _, key = rest.partition("/")
    if scheme != "s3" or not found or not bucket:
        raise ValidationException(f"{uri!r} is not an S3 URI: one looks like s3://bucket/folder/name")
    return bucket, key


def is_bucket_name(name: str) -> bool:
    """By the rules of S3's user guide for general purpose buckets."""
    return bool(
        _NAME.fullmatch(name) and ".." not in name and not _ADDRESS.fullmatch(name) and not _RESERVED.fullmatch(name)
    )


class Buckets:
    """``grace``: seconds that a blob which is no longer named stays, for readers who have just looked it up."""

    def __init__(self, database: Database, objects: Objects, seals: Seals, *, grace: float = 30.0) -> None:
        self.objects = objects
        self.seals = seals
        self.index = BucketIndex(database)
        self.keys = KeyIndex(database)
        self.uploads = Uploads(database)
        self._removal = _Removal(objects, grace)

    # By URI, for the server's own parts.

    def put_bytes(
        self,
        uri: str,
        data: bytes,
        *,
        content_type: str = "binary/octet-stream",
        metadata: Mapping[str, str] | None = None,
        seal: Seal | None = None,
    ) -> Entry:
        """``seal``: if it is not what the bucket's default says. ``NoSuchBucket``, ``KeyProblem``."""
        return self._put(uri, [data], content_type, metadata, seal)

    def put_file(
        self,
        uri: str,
        path: Path,
        *,
        content_type: str = "binary/octet-stream",
        metadata: Mapping[str, str] | None = None,
        seal: Seal | None = None,
    ) -> Entry:
        with path.open("rb", buffering=0) as file:
            return self._put(uri, iter(lambda: file.read(_PIECE), b""), content_type, metadata, seal)

    def put_pieces(
        self,
        uri: str,
        pieces: Iterable[bytes],
        *,
        content_type: str = "binary/octet-stream",
        metadata: Mapping[str, str] | None = None,
        seal: Seal | None = None,
    ) -> Entry:
        """If the pieces end with an error, nothing is put."""
        return self._put(uri, pieces, content_type, metadata, seal)

    def get_bytes(self, uri: str) -> bytes:
        return b"".join(self.read(self.find(uri)))

    def find(self, uri: str) -> Entry:
        """``NoSuchBucket``, ``NoSuchKey``; both are a ``KeyError``."""
        return self.keys.get(*parse_uri(uri))

    def list(self, uri_prefix: str, *, after: str = "") -> Iterator[Entry]:
        """All objects whose URI begins so, with keys above ``after``, by key; ``NoSuchBucket``."""
        bucket, prefix = parse_uri(uri_prefix)
        return self.keys.all(bucket, prefix, after)

    def read(self, entry: Entry, start: int = 0, length: int | None = None) -> Iterator[bytes]:
        """The object's bytes, or those of a range, in pieces. ``KeyProblem`` at once; ``Damaged`` while they come."""
        return self.objects.read(entry.blob, start, length, secret=self._secret(entry))

    def file(self, entry: Entry) -> Path | None:
        """The file that holds the object's bytes, for reading only; None if they lie there encrypted."""
        return None if entry.encryption else self.objects.path(entry.blob)

    def save(self, entry: Entry, path: Path) -> None:
        """Write the object's bytes to a file of the caller's. ``KeyProblem``, ``Damaged``."""
        if (file := self.file(entry)) is not None:
            shutil.copyfile(file, path)
            return
        with path.open("wb", buffering=0) as target:
            for piece in self.read(entry):
                target.write(piece)

    def body(self, entry: Entry, start: int, length: int) -> bytes | Slice | Unsealed:
        """What to answer a client with: bytes if they are few, else the place where they lie, or the way to them."""
        if length <= _FEW:
            return b"".join(self.read(entry, start, length))
        if (file := self.file(entry)) is not None:
            return Slice(file, start, length)
        return Unsealed(self.read(entry, start, length), length)

    def delete(self, uri: str) -> None:
        """Harmless if there is no such key."""
        bucket, key = parse_uri(uri)
        self.remove(bucket, [(key, "")])

    def exists_bucket(self, name: str) -> bool:
        return self.index.get(name) is not None

    # For S3's operations.

    def seal(self, bucket: Bucket, key: str, wish: Wish | None = None) -> Seal | None:
        """What an object is sealed with, by the wish or else the bucket's default; None: it stays plain.

        ``KeyProblem``.
        """
        wanted = wish or wish_of(bucket)
        return self.seals.make(bucket, key, wanted) if wanted else None

    def secret(self, upload: Upload) -> bytes | None:
        """What the parts of an upload are sealed under, None for plain ones. ``KeyProblem``."""
        encryption = upload.encryption
        return self.seals.open(upload.bucket, upload.key, encryption) if encryption else None

    def bucket(self, name: str) -> Bucket:
        """``NoSuchBucket``, or ``InvalidBucketName`` if there can be none of that name."""
        found = self.index.get(name)
        if found is None:
            raise NoSuchBucket(name) if is_bucket_name(name) else InvalidBucketName(name)
        return found

    def create_bucket(self, name: str, region: str = "us-east-1", tags: Mapping[str, str] | None = None) -> bool:
        """False if it is there already; ``InvalidBucketName``."""
        if not is_bucket_name(name):
            raise InvalidBucketName(name)
        return self.index.create(name, region, tags)

    def delete_bucket(self, name: str) -> None:
        self._removal.add(self.index.delete(name))

    def put_entry(self, entry: Entry, *, check: Check | None = None, shared: bool = False) -> Entry:
        """Name a committed blob; one that is not ``shared`` is removed if it cannot be named."""
        try:
            done, free = self.keys.put(entry, check=check, shared=shared)
        except ServiceError:  # the index said no: it did not and will not name the blob
            if not shared:
                self.objects.delete(entry.blob)
            raise
        self._removal.add(free)
        return done

    def remove(
        self, bucket: str, wanted: Sequence[tuple[str, str]], *, check: Check | None = None
    ) -> Sequence[Deleted]:
        """See ``KeyIndex.delete``."""
        done, free = self.keys.delete(bucket, wanted, check=check)
        self._removal.add(free)
        return done

    def expire(self, bucket: str, doomed: Sequence[Entry]) -> int:
        """See ``KeyIndex.expire``."""
        count, free = self.keys.expire(bucket, doomed)
        self._removal.add(free)
        return count

    def put_part(self, upload: Upload, part: Part) -> None:
        try:
            free = self.uploads.put_part(upload, part)
        except ServiceError:  # the index said no: it did not and will not name the blob
            self.objects.delete(part.blob)
            raise
        self._removal.add(free)

    def complete(self, upload: Upload, entry: Entry, parts: Sequence[Part], check: Check | None = None) -> Entry:
        shared = any(part.blob == entry.blob for part in parts)
        try:
            done, free = self.uploads.complete(upload, entry, parts, check)
        except ServiceError:  # the index said no: it did not and will not name the blob
            if not shared:
                self.objects.delete(entry.blob)
            raise
        self._removal.add(free)
        return done

    def abort(self, upload: Upload) -> None:
        self._removal.add(self.uploads.abort(upload))

    def sweep(self) -> int:
        """Remove the blobs that a crash left without a name; once after the start, beside the work if need be."""
        return self.objects.sweep(self.keys.in_use().__contains__)

    def start(self) -> None:
        """Sweep, in a thread of its own."""
        self._removal.start(self.sweep)

    def close(self) -> None:
        """Remove what waits for its removal; before the database is closed."""
        self._removal.close()

    def _secret(self, entry: Entry) -> bytes | None:
        encryption = entry.encryption
        return self.seals.open(entry.bucket, entry.key, encryption) if encryption else None

    def _put(
        self,
        uri: str,
        pieces: Iterable[bytes],
        content_type: str,
        metadata: Mapping[str, str] | None,
        seal: Seal | None,
    ) -> Entry:
        bucket, key = parse_uri(uri)
        if not key:
            raise ValidationException(f"{uri!r} names no object: a key must follow the bucket")
        seal = seal or self.seal(self.bucket(bucket), key)  # before the bytes are written
        blob = self._receive(pieces, seal.secret if seal else None)
        return self.put_entry(
            Entry(
                bucket=bucket,
                key=key,
                blob=blob.id,
                size=blob.size,
                etag=etag(blob.md5, seal.encryption if seal else None),
                encryption=seal.encryption if seal else None,
                content_type=content_type,
                metadata=dict(metadata or {}),
            )
        )

    def _receive(self, pieces: Iterable[bytes], secret: bytes | None) -> Blob:
        receiver = self.objects.receive(secret)
        try:
            for piece in pieces:
                receiver.write(piece)
            return receiver.commit()
        finally:
            receiver.abort()


class _Removal:
    """Removes blobs a while after they were let go. What it has not come to, the next start's sweep removes."""

    def __init__(self, objects: Objects, grace: float) -> None:
        self._objects = objects
        self._grace = grace
        self._waiting: list[tuple[float, str]] = []
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._closed = False

    def add(self, blobs: Sequence[str]) -> None:
        if not blobs:
            return
        if self._grace <= 0:
            for blob in blobs:
                self._objects.delete(blob)
            return
        due = time.monotonic() + self._grace
        with self._changed:
            for blob in blobs:
                heapq.heappush(self._waiting, (due, blob))
            self._changed.notify()
        self.start()

    def start(self, first: Callable[[], object] | None = None) -> None:
        """Run the thread that removes, which does ``first`` before all else."""
        with self._changed:
            if self._thread is None and not self._closed:
                self._thread = threading.Thread(target=self._run, args=(first,), name="blob-removal", daemon=True)
                self._thread.start()

    def close(self) -> None:
        with self._changed:
            self._closed = True
            self._changed.notify()
        if self._thread is not None:
            self._thread.join()

    def _run(self, first: Callable[[], object] | None) -> None:
        if first is not None:
            self._attempt(first)
        while (blob := self._next()) is not None:
            self._attempt(partial(self._objects.delete, blob))

    @staticmethod
    def _attempt(work: Callable[[], object]) -> None:
        """One blob that cannot be removed does not keep the others: the next start's sweep tries it again."""
        try:
            work()
        except OSError as error:
            log.warning("a blob that is no longer used stays until the next start: %s", error)

    def _next(self) -> str | None:
        with self._changed:
            while True:
                if self._closed:
                    return heapq.heappop(self._waiting)[1] if self._waiting else None
                if not self._waiting:
                    self._changed.wait()
                    continue
                left = self._waiting[0][0] - time.monotonic()
                if left <= 0:
                    return heapq.heappop(self._waiting)[1]
                self._changed.wait(left)
