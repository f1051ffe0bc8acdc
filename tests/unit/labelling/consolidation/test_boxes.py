"""Boxes of several people."""

from __future__ import annotations

import pytest

from clary.labelling.consolidation import boxes
from clary.labelling.consolidation.boxes import Box


def box(left: float, top: float, width: float = 100, height: float = 100, class_id: int = 0) -> Box:
    return Box(class_id, left, top, width, height)


def made(people: list[list[Box]]) -> list[tuple[int, float, float, float, float, float]]:
    return [
        (each.box.class_id, each.box.left, each.box.top, each.box.width, each.box.height, each.confidence)
        for each in boxes.consolidate(people)
    ]


@pytest.mark.parametrize(
    ("people", "expected"),
    [
        ([[box(1, 2, 3, 4)]], [(0, 1, 2, 3, 4, 0)]),  # one person alone: as it was drawn
        ([[]], []),
        ([[], []], []),
        ([[box(0, 0)], [box(0, 0)]], [(0, 0, 0, 100, 100, 1.0)]),
        ([[box(0, 0)], [box(10, 20)]], [(0, 5, 10, 100, 100, 0.56)]),  # 90 x 80 in common
        ([[box(0, 0)], [box(60, 0)]], [(0, 0, 0, 100, 100, 0.5), (0, 60, 0, 100, 100, 0.5)]),  # two things
        # Two against an outlier: what one of three alone drew is left out.
        ([[box(0, 0)], [box(0, 0)], [box(500, 500)]], [(0, 0, 0, 100, 100, 0.67)]),
        ([[box(0, 0)], [box(0, 0)], []], [(0, 0, 0, 100, 100, 0.67)]),
        ([[box(0, 0)], [], []], []),
        # The same thing under two names: what most say.
        ([[box(0, 0)], [box(0, 0, class_id=1)], [box(0, 0, class_id=1)]], [(1, 0, 0, 100, 100, 0.67)]),
    ],
)
def test_table(people: list[list[Box]], expected: list[tuple[int, float, float, float, float, float]]) -> None:
    assert made(people) == expected


def test_two_things_that_touch_stay_two() -> None:
    """The most alike pairs go first, and one person's boxes never become one."""
    left, right = box(0, 0), box(40, 0)
    found = made([[left, right], [right, left], [left, right]])
    assert found == [(0, 0, 0, 100, 100, 1.0), (0, 40, 0, 100, 100, 1.0)]


def test_how_much_boxes_overlap() -> None:
    assert boxes.overlap(box(0, 0), box(0, 0)) == 1
    assert boxes.overlap(box(0, 0), box(50, 0)) == pytest.approx(1 / 3)
    assert boxes.overlap(box(0, 0), box(100, 0)) == 0
    assert boxes.overlap(box(0, 0, 0, 0), box(0, 0, 0, 0)) == 0
