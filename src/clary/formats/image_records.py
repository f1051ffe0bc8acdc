"""Image RecordIO (``application/x-recordio``): labelled images in a .rec file, as MXNet's im2rec makes them.

Each RecordIO record is ``u32 flag, f32 label, u64 id, u64 id2``, then ``flag`` float32 labels (none: ``label`` is the one),
then the encoded image; little-endian. Beside the .rec may stand its .idx, lines of ``id<TAB>byte offset``.
Labels of object detection are in ``clary.formats.detection_labels``, .lst files in ``clary.formats.image_lists``.
Sources: mxnet 1.9.1, python/mxnet/recordio.py (``pack``, ``unpack``, ``MXIndexedRecordIO``), tools/im2rec.py.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import IO, NamedTuple, Self

from clary.formats import recordio
from clary.formats.recordio import BrokenRecord

_HEADER = struct.Struct("<IfQQ")


class ImageRecord(NamedTuple):
    """``labels``: float32 as Python has them, exactly one where ``flag`` is 0, else ``flag`` many. ``image``: its file's bytes.

    ``id``, ``id2``: 0 to 2^64 - 1; im2rec gives the number of the .lst line and 0.
    """

    id: int
    labels: tuple[float, ...]
    image: bytes
    flag: int = 0
    id2: int = 0


class BrokenIndex(ValueError):
    """A line of an .idx file is not ``id<TAB>offset``."""


def labelled(number: int, labels: Sequence[float], image: bytes) -> ImageRecord:
    """As im2rec --pack-label does: one label stands in the header, several behind it."""
    return ImageRecord(number, tuple(labels), image, 0 if len(labels) == 1 else len(labels))


def pack(record: ImageRecord) -> bytes:
    """The payload of one record, without RecordIO's frame; ``ValueError`` if its flag does not fit its labels."""
    count = len(record.labels)
    if count != (record.flag or 1):
        raise ValueError(
            f"record {record.id} has {count} labels and the flag {record.flag}: give it the number of labels"
        )
    try:
        if not record.flag:
            return _HEADER.pack(0, record.labels[0], record.id, record.id2) + record.image
        head = _HEADER.pack(count, 0, record.id, record.id2)
        return b"".join([head, struct.pack(f"<{count}f", *record.labels), record.image])
    except (struct.error, OverflowError) as error:
        raise ValueError(f"record {record.id} cannot be written: {error}") from None


def unpack(payload: bytes | memoryview) -> ImageRecord:
    """``ValueError`` if the payload is shorter than its header and labels are."""
    if len(payload) < _HEADER.size:
        raise ValueError(
            f"its {len(payload)} bytes are fewer than the {_HEADER.size} of an image record's header{_NOT_IMAGES}"
        )
    flag, label, number, high = _HEADER.unpack_from(payload)
    if not flag:
        return ImageRecord(number, (label,), bytes(payload[_HEADER.size :]), 0, high)
    end = _HEADER.size + 4 * flag
    if end > len(payload):
        raise ValueError(
            f"it announces {flag} labels, but has {len(payload) - _HEADER.size} bytes behind its header{_NOT_IMAGES}"
        )
    return ImageRecord(number, struct.unpack_from(f"<{flag}f", payload, _HEADER.size), bytes(payload[end:]), flag, high)


_NOT_IMAGES = "; it is RecordIO, but not of images (recordio-protobuf?)"


def read(source: str | Path | recordio.Source) -> Iterator[ImageRecord]:
    """The records in their order, one at a time: a FIFO (Pipe mode) is read as it comes. ``BrokenRecord``, ``OSError``."""
    if not isinstance(source, str | Path):
        yield from ImageRecordReader(source)
        return
    with Path(source).open("rb", buffering=0) as file:
        try:
            yield from ImageRecordReader(file)
        except BrokenRecord as error:
            error.args = (f"{source}: {error}",)
            raise


class ImageRecordReader:
    """Iterates over the records of a source; ``offset`` is the last one's first byte, as an .idx has it."""

    def __init__(self, source: recordio.Source) -> None:
        self._frames = recordio.Reader(source)

    @property
    def offset(self) -> int:
        """In bytes from the source's beginning."""
        return self._frames.offset

    def __iter__(self) -> Iterator[ImageRecord]:
        frames = self._frames
        for payload in frames:
            try:
                yield unpack(payload)
            except ValueError as error:
                raise BrokenRecord(frames.number, f"at byte {frames.offset}: {error}", frames.offset) from None


class ImageRecordWriter:
    """Writes a .rec and, if told where, its .idx; to be closed, or used in a ``with``. ``count``: records written."""

    def __init__(self, path: str | Path, index: str | Path | None = None) -> None:
        self.count = 0
        self._offset = 0
        with ExitStack() as opened:
            self._file: IO[bytes] = opened.enter_context(Path(path).open("wb"))
            self._index = opened.enter_context(Path(index).open("w", newline="\n")) if index is not None else None
            self._opened = opened.pop_all()

    def write(self, record: ImageRecord) -> int:
        """Returns the byte where the record begins. ``ValueError`` if it cannot be written; nothing of it then is."""
        frame = recordio.encode(pack(record))
        self._file.write(frame)
        if self._index is not None:
            self._index.write(f"{record.id}\t{self._offset}\n")
        begin, self._offset = self._offset, self._offset + len(frame)
        self.count += 1
        return begin

    def close(self) -> None:
        """Close both files."""
        self._opened.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def write(path: str | Path, records: Iterable[ImageRecord], index: str | Path | None = None) -> int:
    """Returns how many were written."""
    with ImageRecordWriter(path, index) as writer:
        for record in records:
            writer.write(record)
        return writer.count


def read_index(path: str | Path) -> dict[int, int]:
    """id → byte offset in the .rec, in the file's order; ``BrokenIndex`` names the line."""
    found: dict[int, int] = {}
    with Path(path).open() as lines:
        for number, line in enumerate(lines, 1):
            key, tab, offset = line.rstrip("\n").partition("\t")
            if not tab or not key.isdecimal() or not offset.isdecimal():
                raise BrokenIndex(f"{path}: line {number} is {line.rstrip()!r}, not an id, a tab and a byte offset")
            found[int(key)] = int(offset)
    return found
