"""Bounding boxes of an image in pixels, as JSON: an annotation file, or an attribute of a manifest's line.

``{"image_size": [{"width": 500, "height": 400, "depth": 3}], "annotations": [{"class_id": 0, "left": 111, "top": 134,
"width": 61, "height": 128}]}``; a file also has ``"file"``, its image. A box that leaves its image by a pixel at most is
clipped. Sources: SageMaker's developer guide, the chapters on object detection and on Ground Truth's output.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import Any

from clary.formats.detection_labels import DetectionLabel

_SIDES = ("left", "top", "width", "height")
_HAIR = 1.0  # pixels that a box may stand over: hand-drawn ones are rounded


class BrokenAnnotation(ValueError):
    """It is no such JSON, or has a box that cannot be."""


@dataclass(frozen=True, slots=True)
class BoxAnnotation:
    """``label``: fractions of ``width`` and ``height``, the pixels of the image on which the boxes were drawn."""

    label: DetectionLabel
    width: float
    height: float
    file: str = ""


def parse(found: object) -> BoxAnnotation:
    """``found``: the JSON, decoded. No box at all makes a negative. ``BrokenAnnotation`` counts boxes from 1."""
    if not isinstance(found, dict) or not isinstance(found.get("annotations"), list):
        raise BrokenAnnotation(
            'there is no list of "annotations"; boxes are {"image_size": [{"width": 500, "height": 400, "depth": 3}], '
            '"annotations": [{"class_id": 0, "left": 111, "top": 134, "width": 61, "height": 128}]}'
        )
    width, height = _size(found)
    objects = tuple(_box(item, number, width, height) for number, item in enumerate(found["annotations"], 1))
    file = found.get("file", "")
    if not isinstance(file, str):
        raise BrokenAnnotation(f'"file" is {json.dumps(file)[:80]}, not the name of an image')
    return BoxAnnotation(DetectionLabel(objects), width, height, file)


def _size(found: dict[str, Any]) -> tuple[float, float]:
    sizes = found.get("image_size")
    first = sizes[0] if isinstance(sizes, list) and sizes else sizes
    if not isinstance(first, dict) or not all(_is_number(first.get(side)) for side in ("width", "height")):
        raise BrokenAnnotation('there is no "image_size": [{"width": …, "height": …, "depth": 3}] in pixels')
    width, height = first["width"], first["height"]
    if not (width > 0 and height > 0):
        raise BrokenAnnotation(f"image_size is {width:g} x {height:g} pixels")
    return width, height


def _box(item: Any, number: int, width: float, height: float) -> tuple[float, ...]:
    if not isinstance(item, dict) or not all(_is_number(item.get(side)) for side in _SIDES):
        raise BrokenAnnotation(
            f"box {number} must have the numbers left, top, width and height in pixels, and a class_id"
        )
    class_id: Any = item.get("class_id")
    if not _is_number(class_id) or class_id != int(class_id) or class_id < 0:
        raise BrokenAnnotation(
            f"box {number} has the class_id {json.dumps(class_id)}; it must be a whole number from 0"
        )
    left, top, right, bottom = item["left"], item["top"], item["left"] + item["width"], item["top"] + item["height"]
    shown = ", ".join(f"{side} {item[side]:g}" for side in _SIDES)
    if not (right > left and bottom > top):
        raise BrokenAnnotation(f"box {number} has no area: {shown}")
    inside = -_HAIR <= left < width and -_HAIR <= top < height and right > 0 and bottom > 0
    if not (inside and right <= width + _HAIR and bottom <= height + _HAIR):
        raise BrokenAnnotation(f"box {number} lies outside of its image of {width:g} x {height:g} pixels: {shown}")
    corners = (max(left, 0) / width, max(top, 0) / height, min(right, width) / width, min(bottom, height) / height)
    return float(class_id), *corners


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
