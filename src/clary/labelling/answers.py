"""What workers' answers say, found in the content that crowd elements make: keyed by the names of the template's fields.

The field's name is the stock template's; a template with another name is understood too, if just one of its fields has the
right form. Labels are told by their ids, their places in the label category file.
"""

from __future__ import annotations

import base64
import binascii
import json
import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

from clary.formats.png import BadPng, Colour, decode
from clary.labelling.consolidation import masks
from clary.labelling.consolidation.boxes import Box
from clary.labelling.consolidation.masks import Rows
from clary.labelling.consolidation.spans import Span
from clary.store.labelling_tasks import Row

Answer = Mapping[str, Any]

_COLOUR = re.compile(r"#[0-9a-fA-F]{6}")


class BadAnswer(Exception):
    """The answer does not say what its task asks for; the message says why."""


def content(row: Row) -> dict[str, Any]:
    """The content of a task that was submitted."""
    found: dict[str, Any] = json.loads(row.answer or "{}")
    return found


def one_class(answer: Answer, names: Sequence[str]) -> int:
    """``BadAnswer``, as all of these."""
    field = _field(answer, "label", "crowd-image-classifier", "crowd-classifier")
    return _class(field["label"], names)


def several_classes(answer: Answer, names: Sequence[str]) -> frozenset[int]:
    """The ids of the classes that were chosen, none of them too."""
    field = _field(answer, "labels", "crowd-image-classifier-multi-select", "crowd-classifier-multi-select")
    if not isinstance(field["labels"], list):
        raise BadAnswer("its labels are no list")
    return frozenset(_class(label, names) for label in field["labels"])


def comment(answer: Answer) -> str:
    """What a worker wrote beside the choice; "" if nothing."""
    for field in answer.values():
        if isinstance(field, dict) and isinstance(said := field.get("workerComment"), str):
            return said
    return ""


def boxes(answer: Answer, names: Sequence[str]) -> list[Box]:
    """Cut off at the borders of the image."""
    field = _field(answer, "boundingBoxes", "boundingBox")
    size = image_size(answer)
    return [_box(each, names, size) for each in field["boundingBoxes"]]


def image_size(answer: Answer) -> tuple[int, int] | None:
    """Width and height of the image that was shown, where the answer tells."""
    for field in answer.values():
        size = field.get("inputImageProperties") if isinstance(field, dict) else None
        if isinstance(size, dict) and isinstance(size.get("width"), int) and isinstance(size.get("height"), int):
            return size["width"], size["height"]
    return None


def changed(answer: Answer) -> bool:
    """Whether the worker changed the labels that were shown."""
    return any(isinstance(field, dict) and bool(field.get("initialValueModified")) for field in answer.values())


def spans(answer: Answer, names: Sequence[str], length: int) -> list[Span]:
    """``length``: characters of the text."""
    field = _field(answer, "entities", "crowd-entity-annotation")
    found = []
    for each in field["entities"]:
        start, end = (each.get("startOffset"), each.get("endOffset")) if isinstance(each, dict) else (None, None)
        if type(start) is not int or type(end) is not int or not 0 <= start < end <= length:
            raise BadAnswer(f"it marks {json.dumps(each)[:100]} in a text of {length} characters")
        found.append(Span(start, end, _class(each.get("label"), names)))
    return found


def mask(answer: Answer, names: Sequence[str]) -> Rows:
    """The mask row by row, as ``consolidation.masks`` has it."""
    field = _field(answer, "labeledImage", "crowd-semantic-segmentation")
    colours: dict[Colour, int] = {}
    for label, mapping in (field.get("labelMappings") or {}).items():
        colour = mapping.get("color") if isinstance(mapping, dict) else None
        if not isinstance(colour, str) or not _COLOUR.fullmatch(colour):
            raise BadAnswer(f"the label {label!r} has the colour {colour!r}; one like #2ca02c is read")
        colours[int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)] = 1 + _class(label, names)
    try:
        image = decode(base64.b64decode(field["labeledImage"]["pngImageData"], validate=True))
    except (KeyError, TypeError, binascii.Error, ValueError, BadPng) as error:
        raise BadAnswer(f"its mask cannot be read: {error}") from None
    return masks.classes_of(image, colours)


def _field(answer: Answer, member: str, *names: str) -> dict[str, Any]:
    """The field that holds ``member``: one of these names, else the only one that does."""
    fitting = {name: field for name, field in answer.items() if isinstance(field, dict) and member in field}
    found = next((fitting[name] for name in names if name in fitting), None)
    if found is None and len(fitting) == 1:
        (found,) = fitting.values()
    if found is None:
        there = ", ".join(answer) or "none"
        raise BadAnswer(f"none of its fields ({there}) holds {member}: name the template's field {names[0]}")
    if isinstance(found[member], list | dict | str):
        return found
    raise BadAnswer(f"its {member} is {json.dumps(found[member])[:100]}")


def _class(label: Any, names: Sequence[str]) -> int:
    try:
        return list(names).index(label)
    except ValueError:
        raise BadAnswer(
            f"it says {json.dumps(label)[:100]}, which is no label of the job: {', '.join(names)[:200]}"
        ) from None


def _box(each: Any, names: Sequence[str], size: tuple[int, int] | None) -> Box:
    if not isinstance(each, dict):
        raise BadAnswer(f"it has {json.dumps(each)[:100]} as a box")
    sides: list[Any] = [each.get(side) for side in ("left", "top", "width", "height")]
    if not all(isinstance(side, int | float) and not isinstance(side, bool) and math.isfinite(side) for side in sides):
        raise BadAnswer(f"it has {json.dumps(each)[:200]} as a box; left, top, width and height must be numbers")
    left, top, width, height = sides
    class_id = _class(each.get("label"), names)
    if size is not None:
        right, bottom = min(left + width, size[0]), min(top + height, size[1])
        left, top = max(left, 0), max(top, 0)
        width, height = right - left, bottom - top
    if width <= 0 or height <= 0:
        raise BadAnswer(f"it has a box of no size within the image: {json.dumps(each)[:200]}")
    return Box(class_id, left, top, width, height)
