"""Mean average precision as PASCAL VOC reckons it since 2010: the area under the interpolated curve, averaged over classes.

A detection is right if its box overlaps a true one of its class, which no better-scored detection has, by the threshold
(intersection over union). A difficult object counts neither as found nor as missed. Source: the VOC2012 development kit, 3.4.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from clary.images.object_detection.labels import Box

Corners = Sequence[float]
"""left, top, right, bottom, in any unit, the same for all."""


@dataclass(frozen=True, slots=True)
class Detection:
    """``class_id`` from 0; ``score``: how sure the model is, 0 to 1."""

    class_id: int
    score: float
    corners: Corners


def overlap(a: Corners, b: Corners) -> float:
    """Intersection over union, 0 to 1."""
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    if width <= 0 or height <= 0:
        return 0.0
    both = width * height
    area = (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - both
    return both / area if area > 0 else 0.0


def mean_average_precision(
    found: Sequence[Sequence[Detection]], truth: Sequence[Sequence[Box]], threshold: float
) -> float:
    """0 to 1, over the classes that occur in ``truth``; 0 if none does. Both hold the same images in the same order."""
    classes = sorted({box.class_id for boxes in truth for box in boxes if not box.difficult})
    if not classes:
        return 0.0
    by_class: dict[int, list[tuple[float, int, Corners]]] = defaultdict(list)
    for image, detections in enumerate(found):
        for each in detections:
            by_class[each.class_id].append((each.score, image, each.corners))
    precisions = [_average_precision(by_class[class_id], truth, class_id, threshold) for class_id in classes]
    return sum(precisions) / len(precisions)


def _average_precision(
    detections: list[tuple[float, int, Corners]], truth: Sequence[Sequence[Box]], class_id: int, threshold: float
) -> float:
    of_class = [[box for box in boxes if box.class_id == class_id] for boxes in truth]
    total = sum(not box.difficult for boxes in of_class for box in boxes)
    taken: set[tuple[int, int]] = set()
    right = wrong = 0
    curve: list[tuple[float, float]] = []  # recall, precision
    for _, image, corners in sorted(detections, key=lambda each: -each[0]):
        overlaps = [overlap(corners, (b.left, b.top, b.right, b.bottom)) for b in of_class[image]]
        best = max(range(len(overlaps)), key=overlaps.__getitem__, default=-1)
        if best >= 0 and overlaps[best] >= threshold:
            if of_class[image][best].difficult:
                continue
            if (image, best) in taken:
                wrong += 1
            else:
                taken.add((image, best))
                right += 1
        else:
            wrong += 1
        curve.append((right / total, right / (right + wrong)))
    return _area(curve)


def _area(curve: list[tuple[float, float]]) -> float:
    """Below the curve, each precision raised to the best at its recall or beyond."""
    area = best = 0.0
    recalls = [recall for recall, _ in curve]
    for place in range(len(curve) - 1, -1, -1):
        best = max(best, curve[place][1])
        first = bisect_left(recalls, recalls[place])
        if first == place:  # the first detection that reaches this recall
            before = recalls[place - 1] if place else 0.0
            area += (recalls[place] - before) * best
    return area
