"""TFRecord: a file of records, each behind its length and between two checksums, as TensorFlow writes it.

Repeated: ``u64 length``, ``u32`` masked CRC-32C of these eight bytes, the bytes, ``u32`` their masked CRC; little-endian.
The checksum of the length is checked, so another kind of file is found at its first record; that of the bytes is not,
because the standard library has no fast CRC-32C. Source: TensorFlow's guide "TFRecord and tf.train.Example".
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

_LENGTH, _CRC = struct.Struct("<Q"), struct.Struct("<I")
_HEAD = _LENGTH.size + _CRC.size


class BrokenRecord(ValueError):
    """The bytes are no TFRecord, or end within a record; ``number`` counts records from 1."""

    def __init__(self, number: int, what: str) -> None:
        super().__init__(f"record {number}: {what}")
        self.number = number


def spans(data: memoryview) -> Iterator[tuple[int, int]]:
    """Where each record begins and ends, its frame included: its bytes are ``[begin + 12:end - 4]``. ``BrokenRecord``."""
    at, number = 0, 0
    while at < len(data):
        number += 1
        head = bytes(data[at : at + _HEAD])
        if len(head) < _HEAD:
            raise BrokenRecord(number, f"at byte {at} the file ends within a record's head")
        if _CRC.unpack_from(head, _LENGTH.size)[0] != masked_crc(head[: _LENGTH.size]):
            raise BrokenRecord(number, f"at byte {at} stands no TFRecord: its length does not fit its checksum")
        end = at + _HEAD + _LENGTH.unpack_from(head)[0] + _CRC.size
        if end > len(data):
            raise BrokenRecord(number, f"the file ends before the record's {_LENGTH.unpack_from(head)[0]} bytes do")
        yield at, end
        at = end


def content(frame: memoryview) -> memoryview:
    """The bytes of a record without its frame."""
    return frame[_HEAD : -_CRC.size]


def encode(record: bytes) -> bytes:
    """One record in its frame."""
    length = _LENGTH.pack(len(record))
    return b"".join([length, _CRC.pack(masked_crc(length)), record, _CRC.pack(masked_crc(record))])


def masked_crc(data: bytes) -> int:
    """CRC-32C, turned by 15 bits and shifted by a constant, so that a CRC of CRCs is none."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc = _TABLE[(crc ^ byte) & 0xFF] ^ crc >> 8
    crc ^= 0xFFFFFFFF
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


def _row(byte: int) -> int:
    for _ in range(8):
        byte = byte >> 1 ^ (0x82F63B78 if byte & 1 else 0)  # Castagnoli's polynomial, reflected
    return byte


_TABLE = [_row(byte) for byte in range(256)]
