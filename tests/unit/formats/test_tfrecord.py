"""TFRecord's frames: found, told when broken."""

from __future__ import annotations

import pytest

from clary.formats import tfrecord


def test_the_checksum_is_the_castagnoli_one() -> None:
    # CRC-32C of "123456789" is e3069283 (RFC 3720, B.4's polynomial); masked as TFRecord's guide says.
    crc = 0xE3069283
    assert tfrecord.masked_crc(b"123456789") == ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


def test_records_are_found_in_their_frames() -> None:
    records = [b"abc", b"", b"x" * 1000]
    data = memoryview(b"".join(map(tfrecord.encode, records)))
    frames = [data[begin:end] for begin, end in tfrecord.spans(data)]
    assert [bytes(tfrecord.content(frame)) for frame in frames] == records
    assert b"".join(frames) == data


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"1,2,3\n4,5,6\n7,8", "record 1: at byte 0 stands no TFRecord"),
        (tfrecord.encode(b"abc") + b"12345", "record 2: at byte 19 the file ends within a record's head"),
        (tfrecord.encode(b"abc")[:-1], "record 1: the file ends before the record's 3 bytes do"),
    ],
)
def test_broken_bytes_are_told_by_record_and_place(data: bytes, text: str) -> None:
    with pytest.raises(tfrecord.BrokenRecord, match=text):
        list(tfrecord.spans(memoryview(data)))
