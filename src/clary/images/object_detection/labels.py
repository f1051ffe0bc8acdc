"""The boxes of an image, as its annotation says them: a JSON file, an augmented manifest's attribute, a record's labels.

A box that leaves its image by a pixel at most is clipped, one that leaves it further is refused. An image without any box
is a negative. Source: the chapter on object detection in SageMaker's developer guide.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from clary.formats import detection_labels
from clary.formats.image_records import ImageRecord
from clary.images.errors import UserError

_HAIR = 1.0  # pixels that a box may stand over


@dataclass(frozen=True, slots=True)
class Box:
    """Corners are fractions of the image's width and height. ``difficult``: neither right nor wrong where it is found."""

    class_id: int
    left: float
    top: float
    right: float
    bottom: float
    difficult: bool = False


@dataclass(frozen=True, slots=True)
class Annotation:
    """``file``: the image's name in its channel, where the annotation names one."""

    boxes: tuple[Box, ...]
    file: str = ""


def of_json(text: bytes | str, where: str) -> Annotation:
    """An annotation file, or a manifest's attribute of bounding boxes: pixels, class ids from 0. ``where`` names it in errors."""
    try:
        found = json.loads(text)
    except ValueError as error:
        raise UserError(f"{where} is no JSON: {error}") from None
    if not isinstance(found, dict) or not isinstance(found.get("annotations"), list):
        raise UserError(
            f'{where} has no list of "annotations"; an annotation of bounding boxes is '
            '{"image_size": [{"width": 500, "height": 400, "depth": 3}], "annotations": [{"class_id": 0, "left": 111, '
            '"top": 134, "width": 61, "height": 128}]}'
        )
    width, height = _size(found, where)
    boxes = tuple(_box(item, width, height, f"{where}, box {n}") for n, item in enumerate(found["annotations"], 1))
    file = found.get("file", "")
    if not isinstance(file, str):
        raise UserError(f'{where}: "file" is {json.dumps(file)[:80]}, not the name of an image')
    return Annotation(boxes, file)


def _size(found: dict[str, Any], where: str) -> tuple[float, float]:
    sizes = found.get("image_size")
    first = sizes[0] if isinstance(sizes, list) and sizes else sizes
    if not isinstance(first, dict) or not all(_is_number(first.get(side)) for side in ("width", "height")):
        raise UserError(f'{where} has no "image_size": [{{"width": …, "height": …, "depth": 3}}] in pixels')
    width, height = first["width"], first["height"]
    if width <= 0 or height <= 0:
        raise UserError(f"{where}: image_size is {width:g} x {height:g} pixels")
    return width, height


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _box(item: Any, width: float, height: float, where: str) -> Box:
    sides = ("left", "top", "width", "height")
    if not isinstance(item, dict) or not all(_is_number(item.get(side)) for side in sides):
        raise UserError(f"{where}: it must have the numbers left, top, width and height in pixels, and a class_id")
    class_id = item.get("class_id", "")
    if not _is_number(class_id) or class_id != int(class_id) or class_id < 0:
        raise UserError(f"{where}: class_id is {json.dumps(class_id)}; it must be a whole number from 0")
    left, top, right, bottom = item["left"], item["top"], item["left"] + item["width"], item["top"] + item["height"]
    shown = f"left {left:g}, top {top:g}, width {item['width']:g}, height {item['height']:g}"
    if not (item["width"] > 0 and item["height"] > 0):
        raise UserError(f"{where} has no area: {shown}")
    if left < -_HAIR or top < -_HAIR or right > width + _HAIR or bottom > height + _HAIR:
        raise UserError(f"{where} lies outside of its image of {width:g} x {height:g} pixels: {shown}")
    box = Box(
        int(class_id),
        max(left, 0) / width,
        max(top, 0) / height,
        min(right, width) / width,
        min(bottom, height) / height,
    )
    if box.right <= box.left or box.bottom <= box.top:
        raise UserError(f"{where} lies outside of its image of {width:g} x {height:g} pixels: {shown}")
    return box


def of_record(record: ImageRecord, where: str) -> Annotation:
    """The labels of an image record: fractions; a sixth number that is not 0 says ``difficult``."""
    try:
        label = detection_labels.unpack(record.labels)
    except detection_labels.BrokenLabels as error:
        raise UserError(f"{where}: {error}") from None
    if (wrong := detection_labels.misplaced(label)) is not None:
        raise UserError(f"{where}: {wrong}")
    boxes = []
    for class_id, left, top, right, bottom, *rest in label.objects:
        x0, y0, x1, y1 = (min(max(side, 0.0), 1.0) for side in (left, top, right, bottom))
        boxes.append(Box(int(class_id), x0, y0, x1, y1, difficult=bool(rest and rest[0] > 0)))
    return Annotation(tuple(boxes))


def check_classes(found: Iterable[tuple[str, Annotation]], num_classes: int, most_boxes: int, channel: str) -> None:
    """``UserError`` where a class id is not below ``num_classes``, an id between 0 and the highest never occurs, or an
    image has more boxes than ``label_width`` holds."""
    seen: set[int] = set()
    for where, annotation in found:
        for number, box in enumerate(annotation.boxes, 1):
            if box.class_id >= num_classes:
                raise UserError(
                    f"{where}, box {number}: class_id {box.class_id} is too high for num_classes={num_classes}, which has "
                    f"the ids 0 to {num_classes - 1}. Set num_classes to {box.class_id + 1} at least, or number from 0"
                )
            seen.add(box.class_id)
        if len(annotation.boxes) > most_boxes:
            need = 2 + 5 * len(annotation.boxes)
            raise UserError(
                f"{where} has {len(annotation.boxes)} boxes, which take a label_width of {need}; "
                f"it holds {most_boxes} boxes. Set label_width to {need} or more"
            )
    missing = sorted(set(range(max(seen, default=-1) + 1)) - seen)
    if missing and channel == "train":
        raise UserError(
            f"The class ids of the channel train have a gap: {', '.join(map(str, sorted(seen)))} occur, "
            f"{', '.join(map(str, missing))} not. Number the classes from 0 without leaving one out"
        )
