"""The contract of an object store: blobs written once, found by an id.

* A blob exists whole or not at all: it is written aside, flushed to the disk, then renamed.
* A committed blob never changes; nothing hands out a way to write to it.
* A blob is plain, or sealed: encrypted under a secret that is not kept here. Its id tells which, so that nobody takes
  what lies on the disk for what was put: without the secret there is no reading a sealed blob.
* Keys, metadata and versions are not its matter: see ``clary.buckets``.
"""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol


class Damaged(OSError):
    """A sealed blob's file is not what was written, or the secret is another one's."""

    def __init__(self, blob: str) -> None:
        super().__init__(errno.EIO, f"the encrypted blob {blob} is damaged: it is not as it was written")


class WrongSeal(Exception):
    """A sealed blob was asked for as if it were plain, or a plain one with a secret: whoever asks is mistaken."""


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


@dataclass(frozen=True)
class Unsealed:
    """``length`` bytes that are decrypted while they are sent."""

    pieces: Iterator[bytes]
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
    def receive(self, secret: bytes | None = None) -> Receiver:
        """``secret``: 32 bytes to seal the blob under; several blobs may have the same."""

    def read(
        self, blob: str, start: int = 0, length: int | None = None, *, secret: bytes | None = None
    ) -> Iterator[bytes]:
        """The bytes of a range, in pieces. ``KeyError`` if there is no such blob, ``WrongSeal``, ``Damaged``."""

    def path(self, blob: str) -> Path:
        """The file that holds a plain blob, for reading only. ``KeyError`` if there is no such blob, ``WrongSeal``."""

    def join(self, blobs: Sequence[str], secret: bytes | None = None) -> Blob:
        """A new blob: these, one after the other, all under the same secret. ``KeyError`` if one is not there."""

    def delete(self, blob: str) -> None:
        """Remove it; harmless if it is gone."""

    def sweep(self, keep: Callable[[str], bool]) -> int:
        """Remove what an earlier process left: half-written blobs, and those that ``keep`` does not want.

        May run beside writers: what this process receives is left alone. Returns how many were removed.
        """
