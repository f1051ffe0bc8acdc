"""Packing a folder as a gzipped tar, piece by piece and on all processors: so ``/opt/ml/model`` becomes model.tar.gz.

The tar is cut into blocks that are compressed beside each other and joined to one gzip member: each block ends at a byte
(``Z_SYNC_FLUSH``), as pigz does it. Formats: RFC 1951 and 1952; the tar's heads are ``tarfile``'s.
"""

from __future__ import annotations

import errno
import io
import os
import struct
import tarfile
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

from isal import isal_zlib

_BLOCK = 1 << 20  # bytes
_LEVEL = 1  # of ISA-L's 0 to 3; numbers become as small as by gzip's level 6, twenty times as fast
_HEAD = b"\x1f\x8b\x08\0\0\0\0\0\0\xff"  # of a gzip member without name and time
_END = b"\x03\0"  # an empty block that says that it is the last


def archive(folder: Path) -> Iterator[bytes]:
    """The .tar.gz of what is in ``folder``, in pieces: paths relative to it, links as links, owners left out.

    What is no file, folder or link is left out. ``OSError`` names a file that cannot be read.
    """
    checksum = size = 0
    waiting: deque[Future[bytes]] = deque()
    workers = os.cpu_count() or 1
    with ThreadPoolExecutor(workers, thread_name_prefix="pack") as pool:
        yield _HEAD
        for block in _blocks(_tar(folder)):
            checksum, size = isal_zlib.crc32(block, checksum), size + len(block)
            waiting.append(pool.submit(_compressed, block))
            if len(waiting) > 2 * workers:
                yield waiting.popleft().result()
        for future in waiting:
            yield future.result()
    yield _END + struct.pack("<II", checksum, size & 0xFFFFFFFF)


def _compressed(block: bytes) -> bytes:
    compressor = isal_zlib.compressobj(_LEVEL, isal_zlib.DEFLATED, -15)
    return compressor.compress(block) + compressor.flush(isal_zlib.Z_SYNC_FLUSH)


def _blocks(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """The same bytes in blocks that are worth a thread's while."""
    held, size = [], 0
    for piece in pieces:
        held.append(piece)
        size += len(piece)
        if size >= _BLOCK:
            yield b"".join(held)
            held, size = [], 0
    yield b"".join(held)


def _tar(folder: Path) -> Iterator[bytes]:
    size = 0
    with tarfile.TarFile(fileobj=io.BytesIO(), mode="w") as tar:  # it makes the heads, and is never written to
        for path in _below(folder):
            for piece in _member(tar, path, path.relative_to(folder).as_posix()):
                size += len(piece)
                yield piece
    end = 2 * tarfile.BLOCKSIZE
    yield bytes(end + -(size + end) % tarfile.RECORDSIZE)


def _below(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.iterdir()):
        yield path
        if path.is_dir() and not path.is_symlink():
            yield from _below(path)


def _member(tar: tarfile.TarFile, path: Path, name: str) -> Iterator[bytes]:
    member = tar.gettarinfo(path, arcname=name)
    if member is None or not (member.isreg() or member.isdir() or member.issym() or member.islnk()):
        return
    member.uid = member.gid = 0
    member.uname = member.gname = ""
    yield member.tobuf(tarfile.PAX_FORMAT, "utf-8", "surrogateescape")
    if not member.isreg():
        return
    left = member.size
    with path.open("rb", buffering=0) as file:
        while left and (piece := file.read(min(left, _BLOCK))):
            left -= len(piece)
            yield piece
    if left:
        raise OSError(errno.EIO, "it is shorter than its file system says", name)
    yield bytes(-member.size % tarfile.BLOCKSIZE)
