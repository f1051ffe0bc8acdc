"""Cutting a file into requests: by lines, RecordIO or TFRecord, one record or as many as fit, or the file as a whole.

A framed record (RecordIO, TFRecord) is sent without its frame where it goes alone and with it where several go
together; a line goes without the line break at its end, and blank lines are no records. Source: the API reference of
TransformInput and CreateTransformJob.
"""

from __future__ import annotations

import mmap
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from clary.formats import recordio, tfrecord

BrokenRecord = recordio.BrokenRecord | tfrecord.BrokenRecord


@dataclass(frozen=True)
class Request:
    """``body`` holds the records ``first`` to ``last`` of its file, counted from 1; a whole file is record 1."""

    body: bytes | memoryview
    first: int
    last: int


class TooLarge(ValueError):
    """A record is larger than a request may be; ``number`` counts records from 1."""

    def __init__(self, number: int, size: int, limit: int) -> None:
        super().__init__(f"record {number} has {size} bytes, and a payload at most {limit} (MaxPayloadInMB)")
        self.number = number


def requests(data: mmap.mmap, split: str, *, single: bool, limit: int) -> Iterator[Request]:
    """``limit``: bytes of a body at most, 0 for any number. ``TooLarge``, ``BrokenRecord``."""
    limit = limit or len(data)
    match split, single:
        case "Line", True:
            return _alone(_lines(data), limit)
        case "Line", False:
            return _blocks_of_lines(data, limit)
        case "RecordIO", True:
            return _alone(_recordio(data), limit)
        case "RecordIO", False:
            return _together(map(recordio.encode, _recordio(data)), limit)
        case "TFRecord", True:
            return _alone((bytes(tfrecord.content(frame)) for frame in _tf_frames(data)), limit)
        case "TFRecord", False:
            return _together(map(bytes, _tf_frames(data)), limit)
    return _alone([memoryview(data)], limit)


def _alone(records: Iterable[bytes | memoryview], limit: int) -> Iterator[Request]:
    for number, record in enumerate(records, 1):
        if len(record) > limit:
            raise TooLarge(number, len(record), limit)
        yield Request(record, number, number)


def _together(frames: Iterable[bytes], limit: int) -> Iterator[Request]:
    batch: list[bytes] = []
    size, number = 0, 0
    for number, frame in enumerate(frames, 1):
        if len(frame) > limit:
            raise TooLarge(number, len(frame), limit)
        if size + len(frame) > limit:
            yield Request(b"".join(batch), number - len(batch), number - 1)
            batch, size = [], 0
        batch.append(frame)
        size += len(frame)
    if batch:
        yield Request(b"".join(batch), number - len(batch) + 1, number)


def _lines(data: mmap.mmap) -> Iterator[bytes]:
    at = 0
    while at < len(data):
        end = data.find(b"\n", at)
        end = len(data) if end < 0 else end
        if line := data[at:end].rstrip(b"\r"):
            yield line
        at = end + 1


def _blocks_of_lines(data: mmap.mmap, limit: int) -> Iterator[Request]:
    """As many lines as fit, cut out of the file in one piece."""
    at, number = 0, 1
    while at < len(data):
        end = at + limit
        if end < len(data):
            end = data.rfind(b"\n", at, end + 1)
            if end < 0:
                end = data.find(b"\n", at)
                raise TooLarge(number, (len(data) if end < 0 else end) - at, limit)
        body = _without_blanks(data[at:end])
        if body:
            count = body.count(b"\n") + 1
            yield Request(body, number, number + count - 1)
            number += count
        at = end + 1


def _without_blanks(block: bytes) -> bytes:
    if b"\r" not in block and b"\n\n" not in block and not block.startswith(b"\n"):
        return block.removesuffix(b"\n")
    return b"\n".join(line for each in block.split(b"\n") if (line := each.rstrip(b"\r")))


def _recordio(data: mmap.mmap) -> Iterator[bytes]:
    data.seek(0)
    return recordio.read(data)


def _tf_frames(data: mmap.mmap) -> Iterator[memoryview]:
    view = memoryview(data)
    for begin, end in tfrecord.spans(view):
        yield view[begin:end]
