"""Blobs as files in a folder; the contract is in ``clary.objects.base``.

``incoming/`` holds what is being written, ``00/`` to ``ff/`` the committed blobs by the end of their id. An id begins
with eight digits that this process drew, so that a sweep tells what an earlier process left from what is on its way;
an ``x`` behind them says that the blob is sealed, as ``clary.objects.sealed`` describes.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import os
import re
import secrets
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from clary.errors import DiskFull
from clary.objects.base import Blob, WrongSeal
from clary.objects.sealed import Sealer, unseal

PIECE = 1 << 20
"""Bytes read or copied at a time."""

_ID = re.compile("[0-9a-f]{8}[0-9a-fx][0-9a-f]{23}")
_FULL = {errno.ENOSPC, errno.EDQUOT}
_NOT_BY_KERNEL = {errno.EXDEV, errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL}


class FileObjects:
    """Keeps blobs under ``folder``, which it makes. One process at a time."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.incoming = folder / "incoming"
        self._process = secrets.token_hex(4)
        if not self.incoming.is_dir():
            for number in range(256):
                (folder / f"{number:02x}").mkdir(parents=True, exist_ok=True)
            self.incoming.mkdir()  # last: where it is, the others are
            _flush_folder(folder)

    def receive(self, secret: bytes | None = None) -> FileReceiver:
        drawn = secrets.token_hex(12)
        return FileReceiver(self, self._process + (drawn if secret is None else f"x{drawn[1:]}"), secret)

    def read(
        self, blob: str, start: int = 0, length: int | None = None, *, secret: bytes | None = None
    ) -> Iterator[bytes]:
        path = self._there(blob, sealed=secret is not None)
        return _pieces(path, start, length) if secret is None else _unsealed(path, secret, start, length)

    def path(self, blob: str) -> Path:
        return self._there(blob, sealed=False)

    def join(self, blobs: Sequence[str], secret: bytes | None = None) -> Blob:
        receiver = self.receive(secret)
        try:
            for blob in blobs:
                if secret is None:
                    receiver.append(self.place(blob))
                else:
                    for piece in self.read(blob, secret=secret):
                        receiver.store(piece)
            return replace(receiver.commit(), md5="")
        except FileNotFoundError as error:
            raise KeyError(Path(error.filename).name) from None
        finally:
            receiver.abort()

    def delete(self, blob: str) -> None:
        self.place(blob).unlink(missing_ok=True)

    def sweep(self, keep: Callable[[str], bool]) -> int:
        removed = 0
        for folder in self.folder.iterdir():
            for path in folder.iterdir():
                if path.name.startswith(self._process):
                    continue
                if folder == self.incoming or not keep(path.name):
                    path.unlink(missing_ok=True)
                    removed += 1
        return removed

    def place(self, blob: str) -> Path:
        """Where a blob of that id lies or would lie; ``KeyError`` for what can be no id."""
        if not _ID.fullmatch(blob):
            raise KeyError(blob)
        return self.folder / blob[-2:] / blob

    def _there(self, blob: str, *, sealed: bool) -> Path:
        path = self.place(blob)
        if not path.is_file():
            raise KeyError(blob)
        if (blob[8] == "x") != sealed:
            raise WrongSeal(f"the blob {blob} is {'plain' if sealed else 'sealed'}")
        return path


class FileReceiver:
    def __init__(self, objects: FileObjects, blob: str, secret: bytes | None = None) -> None:
        self._sealer = Sealer(secret, blob) if secret is not None else None
        self._objects = objects
        self._blob = blob
        self._path = objects.incoming / blob
        self._file = self._path.open("xb", buffering=0)
        self._md5 = hashlib.md5(usedforsecurity=False)
        self._size = 0
        self._committed = False

    def store(self, data: bytes) -> None:
        self._write(self._sealer.add(data) if self._sealer is not None else data)
        self._size += len(data)

    def hash(self, data: bytes) -> None:
        self._md5.update(data)

    def write(self, data: bytes) -> None:
        self.store(data)
        self.hash(data)

    def append(self, path: Path) -> None:
        """A whole file, copied without passing by here."""
        with path.open("rb") as source, self._room():
            self._size += _copy(source.fileno(), self._file.fileno())

    def commit(self) -> Blob:
        if self._sealer is not None:
            self._write(self._sealer.end())
        place = self._objects.place(self._blob)
        with self._room():
            os.fchmod(self._file.fileno(), 0o444)
            # Renamed before the flush, so that one flush takes the bytes and the name; nobody knows the id before
            # this returns, and what a power cut leaves between the two is swept.
            self._path.rename(place)
            self._path = place
            _flush(self._file.fileno())
            _flush_folder(place.parent)
        self._file.close()
        self._committed = True
        return Blob(self._blob, self._size, self._md5.hexdigest())

    def abort(self) -> None:
        self._file.close()
        if not self._committed:
            self._path.unlink(missing_ok=True)

    def _write(self, data: bytes) -> None:
        with self._room():
            rest = memoryview(data)
            while rest:
                rest = rest[self._file.write(rest) :]

    @contextlib.contextmanager
    def _room(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            if error.errno not in _FULL:
                raise
            raise DiskFull(self._objects.folder) from error


def _pieces(path: Path, start: int, length: int | None) -> Iterator[bytes]:
    with path.open("rb", buffering=0) as file:
        file.seek(start)
        while length is None or length > 0:
            piece = file.read(PIECE if length is None else min(PIECE, length))
            if not piece:
                return
            if length is not None:
                length -= len(piece)
            yield piece


def _unsealed(path: Path, secret: bytes, start: int, length: int | None) -> Iterator[bytes]:
    with path.open("rb", buffering=0) as file:
        yield from unseal(file, secret, path.name, start, length)


def _copy(source: int, target: int) -> int:
    """All of one file behind what the other holds; by the kernel where it can, which may share the blocks."""
    size = left = os.fstat(source).st_size
    try:
        # macOS has no such call; 0 is what some file systems answer in place of an error.
        while left and hasattr(os, "copy_file_range") and (done := os.copy_file_range(source, target, left)):
            left -= done
    except OSError as error:
        if error.errno not in _NOT_BY_KERNEL:
            raise
    while left and (piece := os.read(source, PIECE)):
        left -= len(piece)
        rest = memoryview(piece)
        while rest:
            rest = rest[os.write(target, rest) :]
    if left:
        raise OSError(errno.EIO, "a blob is shorter than its file system says")
    return size


def _flush(file: int) -> None:
    # On macOS fsync only hands the bytes to the drive; F_FULLFSYNC makes the drive write them.
    if full := getattr(fcntl, "F_FULLFSYNC", None):
        fcntl.fcntl(file, full)
    else:
        os.fsync(file)


def _flush_folder(folder: Path) -> None:
    number = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)
