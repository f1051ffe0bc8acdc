"""Protocol buffers' wire format: fields behind their numbers, https://protobuf.dev/programming-guides/encoding/.

Not covered: groups, which proto2 deprecated.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_DOUBLE, _SINGLE = struct.Struct("<d"), struct.Struct("<f")


class BrokenMessage(ValueError):
    """The bytes are no message of the kind that they should be."""


def fields(data: bytes) -> Iterator[tuple[int, bytes | int]]:
    """(number, value) of a message; a number of fixed width as its bits."""
    at = 0
    while at < len(data):
        key, at = read_varint(data, at)
        number, kind = key >> 3, key & 7
        if kind == _VARINT:
            value, at = read_varint(data, at)
            yield number, value
            continue
        if kind == _BYTES:
            size, at = read_varint(data, at)
        elif kind in {_FIXED64, _FIXED32}:
            size = 8 if kind == _FIXED64 else 4
        else:
            raise BrokenMessage(f"field {number} has the unknown wire type {kind}")
        part = data[at : at + size]
        if len(part) != size:
            raise BrokenMessage(f"field {number} ends {size - len(part)} bytes too early")
        at += size
        yield number, part if kind == _BYTES else int.from_bytes(part, "little")


def read_varint(data: bytes, at: int) -> tuple[int, int]:
    """The number that begins at byte ``at``, and the byte behind it; ``BrokenMessage`` if it is too long."""
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7
        if shift > 63:
            raise BrokenMessage("a number has more than ten bytes")


def varint(value: int) -> bytes:
    """A number from 0: seven bits a byte, the lowest first."""
    pieces = bytearray()
    while value >= 0x80:
        pieces.append(value & 0x7F | 0x80)
        value >>= 7
    pieces.append(value)
    return bytes(pieces)


def delimited(number: int, data: bytes) -> bytes:
    """A field of bytes: its key, their number, they themselves."""
    return head(number, len(data)) + data


def head(number: int, size: int) -> bytes:
    """What stands before ``size`` bytes that are the field of that number."""
    return varint(number << 3 | _BYTES) + varint(size)


def whole(number: int, value: int) -> bytes:
    """A field of an integer from 0."""
    return varint(number << 3 | _VARINT) + varint(value)


def double(number: int, value: float) -> bytes:
    """A field of 64 bits."""
    return varint(number << 3 | _FIXED64) + _DOUBLE.pack(value)


def single(number: int, value: float) -> bytes:
    """A field of 32 bits; one that is too large for them is infinite."""
    try:
        packed = _SINGLE.pack(value)
    except OverflowError:
        packed = _SINGLE.pack(float("inf") if value > 0 else float("-inf"))
    return varint(number << 3 | _FIXED32) + packed
