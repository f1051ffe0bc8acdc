"""RecordIO: a file of records, each behind a magic word and its length, as MXNet's dmlc-core writes it.

Repeated: ``u32 magic``, ``u32 flag << 29 | length``, the bytes, zeros up to a multiple of four; little-endian. A record
that holds the magic word at a multiple of four is cut there into parts (flag 1 the first, 2 a middle one, 3 the last;
0 is a whole record), and the word itself is left out: a reader that looks for the magic finds only heads.
Source: github.com/dmlc/dmlc-core, include/dmlc/recordio.h.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from typing import IO, Protocol

MAGIC = 0xCED7230A
LONGEST = (1 << 29) - 1
"""Bytes of a part at most."""

_MAGIC = struct.pack("<I", MAGIC)
_HEAD = struct.Struct("<II")
_BUFFER = 1 << 20  # bytes read at a time
_WHOLE, _FIRST, _MIDDLE, _LAST = range(4)


class BrokenRecord(ValueError):
    """The bytes are no RecordIO, or end within a record; ``number`` counts records from 1."""

    def __init__(self, number: int, what: str) -> None:
        super().__init__(f"record {number}: {what}")
        self.number = number


class Source(Protocol):
    """What bytes are read from: a file, a FIFO, a response's body."""

    def read(self, size: int, /) -> bytes: ...


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
    reader = _Reader(source)
    while (record := reader.record()) is not None:
        yield record


class _Reader:
    def __init__(self, source: Source) -> None:
        self._source = source
        self._buffer = b""
        self._at = 0  # in the buffer
        self._before = 0  # bytes of the source before the buffer
        self._number = 0

    def record(self) -> bytes | None:
        """The next record; None at the end of the source."""
        self._number += 1
        if not self._fill(1):
            return None
        flag, part = self._part()
        if flag == _WHOLE:
            return part
        if flag != _FIRST:
            raise self._broken("stands a later part of a record, where one must begin")
        parts = [part]
        while flag != _LAST:
            flag, part = self._part()
            if flag not in {_MIDDLE, _LAST}:
                raise self._broken("its last part is missing")
            parts.append(part)
        return _MAGIC.join(parts)

    def _part(self) -> tuple[int, bytes]:
        if not self._fill(_HEAD.size):
            raise self._broken("the file ends within a record's head")
        magic, word = _HEAD.unpack_from(self._buffer, self._at)
        if magic != MAGIC:
            raise self._broken(f"stands 0x{magic:08X} in place of RecordIO's magic word 0x{MAGIC:08X}")
        length = word & LONGEST
        padded = length + (-length % 4)
        if not self._fill(_HEAD.size + padded):
            raise self._broken(f"the file ends before the record's {length} bytes do")
        start = self._at + _HEAD.size
        self._at = start + padded
        return word >> 29, self._buffer[start : start + length]

    def _fill(self, size: int) -> bool:
        """Have so many bytes in the buffer behind where we are; False if the source ends before."""
        if len(self._buffer) - self._at >= size:
            return True
        pieces, have = [self._buffer[self._at :]], len(self._buffer) - self._at
        while have < size:
            piece = self._source.read(max(_BUFFER, size - have))
            if not piece:
                break
            pieces.append(piece)
            have += len(piece)
        self._before += self._at
        self._buffer, self._at = b"".join(pieces), 0
        return have >= size

    def _broken(self, what: str) -> BrokenRecord:
        return BrokenRecord(self._number, f"at byte {self._before + self._at} {what}")


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
