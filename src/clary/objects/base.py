"""The contract of an object store: blobs written once, found by an id.

* A blob exists whole or not at all: it is written aside, flushed to the disk, then renamed.
* A committed blob never changes; nothing hands out a way to write to it.
* Keys, metadata and versions are not its matter: see ``clary.buckets``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True)
class Blob:
    """A committed blob: ``size`` in bytes, ``md5`` as hex digits (empty if it was joined)."""

    id: str
    size: int
    md5: str


@dataclass(frozen=True)
class Slice:
    """``length`` bytes of a blob's file from ``start``: what an operation answers in place of a body in memory."""

    path: Path
    start: int
    length: int


class Receiver(Protocol):
    """A blob on its way in. Each piece goes to ``store`` and to ``hash``, in order; the two may run in two threads."""

    def store(self, data: bytes) -> None:
        """Write a piece."""

    def hash(self, data: bytes) -> None:
        """Count a piece into the MD5."""

    def write(self, data: bytes) -> None:
        """Both, one after the other."""

    def commit(self) -> Blob:
        """Flush to the disk and give it its id."""

    def abort(self) -> None:
        """Leave nothing behind; harmless after ``commit``."""


class Objects(Protocol):
    def receive(self) -> Receiver: ...

    def read(self, blob: str, start: int = 0, length: int | None = None) -> Iterator[bytes]:
        """The bytes of a range, in pieces; ``KeyError`` if there is no such blob."""

    def path(self, blob: str) -> Path:
        """The file that holds it, for reading only; ``KeyError`` if there is no such blob."""

    def join(self, blobs: Sequence[str]) -> Blob:
        """A new blob: these, one after the other; ``KeyError`` if one is not there."""

    def delete(self, blob: str) -> None:
        """Remove it; harmless if it is gone."""

    def sweep(self, keep: Callable[[str], bool]) -> int:
        """Remove what an earlier process left: half-written blobs, and those that ``keep`` does not want.

        May run beside writers: what this process receives is left alone. Returns how many were removed.
        """
