"""The boxes of a line of a manifest, as pages draw them.

A box job's label is ``{"image_size": [{"width", "height"}], "annotations": [{"class_id", "left", "top", "width", "height"}]}``,
in pixels, and its metadata's ``class-map`` names the classes. What is no box is left out: a page shows the others. Source:
SageMaker's developer guide, "Labeling job output data".
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeGuard

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


def size(label: object) -> tuple[float, float] | None:
    """The picture's width and height in pixels; None where the label does not tell them."""
    sizes = label.get("image_size") if isinstance(label, dict) else None
    first = sizes[0] if isinstance(sizes, list) and sizes else None
    if not _has(first, "width", "height") or first["width"] <= 0 or first["height"] <= 0:
        return None
    return first["width"], first["height"]


def of_label(label: object, metadata: Mapping[str, Any]) -> tuple[Box, ...]:
    """None of a label without the picture's size, in which they could be drawn."""
    annotations = label.get("annotations") if isinstance(label, dict) else None
    if not isinstance(annotations, list) or size(label) is None:
        return ()
    names = metadata.get("class-map")
    known = names if isinstance(names, dict) else {}
    return tuple(_box(each, known) for each in annotations if _has(each, *_SIDES))


def _box(found: Mapping[str, Any], names: Mapping[str, Any]) -> Box:
    left, top, width, height = (found[side] for side in _SIDES)
    kind = found.get("class_id", 0)
    colour = int(kind) % 6 + 1 if _is_number(kind) else 1
    return Box(left, top, width, height, str(names.get(str(kind), kind)), colour)


def _has(found: object, *numbers: str) -> TypeGuard[dict[str, Any]]:
    return isinstance(found, dict) and all(_is_number(found.get(each)) for each in numbers)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
