"""The labels of one image's objects as floats: ``A, B, extra…, object, object, …``, the list that im2rec packs.

``A`` is the length of the part before the objects, ``B`` that of an object: ``class, xmin, ymin, xmax, ymax`` and, where B is
6, ``difficult``; more may follow. Corners are fractions of the image's width and height. Shorter lists may be filled
up with -1. Sources: mxnet 1.9.1, src/io/iter_image_det_recordio.cc (``ImageDetLabelMap``), python/mxnet/image/detection.py.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

_BOX = 5  # floats of an object at least
_SLACK = 1e-4  # fractions as float32 or with six digits may pass the edge by less than a tenth of a pixel of 1,000
PADDING = -1.0


class BrokenLabels(ValueError):
    """The floats are no such list, or an object of them lies where none can."""


@dataclass(frozen=True, slots=True)
class DetectionLabel:
    """``objects``: each ``object_width`` floats, ``(class, xmin, ymin, xmax, ymax[, difficult])``; none is a negative.

    ``class`` counts from 0; corners are fractions, 0 to 1. ``extra``: what stands between A, B and the first object.
    """

    objects: tuple[tuple[float, ...], ...] = ()
    object_width: int = _BOX
    extra: tuple[float, ...] = ()

    @property
    def header_width(self) -> int:
        """The label's A: floats before the first object."""
        return 2 + len(self.extra)


def pack(label: DetectionLabel, width: int = 0) -> tuple[float, ...]:
    """``width``: floats to fill up to with objects of -1, 0 for as many as there are; ``BrokenLabels`` if there are more.

    No object at all is written as one of -1: MXNet's readers refuse a list without any, and pass over one of -1.
    """
    for number, each in enumerate(label.objects, 1):
        if len(each) != label.object_width:
            raise BrokenLabels(f"object {number} has {len(each)} numbers, and object_width is {label.object_width}")
    head = (float(label.header_width), float(label.object_width), *map(float, label.extra))
    nothing = (PADDING,) * label.object_width
    floats = (*head, *(float(number) for each in label.objects or [nothing] for number in each))
    if width and width < len(floats):
        raise BrokenLabels(
            f"{len(label.objects)} objects take {len(floats)} numbers, more than the label_width {width}"
        )
    return floats + nothing * max(0, (width - len(floats)) // label.object_width)  # whole ones: MXNet wants no other


def unpack(floats: Sequence[float]) -> DetectionLabel:
    """``BrokenLabels`` if they are no such list; where the boxes lie, ``misplaced`` tells."""
    if len(floats) < 2:
        raise BrokenLabels(
            f"{len(floats)} label is too few for object detection, whose lists begin with A and B{_HINT}"
        )
    floats = tuple(map(float, floats))
    head, width = floats[:2]
    if not (head >= 2 and head.is_integer()) or head > len(floats):
        raise BrokenLabels(
            f"A is {head:g}; it must be a whole number from 2 to the {len(floats)} labels there are{_HINT}"
        )
    if not (width >= _BOX and width.is_integer()):
        raise BrokenLabels(f"B is {width:g}; an object has at least {_BOX} numbers{_HINT}")
    begin, step = int(head), int(width)
    rest = floats[begin:]
    used = len(rest)
    while used and rest[used - 1] == PADDING:
        used -= 1
    used += -used % step  # a box that itself ends in -1 keeps it
    if used > len(rest):
        raise BrokenLabels(f"{len(rest)} numbers follow the first {begin}, not a multiple of B = {step}")
    objects = tuple(rest[at : at + step] for at in range(0, used, step))
    for number, each in enumerate(objects, 1):
        if not all(map(math.isfinite, each)):
            raise BrokenLabels(f"object {number} has a number that is not finite: {each}")
        if each[0] < 0 or not each[0].is_integer():
            raise BrokenLabels(f"object {number} has the class {each[0]:g}; classes are whole numbers from 0")
    return DetectionLabel(objects, step, floats[2:begin])


_HINT = "; was the file made without --pack-label?"


def misplaced(label: DetectionLabel) -> str | None:
    """What is wrong with the first box that is not inside its image, or has no area; None if all are right."""
    for number, (_, left, top, right, bottom, *_rest) in enumerate(label.objects, 1):
        for name, value in (("xmin", left), ("ymin", top), ("xmax", right), ("ymax", bottom)):
            if not -_SLACK <= value <= 1 + _SLACK:
                return f"object {number} has {name} = {value:g}, outside of its image: fractions go from 0 to 1"
        if right <= left or bottom <= top:
            return f"object {number} has no area: xmin {left:g}, ymin {top:g}, xmax {right:g}, ymax {bottom:g}"
    return None
