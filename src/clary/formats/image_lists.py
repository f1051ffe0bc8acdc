""".lst files: one image a line, ``number<TAB>label<TAB>…<TAB>path``, as im2rec writes and reads them.

For classification one label a line; for object detection the list of ``clary.formats.detection_labels``.
Source: mxnet 1.9.1, tools/im2rec.py (``write_list``, ``read_list``).
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

_FLOAT = struct.Struct("<f")


class BrokenList(ValueError):
    """A line is not of a .lst file; ``line`` counts from 1."""

    def __init__(self, path: str | Path, line: int, what: str) -> None:
        super().__init__(f"{path}: line {line} {what}")
        self.line = line


@dataclass(frozen=True, slots=True)
class ListedImage:
    """``labels``: kept as float32. ``path``: relative to the folder of images."""

    id: int
    labels: tuple[float, ...]
    path: str


def write(path: str | Path, images: Iterable[ListedImage]) -> None:
    """``ValueError`` for a path with a tab or a line break in it, and for a label that is no float32."""
    with Path(path).open("w", newline="\n", encoding="utf-8") as file:
        for image in images:
            if any(character in image.path for character in "\t\n\r"):
                raise ValueError(
                    f"{image.path!r} has a tab or a line break in its name, which a .lst cannot hold: rename it"
                )
            file.write("\t".join([str(image.id), *map(_number, image.labels), image.path]) + "\n")


def read(path: str | Path) -> Iterator[ListedImage]:
    """Blank lines are passed over. ``BrokenList`` names the line, ``OSError``."""
    with Path(path).open(encoding="utf-8", newline="") as file:
        for number, text in enumerate(file, 1):
            if not text.strip():
                continue
            columns = [column.strip() for column in text.strip().split("\t")]
            if len(columns) < 3:
                raise BrokenList(
                    path, number, f"has {len(columns)} columns; a number, a label and a path are apart by tabs"
                )
            if not columns[0].isdecimal():
                raise BrokenList(path, number, f"begins with {columns[0]!r}, not a number from 0")
            try:
                labels = tuple(map(float, columns[1:-1]))
            except ValueError as error:
                raise BrokenList(path, number, f"has a label that is none: {error}") from None
            yield ListedImage(int(columns[0]), labels, columns[-1])


def _number(label: float) -> str:
    """As im2rec prints it, or nine digits where its six do not give the same float32."""
    short = f"{label:f}"
    return short if _float32(float(short)) == _float32(label) else f"{label:.9g}"


def _float32(number: float) -> float:
    try:
        rounded: float = _FLOAT.unpack(_FLOAT.pack(number))[0]
    except OverflowError:
        raise ValueError(f"the label {number:g} is larger than a float32 can be") from None
    return rounded
