"""Image RecordIO: what is written is read, and what is none is told by the record's number and byte."""

from __future__ import annotations

import io
import os
import struct
import threading
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clary.formats import image_records, recordio
from clary.formats.image_records import BrokenIndex, BrokenRecord, ImageRecord

MAGIC = struct.pack("<I", recordio.MAGIC)
WHOLE = st.integers(0, 2**64 - 1)
FLOATS = st.floats(width=32, allow_nan=False)
IMAGES = st.lists(st.sampled_from([MAGIC, b"\xff\xd8\xff", b"x", b"\0"]), max_size=8).map(b"".join)
RECORDS = st.lists(
    st.builds(ImageRecord, WHOLE, st.tuples(FLOATS), IMAGES, st.just(0), WHOLE)
    | st.builds(
        lambda number, labels, image: ImageRecord(number, tuple(labels), image, len(labels)),
        WHOLE, st.lists(FLOATS, min_size=1, max_size=9), IMAGES,
    ),
    max_size=5,
)  # fmt: skip


def framed(records: list[ImageRecord]) -> bytes:
    return b"".join(recordio.encode(image_records.pack(record)) for record in records)


def read_as_far_as_it_goes(data: bytes) -> tuple[list[ImageRecord], BrokenRecord | None]:
    found: list[ImageRecord] = []
    broken = None
    try:
        found.extend(image_records.read(io.BytesIO(data)))
    except BrokenRecord as error:
        broken = error
    assert broken is None or broken.number == len(found) + 1
    return found, broken


def test_a_payload_is_a_header_of_24_bytes_the_labels_and_the_image() -> None:
    one = image_records.labelled(7, [2.0], b"JPEG")
    assert image_records.pack(one) == struct.pack("<IfQQ", 0, 2, 7, 0) + b"JPEG"
    several = image_records.labelled(7, [2.0, 5.0], b"JPEG")
    assert image_records.pack(several) == struct.pack("<IfQQff", 2, 0, 7, 0, 2, 5) + b"JPEG"


@given(RECORDS)
def test_what_is_written_is_read(records: list[ImageRecord]) -> None:
    assert list(image_records.read(io.BytesIO(framed(records)))) == records


@given(RECORDS.filter(bool))
def test_a_file_cut_off_at_any_byte_gives_the_records_before_and_names_the_one(records: list[ImageRecord]) -> None:
    whole = framed(records)
    ends = [len(framed(records[:count])) for count in range(len(records) + 1)]
    for cut in range(len(whole)):
        found: list[ImageRecord] = []
        if cut in ends:
            found.extend(image_records.read(io.BytesIO(whole[:cut])))
            assert found == records[: ends.index(cut)]
            continue
        with pytest.raises(BrokenRecord, match="cut off; copy or write it again") as error:
            found.extend(image_records.read(io.BytesIO(whole[:cut])))
        before = max(n for n, end in enumerate(ends) if end < cut)
        assert found == records[:before]
        assert error.value.number == before + 1
        assert ends[before] <= error.value.offset <= cut


@given(RECORDS.filter(bool), st.data())
def test_a_damaged_byte_gives_other_records_or_an_error_that_names_one(
    records: list[ImageRecord], data: st.DataObject
) -> None:
    damaged = bytearray(framed(records))
    damaged[data.draw(st.integers(0, len(damaged) - 1))] ^= data.draw(st.integers(1, 255))
    _, error = read_as_far_as_it_goes(bytes(damaged))
    assert error is None or 0 <= error.offset <= len(damaged)


@given(st.binary(max_size=200))
def test_any_bytes_are_records_or_an_error_that_names_one(data: bytes) -> None:
    _, error = read_as_far_as_it_goes(data)
    assert (error is None) == (data == b"")


def test_a_length_that_is_not_true_costs_no_memory() -> None:
    tracemalloc.start()
    with pytest.raises(BrokenRecord, match="before the record's 536870911 bytes do"):
        list(image_records.read(io.BytesIO(MAGIC + struct.pack("<I", recordio.LONGEST) + bytes(1000))))
    assert tracemalloc.get_traced_memory()[1] < 4 << 20
    tracemalloc.stop()


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"\x89PNG\r\n\x1a\n", "record 1: at byte 0 stands 0x474E5089 in place of RecordIO's magic word 0xCED7230A: it is a PNG"),
        (b"\x1f\x8b\x08\0\0\0\0\0", "it is a gzip file: unpack it first"),
        (b"version https://git-lfs.github.com/spec/v1", "fetch the file itself with git lfs pull"),
        (b"hello, it is me", "it is another kind of file"),
        (recordio.encode(bytes(24)) + b"hello, it is me", "record 2: at byte 32 stands 0x6C6C6568"),
        (recordio.encode(bytes(24)) + recordio.encode(b"short"), "record 2: at byte 32: its 5 bytes are fewer than the 24"),
        (recordio.encode(struct.pack("<IfQQ", 9, 0, 0, 0) + bytes(8)), "record 1: at byte 0: it announces 9 labels, but has 8"),
    ],
)  # fmt: skip
def test_a_foreign_file_is_told_where_and_what_it_is(tmp_path: Path, data: bytes, text: str) -> None:
    path = tmp_path / "a.rec"
    path.write_bytes(data)
    with pytest.raises(BrokenRecord) as error:
        list(image_records.read(path))
    assert str(error.value).startswith(f"{path}: record ")
    assert text in str(error.value)


def test_records_come_out_of_a_fifo_while_it_is_filled(tmp_path: Path) -> None:
    records = [image_records.labelled(number, [float(number)], os.urandom(70_000)) for number in range(40)]
    fifo = tmp_path / "train_0"
    os.mkfifo(fifo)
    thread = threading.Thread(target=lambda: fifo.write_bytes(framed(records)))
    thread.start()
    assert list(image_records.read(fifo)) == records
    thread.join()


def test_the_index_leads_to_each_record(tmp_path: Path) -> None:
    records = [image_records.labelled(number, [1.0, 2.0], bytes(number) + MAGIC) for number in (5, 3, 8)]
    rec, idx = tmp_path / "a.rec", tmp_path / "a.idx"
    assert image_records.write(rec, records, idx) == 3
    index = image_records.read_index(idx)
    assert list(index) == [5, 3, 8]
    for record in records:
        with rec.open("rb") as file:
            file.seek(index[record.id])
            assert next(image_records.read(file)) == record


@pytest.mark.parametrize("line", ["5 0", "a\t0", "5\t-1", ""])
def test_a_broken_index_names_its_line(tmp_path: Path, line: str) -> None:
    (tmp_path / "a.idx").write_text(f"5\t0\n{line}\n")
    with pytest.raises(BrokenIndex, match="line 2 is"):
        image_records.read_index(tmp_path / "a.idx")


@pytest.mark.parametrize(
    ("record", "text"),
    [
        (ImageRecord(4, (1.0, 2.0), b"", 0), "record 4 has 2 labels and the flag 0"),
        (ImageRecord(4, (1.0,), b"", 3), "record 4 has 1 labels and the flag 3"),
        (ImageRecord(-1, (1.0,), b""), "record -1 cannot be written"),
        (ImageRecord(4, (1e39,), b""), "record 4 cannot be written"),
    ],
)
def test_a_record_that_the_format_cannot_hold_is_refused(record: ImageRecord, text: str) -> None:
    with pytest.raises(ValueError, match=text):
        image_records.pack(record)
