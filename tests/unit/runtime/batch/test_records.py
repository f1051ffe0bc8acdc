"""A file is cut into requests at the borders of its records. Source: the API reference of TransformInput."""

from __future__ import annotations

import mmap
from collections.abc import Callable
from pathlib import Path

import pytest

from clary.formats import recordio, tfrecord
from clary.runtime.batch.records import TooLarge, requests

Opened = Callable[[bytes], mmap.mmap]


@pytest.fixture
def opened(tmp_path: Path) -> Opened:
    def make(data: bytes) -> mmap.mmap:
        path = tmp_path / "file"
        path.write_bytes(data)
        with path.open("rb") as file:
            return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)

    return make


def cut(data: mmap.mmap, split: str, *, single: bool, limit: int = 0) -> list[tuple[bytes, int, int]]:
    return [(bytes(r.body), r.first, r.last) for r in requests(data, split, single=single, limit=limit)]


def test_lines_go_alone_without_their_line_breaks(opened: Opened) -> None:
    assert cut(opened(b"1,2\n3,4\r\n\n5,6"), "Line", single=True) == [(b"1,2", 1, 1), (b"3,4", 2, 2), (b"5,6", 3, 3)]


def test_as_many_lines_go_together_as_fit(opened: Opened) -> None:
    data = opened(b"1,2\n3,4\n5,6\n7,8\n")
    assert cut(data, "Line", single=False) == [(b"1,2\n3,4\n5,6\n7,8", 1, 4)]
    assert cut(data, "Line", single=False, limit=7) == [(b"1,2\n3,4", 1, 2), (b"5,6\n7,8", 3, 4)]
    assert cut(data, "Line", single=False, limit=10) == [(b"1,2\n3,4", 1, 2), (b"5,6\n7,8", 3, 4)]
    assert cut(data, "Line", single=False, limit=3) == [(b"1,2", 1, 1), (b"3,4", 2, 2), (b"5,6", 3, 3), (b"7,8", 4, 4)]


def test_blank_lines_are_no_records(opened: Opened) -> None:
    assert cut(opened(b"\n1,2\r\n\r\n\n3,4\n\n"), "Line", single=False) == [(b"1,2\n3,4", 1, 2)]
    assert cut(opened(b"\n\n"), "Line", single=False) == []


@pytest.mark.parametrize("single", [True, False])
def test_a_line_that_is_too_large_is_told_by_its_number_and_size(opened: Opened, single: bool) -> None:
    with pytest.raises(TooLarge, match="record 3 has 5 bytes, and a payload at most 4"):
        cut(opened(b"1,2\n3,4\n12345\n5\n"), "Line", single=single, limit=4)


def test_a_file_goes_whole_where_it_is_not_split(opened: Opened) -> None:
    assert cut(opened(b"1,2\n3,4\n"), "None", single=False) == [(b"1,2\n3,4\n", 1, 1)]
    with pytest.raises(TooLarge):
        cut(opened(b"1,2\n3,4\n"), "None", single=False, limit=7)


@pytest.mark.parametrize(("split", "encode"), [("RecordIO", recordio.encode), ("TFRecord", tfrecord.encode)])
def test_framed_records_lose_their_frames_alone_and_keep_them_together(
    opened: Opened, split: str, encode: Callable[[bytes], bytes]
) -> None:
    records = [b"abcd", b"", b"x" * 50]
    frames = [encode(record) for record in records]
    data = opened(b"".join(frames))
    assert [body for body, _, _ in cut(data, split, single=True)] == records
    assert cut(data, split, single=False) == [(b"".join(frames), 1, 3)]
    room = len(frames[0] + frames[1])
    assert cut(data, split, single=False, limit=max(room, len(frames[2]))) == [
        (frames[0] + frames[1], 1, 2),
        (frames[2], 3, 3),
    ]
    with pytest.raises(TooLarge, match="record 3"):
        cut(data, split, single=False, limit=room)
