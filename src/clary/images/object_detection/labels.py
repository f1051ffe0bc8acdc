"""The boxes of an image, as its annotation says them: a JSON file, an augmented manifest's attribute, a record's labels.

A box that leaves its image by a pixel at most is clipped, one that leaves it further is refused. An image without any box
is a negative. Source: the chapter on object detection in SageMaker's developer guide.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass

from clary.formats import box_annotations, detection_labels
from clary.formats.detection_labels import DetectionLabel
from clary.formats.image_records import ImageRecord
from clary.images.errors import UserError


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
    try:
        annotation = box_annotations.parse(found)
    except box_annotations.BrokenAnnotation as error:
        raise UserError(f"{where}: {error}") from None
    return Annotation(_boxes(annotation.label), annotation.file)


def of_record(record: ImageRecord, where: str) -> Annotation:
    """The labels of an image record: fractions; a sixth number that is not 0 says ``difficult``."""
    try:
        label = detection_labels.unpack(record.labels)
    except detection_labels.BrokenLabels as error:
        raise UserError(f"{where}: {error}") from None
    if (wrong := detection_labels.misplaced(label)) is not None:
        raise UserError(f"{where}: {wrong}")
    return Annotation(_boxes(label))


def _boxes(label: DetectionLabel) -> tuple[Box, ...]:
    boxes = []
    for class_id, left, top, right, bottom, *rest in label.objects:
        x0, y0, x1, y1 = (min(max(side, 0.0), 1.0) for side in (left, top, right, bottom))
        boxes.append(Box(int(class_id), x0, y0, x1, y1, difficult=bool(rest and rest[0] > 0)))
    return tuple(boxes)


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
