"""Spans of a text that several people marked."""

from __future__ import annotations

import pytest

from clary.labelling.consolidation import spans
from clary.labelling.consolidation.spans import Span


@pytest.mark.parametrize(
    ("people", "expected"),
    [
        ([[Span(5, 9, 1), Span(0, 4, 0)]], [(0, 4, 0, 0), (5, 9, 1, 0)]),
        ([[], []], []),
        ([[Span(0, 10, 0)], [Span(0, 10, 0)]], [(0, 10, 0, 1.0)]),
        ([[Span(0, 10, 0)], [Span(20, 30, 0)]], [(0, 10, 0, 0.5), (20, 30, 0, 0.5)]),
        # Borders as most set them, else in the middle.
        ([[Span(0, 10, 0)], [Span(0, 10, 0)], [Span(2, 11, 0)]], [(0, 10, 0, 1.0)]),
        ([[Span(0, 10, 0)], [Span(1, 11, 0)], [Span(2, 12, 0)]], [(1, 11, 0, 1.0)]),
        # An outlier is left out; of two names the one that most gave.
        ([[Span(0, 10, 0)], [Span(0, 10, 1)], [Span(0, 10, 1)]], [(0, 10, 1, 0.67)]),
        ([[Span(0, 10, 0)], [Span(0, 10, 0)], [Span(40, 50, 0)]], [(0, 10, 0, 0.67)]),
    ],
)
def test_table(people: list[list[Span]], expected: list[tuple[int, int, int, float]]) -> None:
    found = [
        (each.span.start, each.span.end, each.span.class_id, each.confidence) for each in spans.consolidate(people)
    ]
    assert found == expected
