"""Boxes from several people's: those that overlap are averaged; one that fewer than half of the people drew is left out.

The confidence of a box: the share of people who drew it under this class, times how well their boxes overlap (the mean
intersection over union of all pairs). It is 0 where one person alone was asked.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from statistics import fmean

from clary.labelling.consolidation import groups


@dataclass(frozen=True)
class Box:
    """In pixels from the upper left corner of the image."""

    class_id: int
    left: float
    top: float
    width: float
    height: float


@dataclass(frozen=True)
class Agreed:
    """``confidence``: 0 to 1, two decimals."""

    box: Box
    confidence: float


def consolidate(people: Sequence[Sequence[Box]]) -> list[Agreed]:
    """``people``: the boxes of each; somebody who drew none says that there is none."""
    if len(people) == 1:
        return [Agreed(box, 0) for box in people[0]]
    agreed = []
    for group in groups.of(people, overlap):
        drawn = [box for _, box in group]
        if len(drawn) < groups.majority(len(people)):
            continue
        counts = Counter(box.class_id for box in drawn)
        class_id = min(counts, key=lambda each: (-counts[each], each))
        overlaps = [overlap(a, b) for a, b in combinations(drawn, 2)]
        confidence = counts[class_id] / len(people) * (fmean(overlaps) if overlaps else 1.0)
        agreed.append(Agreed(_mean(drawn, class_id), round(confidence, 2)))
    return agreed


def overlap(a: Box, b: Box) -> float:
    """Intersection over union; 0 if both are empty."""
    width = min(a.left + a.width, b.left + b.width) - max(a.left, b.left)
    height = min(a.top + a.height, b.top + b.height) - max(a.top, b.top)
    if width <= 0 or height <= 0:
        return 0.0
    common = width * height
    return common / (a.width * a.height + b.width * b.height - common)


def _mean(drawn: Sequence[Box], class_id: int) -> Box:
    return Box(
        class_id,
        fmean(box.left for box in drawn),
        fmean(box.top for box in drawn),
        fmean(box.width for box in drawn),
        fmean(box.height for box in drawn),
    )
