"""RecordIO: a file of records, each behind a magic word and its length, as MXNet's dmlc-core writes it.

Repeated: ``u32 magic``, ``u32 flag << 29 | length``, the bytes, zeros up to a multiple of four; little-endian. A record
that holds the magic word at a multiple of four is cut there into parts (flag 1 the first, 2 a middle one, 3 the last;
0 is a whole record), and the word itself is left out: a reader that looks for the magic finds only heads.
Source: github.com/dmlc/dmlc-core, include/dmlc/recordio.h.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable, Iterator
from typing import IO, Protocol

MAGIC = 0xCED7230A
LONGEST = (1 << 29) - 1
"""Bytes of a part at most."""

_MAGIC = struct.pack("<I", MAGIC)
_HEAD = struct.Struct("<II")
_BUFFER = 1 << 18  # bytes read at a time, at most: so many stay in a processor's cache
_CUT_OFF = "it was cut off; copy or write it again"
_WHOLE, _FIRST, _MIDDLE, _LAST = range(4)


_FOREIGN = {
    b"\x89PNG": "a PNG image",
    b"\xff\xd8\xff": "a JPEG image",
    b"\x1f\x8b": "a gzip file: unpack it first, or give the channel CompressionType Gzip",
    b"PK\x03\x04": "a zip file",
    b"PAR1": "a parquet file",
    b"version https://git-lfs": "a pointer of Git LFS: fetch the file itself with git lfs pull",
}


class BrokenRecord(ValueError):
    """The bytes are no RecordIO, or end within a record; ``number`` counts records from 1, ``offset`` bytes from 0."""

    def __init__(self, number: int, what: str, offset: int = 0) -> None:
        super().__init__(f"record {number}: {what}")
        self.number = number
        self.offset = offset


class Source(Protocol):
    """What bytes are read from: a file, a FIFO, a response's body."""

    def read(self, size: int, /) -> bytes:
        """At most so many bytes; none at the end."""


def encode(record: bytes) -> bytes:
    """One record with its head and its padding; ``ValueError`` if it has more than ``LONGEST`` bytes."""
    pieces, start = [], 0
    for cut in _cuts(record):
        pieces += [_head(_MIDDLE if start else _FIRST, cut - start), record[start:cut]]
        start = cut + 4
    last = record[start:]
    pieces += [_head(_LAST if start else _WHOLE, len(last)), last, bytes(-len(record) % 4)]
    return b"".join(pieces)


def write(stream: IO[bytes], records: Iterable[bytes]) -> int:
    """Write records one behind the other; returns how many."""
    count = 0
    for record in records:
        stream.write(encode(record))
        count += 1
    return count


def read(source: Source) -> Iterator[bytes]:
    """The records in their order; ``BrokenRecord`` where the bytes stop making sense."""
    return map(bytes, Reader(source))


class Reader:
    """Iterates over the records of a source, each as a view that holds until the next one is asked for.

    ``number`` and ``offset``: the last one's, from 1, and its first byte's, from 0. A record is looked at where it was read
    to, in one buffer that is used again and again: the bytes are copied once, by whoever keeps them.
    """

    def __init__(self, source: Source) -> None:
        self.number = 0
        self.offset = 0
        # One read of the source at a time, where it can: a buffered pipe would wait until the buffer is full.
        self._read = getattr(source, "readinto1", None) or getattr(source, "readinto", None) or _into(source)
        self._buffer = bytearray(_BUFFER)
        self._view = memoryview(self._buffer)
        self._at = self._end = 0  # what is read and not yet used, in the buffer
        self._before = 0  # bytes of the source before the buffer

    def __iter__(self) -> Iterator[memoryview]:
        while True:
            self.number += 1
            self.offset = self._before + self._at
            if not self._fill(1):
                return
            flag, part = self._part()
            yield part if flag == _WHOLE else self._joined(flag, part)

    def _joined(self, flag: int, part: memoryview) -> memoryview:
        if flag != _FIRST:
            raise self._broken("stands a later part of a record, where one must begin: the file's beginning is missing")
        parts = [bytes(part)]
        while flag != _LAST:
            flag, part = self._part()
            if flag not in {_MIDDLE, _LAST}:
                raise self._broken(f"its last part is missing: {_CUT_OFF}")
            parts.append(bytes(part))
        return memoryview(_MAGIC.join(parts))

    def _part(self) -> tuple[int, memoryview]:
        if not self._fill(_HEAD.size):
            raise self._broken(f"the file ends within a record's head: {_CUT_OFF}")
        magic, word = _HEAD.unpack_from(self._buffer, self._at)
        if magic != MAGIC:
            raise self._broken(
                f"stands 0x{magic:08X} in place of RecordIO's magic word 0x{MAGIC:08X}: {self._foreign()}"
            )
        length = word & LONGEST
        padded = length + (-length % 4)
        if not self._fill(_HEAD.size + padded):
            raise self._broken(f"the file ends before the record's {length} bytes do: {_CUT_OFF}")
        start = self._at + _HEAD.size
        self._at = start + padded
        return word >> 29, self._view[start : start + length]

    def _fill(self, size: int) -> bool:
        """Have so many bytes in the buffer behind where we are; False if the source ends before."""
        if self._end - self._at >= size:
            return True
        self._move(len(self._buffer))
        while self._end < size:
            if self._end == len(self._buffer):  # so a length that is not true costs no more memory than the source has
                self._move(2 * len(self._buffer))
            count = self._read(self._view[self._end :])
            if not count:
                return False
            self._end += count
        return True

    def _move(self, room: int) -> None:
        """What is not yet used to the beginning of a buffer of ``room`` bytes."""
        rest = self._view[self._at : self._end]
        if room > len(self._buffer):
            self._buffer = bytearray(room)
            self._view = memoryview(self._buffer)
        self._view[: len(rest)] = rest
        self._before += self._at
        self._at, self._end = 0, len(rest)

    def _foreign(self) -> str:
        if self._before + self._at:
            return "what stands there was overwritten, or is not part of the file; copy it again from its source"
        for start, name in _FOREIGN.items():
            if self._buffer.startswith(start):
                return f"it is {name}"
        return "it is another kind of file"

    def _broken(self, what: str) -> BrokenRecord:
        at = self._before + self._at
        return BrokenRecord(self.number, f"at byte {at} {what}", at)


def _into(source: Source) -> Callable[[memoryview], int]:
    """``readinto`` for a source that can only read."""

    def readinto(room: memoryview) -> int:
        data = source.read(len(room))
        room[: len(data)] = data
        return len(data)

    return readinto


def _cuts(record: bytes) -> Iterator[int]:
    """Where the magic word stands at a multiple of four."""
    at = record.find(_MAGIC)
    while at >= 0:
        aligned = at % 4 == 0
        if aligned:
            yield at
        at = record.find(_MAGIC, at + (4 if aligned else 1))


def _head(flag: int, length: int) -> bytes:
    if length > LONGEST:
        raise ValueError(f"a record of {length} bytes is too long: RecordIO takes {LONGEST} at most")
    return _HEAD.pack(MAGIC, flag << 29 | length)
