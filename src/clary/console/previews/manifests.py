"""A manifest of Ground Truth: its pictures, with the boxes and classes that a job gave them.

A line is ``{"source-ref": "s3://…", "NAME": …, "NAME-metadata": {…}}``. A box job's attribute is ``{"image_size": [{"width",
"height"}], "annotations": [{"class_id", "left", "top", "width", "height"}]}``, its metadata holds ``class-map``; a
classification's metadata holds ``class-name``. Source: SageMaker's developer guide, "Labeling job output data".
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

WHOLE = 16 << 20
"""Bytes of a manifest that are looked at."""
_SIDES = ("left", "top", "width", "height")


@dataclass(frozen=True)
class Box:
    """In pixels of the picture; ``kind``: which of its class's colours, 1 to 6."""

    left: float
    top: float
    width: float
    height: float
    name: str
    kind: int


@dataclass(frozen=True)
class Picture:
    """One line, counted from 1. ``width`` and ``height``: the pixels that boxes are in, 0 where none is known."""

    line: int
    uri: str
    width: float = 0
    height: float = 0
    boxes: Sequence[Box] = ()
    classes: Sequence[str] = ()
    problem: str = ""

    @property
    def said(self) -> str:
        """The labels in words."""
        return ", ".join(dict.fromkeys([*self.classes, *(box.name for box in self.boxes)]))


@dataclass(frozen=True)
class Manifest:
    pictures: Sequence[Picture]
    cut: bool = False  # whether the file goes on beyond what was looked at


def read(data: bytes, *, whole: bool) -> Manifest | None:
    """None if the first line is none of a manifest with pictures. A line that is broken says so in its place."""
    lines = data.split(b"\n")
    if not whole:
        lines.pop()
    pictures = [_picture(number, line) for number, line in enumerate(lines, 1) if line.strip()]
    if not pictures or not pictures[0].uri:
        return None
    return Manifest(pictures, cut=not whole)


def _picture(number: int, line: bytes) -> Picture:
    try:
        found = json.loads(line)
    except ValueError:
        return Picture(number, "", problem="This line is no JSON.")
    uri = found.get("source-ref") if isinstance(found, dict) else None
    if not isinstance(uri, str):
        return Picture(number, "", problem="This line has no source-ref.")
    width = height = 0.0
    boxes: list[Box] = []
    classes: list[str] = []
    for name, value in found.items():
        metadata = found.get(f"{name}-metadata")
        metadata = metadata if isinstance(metadata, dict) else {}
        if isinstance(value, dict) and isinstance(value.get("annotations"), list):
            width, height = _size(value) or (width, height)
            boxes += _boxes(value["annotations"], metadata.get("class-map"))
        elif isinstance(metadata.get("class-name"), str):
            classes.append(metadata["class-name"])
        elif isinstance(metadata.get("class-map"), dict):  # several classes of one picture
            classes += [str(each) for each in metadata["class-map"].values()]
    return Picture(number, uri, width, height, tuple(boxes) if width else (), tuple(classes))


def _size(value: Mapping[str, Any]) -> tuple[float, float] | None:
    sizes = value.get("image_size")
    first = sizes[0] if isinstance(sizes, list) and sizes else None
    if not isinstance(first, dict) or not all(_is_number(first.get(side)) for side in ("width", "height")):
        return None
    return (first["width"], first["height"]) if first["width"] > 0 and first["height"] > 0 else None


def _boxes(annotations: Sequence[Any], names: Any) -> list[Box]:
    known = names if isinstance(names, dict) else {}
    boxes = []
    for each in annotations:
        if not isinstance(each, dict) or not all(_is_number(each.get(side)) for side in _SIDES):
            continue
        left, top, width, height = (each[side] for side in _SIDES)
        kind = each.get("class_id", 0)
        boxes.append(Box(left, top, width, height, str(known.get(str(kind), kind)), _colour(kind)))
    return boxes


def _colour(kind: Any) -> int:
    return int(kind) % 6 + 1 if _is_number(kind) else 1


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
