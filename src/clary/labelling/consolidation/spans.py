"""Spans of a text from several people's: those that overlap are one; borders as most set them, else in the middle.

The confidence of a span is the share of people who marked it under this label; 0 where one person alone was asked. One that
fewer than half of the people marked is left out.
"""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from clary.labelling.consolidation import groups


@dataclass(frozen=True, order=True)
class Span:
    """Characters ``start`` to before ``end``; ``class_id`` of its label."""

    start: int
    end: int
    class_id: int


@dataclass(frozen=True)
class Agreed:
    """``confidence``: 0 to 1, two decimals."""

    span: Span
    confidence: float


def consolidate(people: Sequence[Sequence[Span]]) -> list[Agreed]:
    """In the order of the text."""
    if len(people) == 1:
        return [Agreed(span, 0) for span in sorted(people[0])]
    agreed = []
    for group in groups.of(people, _alike):
        marked = [span for _, span in group]
        if len(marked) < groups.majority(len(people)):
            continue
        counts = Counter(span.class_id for span in marked)
        class_id = min(counts, key=lambda each: (-counts[each], each))
        span = Span(_border([each.start for each in marked]), _border([each.end for each in marked]), class_id)
        agreed.append(Agreed(span, round(counts[class_id] / len(people), 2)))
    return sorted(agreed, key=lambda each: each.span)


def _alike(a: Span, b: Span) -> float:
    """Characters in common, of all that either has."""
    common = min(a.end, b.end) - max(a.start, b.start)
    return common / (max(a.end, b.end) - min(a.start, b.start)) if common > 0 else 0.0


def _border(places: Sequence[int]) -> int:
    ((place, most), *others) = Counter(places).most_common()
    if most > 1 and (not others or others[0][1] < most):
        return place
    return int(statistics.median_low(places))
