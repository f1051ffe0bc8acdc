"""RecordIO byte by byte, whatever the records hold, and where it breaks off."""

from __future__ import annotations

import io
import os
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clary.formats import recordio
from clary.formats.recordio import BrokenRecord

MAGIC = struct.pack("<I", recordio.MAGIC)
RECORDS = st.lists(st.lists(st.sampled_from([MAGIC, b"a", b"bcde", b"\0"]), max_size=12).map(b"".join), max_size=6)


class Dripping:
    """A source that hands out few bytes at a time, as a FIFO may."""

    def __init__(self, data: bytes, size: int) -> None:
        self._stream, self._size = io.BytesIO(data), size

    def read(self, size: int, /) -> bytes:
        return self._stream.read(min(size, self._size))


def test_a_record_is_magic_length_bytes_and_zeros() -> None:
    assert recordio.encode(b"abcde") == bytes.fromhex("0a23d7ce 05000000 6162636465 000000")
    assert recordio.encode(b"") == bytes.fromhex("0a23d7ce 00000000")


def test_a_record_that_holds_the_magic_word_is_cut_there() -> None:
    # As dmlc-core's writer: flag 1, the part before; flag 3, the part behind; the word itself is left out.
    assert recordio.encode(b"abcd" + MAGIC + b"ef") == bytes.fromhex(
        "0a23d7ce 04000020 61626364 0a23d7ce 02000060 6566 0000"
    )
    assert recordio.encode(b"ab" + MAGIC) == bytes.fromhex("0a23d7ce 06000000 6162 0a23d7ce 0000")  # not at four


@given(RECORDS, st.integers(1, 9))
def test_what_is_written_is_read_however_it_arrives(records: list[bytes], size: int) -> None:
    stream = io.BytesIO()
    assert recordio.write(stream, records) == len(records)
    assert list(recordio.read(Dripping(stream.getvalue(), size))) == records


def test_records_larger_than_the_buffer_and_many_smaller_ones() -> None:
    records = [
        bytes([number % 256]) * size for number, size in enumerate([3, 700_000, 0, 262_136, 262_137, 5] + [997] * 900)
    ]
    whole = b"".join(map(recordio.encode, records))
    assert list(recordio.read(io.BytesIO(whole))) == records
    assert list(recordio.read(Dripping(whole, 65_536))) == records


@pytest.mark.parametrize("buffering", [0, -1])
def test_a_record_is_there_as_soon_as_it_is_written(buffering: int) -> None:
    out, into = os.pipe()
    with open(out, "rb", buffering=buffering) as source, open(into, "wb", buffering=0) as pipe:  # noqa: PTH123
        records = recordio.read(source)
        for record in (b"abc", b"", b"x" * 40_000):
            pipe.write(recordio.encode(record))
            assert next(records) == record


def test_a_reader_says_where_each_record_begins() -> None:
    reader = recordio.Reader(io.BytesIO(b"".join(map(recordio.encode, [b"abcd", MAGIC, b"e"]))))
    assert [(reader.number, reader.offset, bytes(view)) for view in reader] == [
        (1, 0, b"abcd"),
        (2, 12, MAGIC),
        (3, 28, b"e"),
    ]


@given(RECORDS.filter(bool), st.data())
def test_a_file_that_is_cut_off_names_the_record(records: list[bytes], data: st.DataObject) -> None:
    whole = b"".join(map(recordio.encode, records))
    ends = [sum(len(recordio.encode(r)) for r in records[:n]) for n in range(len(records) + 1)]
    cut = data.draw(st.integers(1, len(whole) - 1).filter(lambda n: n not in ends)) if len(whole) > 1 else 0
    found: list[bytes] = []
    with pytest.raises(BrokenRecord) as error:
        found.extend(recordio.read(io.BytesIO(whole[:cut])))
    assert found == records[: error.value.number - 1]
    assert str(error.value).startswith(f"record {error.value.number}: ")


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"\x89PNG\r\n\x1a\n", "record 1: at byte 0 stands 0x474E5089 in place of RecordIO's magic word 0xCED7230A"),
        (recordio.encode(b"abcd") + b"junk----", "record 2: at byte 12 stands"),
        (
            MAGIC + struct.pack("<I", 3 << 29),
            "record 1: at byte 8 stands a later part of a record, where one must begin",
        ),
        (MAGIC + struct.pack("<I", 1 << 29) + recordio.encode(b""), "record 1: at byte 16 its last part is missing"),
        (MAGIC + struct.pack("<I", 500), "record 1: at byte 0 the file ends before the record's 500 bytes do"),
    ],
)
def test_what_is_no_recordio_is_told_where(data: bytes, text: str) -> None:
    with pytest.raises(BrokenRecord) as error:
        list(recordio.read(io.BytesIO(data)))
    assert str(error.value).startswith(text)


def test_a_record_that_is_too_long_is_refused() -> None:
    with pytest.raises(ValueError, match="takes 536870911 at most"):
        recordio._head(0, recordio.LONGEST + 1)
