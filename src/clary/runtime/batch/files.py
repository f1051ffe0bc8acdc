"""The files of a job: what goes in, opened as bytes in memory's address space, and what comes out, whole or not at all."""

from __future__ import annotations

import gzip
import mmap
import os
import shutil
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class File:
    """``number``: of the file in its job. ``name``: ``bucket/key``, as logs and reasons call it."""

    number: int
    name: str


class CannotRead(ValueError):
    """The file is not what the job says it is."""


@contextmanager
def opened(path: Path, *, unzip: bool) -> Iterator[mmap.mmap | None]:
    """The file's bytes, unpacked if ``unzip``; None if there are none. ``CannotRead``."""
    with path.open("rb") if not unzip else tempfile.TemporaryFile() as file:
        if unzip:
            try:
                with gzip.open(path) as packed:
                    shutil.copyfileobj(packed, file, 1 << 20)
            except (EOFError, gzip.BadGzipFile, zlib.error) as error:
                raise CannotRead(f"it is no whole gzip file (CompressionType is Gzip): {error}") from None
            file.flush()
        size = os.fstat(file.fileno()).st_size
        # Never closed by hand: a request may still be looking at it.
        yield mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) if size else None


class Output:
    """The answers to one file, in order, in a file beside its place until it is whole.

    ``lines``: a line break behind each answer that has none.
    """

    def __init__(self, folder: Path, file: File, *, lines: bool) -> None:
        self.file = file
        self.failed = False
        self.records = self.requests = 0
        self._lines = lines
        self._path = folder / f"{file.number}.out"
        self._aside = folder / f"{file.number}.part"
        self._stream = self._aside.open("wb")

    def write(self, answer: bytes, last: int) -> None:
        """``last``: the number of the last record that is answered."""
        self._stream.write(answer)
        if self._lines and not answer.endswith(b"\n"):
            self._stream.write(b"\n")
        self.records, self.requests = last, self.requests + 1

    def finish(self) -> None:
        """Put it in its place; what failed is removed."""
        if self.failed:
            self._stream.close()
            self._aside.unlink(missing_ok=True)
            return
        self._stream.flush()
        os.fsync(self._stream.fileno())
        self._stream.close()
        self._aside.replace(self._path)
