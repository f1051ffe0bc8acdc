"""Masks of several people, pixel by pixel."""

from __future__ import annotations

import pytest

from clary.formats.png import Image
from clary.labelling.consolidation import masks

EMPTY, SQUARE = [b"\0\0\0\0"] * 4, [b"\0\0\0\0", b"\0\1\1\0", b"\0\1\1\0", b"\0\0\0\0"]
WIDE = [b"\0\0\0\0", b"\0\1\1\1", b"\0\1\1\1", b"\0\0\0\0"]


@pytest.mark.parametrize(
    ("people", "rows", "confidence"),
    [
        ([SQUARE], SQUARE, 0),
        ([SQUARE, SQUARE], SQUARE, 1.0),
        ([SQUARE, SQUARE, WIDE], SQUARE, 1 - 2 / 48),
        ([SQUARE, WIDE, WIDE], WIDE, 1 - 2 / 48),
        ([EMPTY, EMPTY, SQUARE], EMPTY, 1 - 4 / 48),
    ],
)
def test_table(people: list[list[bytes]], rows: list[bytes], confidence: float) -> None:
    found = masks.consolidate(people)
    assert (found.rows, found.confidence) == (rows, pytest.approx(confidence))


def test_where_people_are_even_the_neighbours_decide() -> None:
    full, hole = [b"\1" * 5] * 5, [b"\1" * 5] * 2 + [b"\1\1\0\1\1"] + [b"\1" * 5] * 2
    assert masks.consolidate([full, hole]).rows == full
    assert masks.consolidate([hole, full]).rows == full
    assert masks.consolidate([EMPTY, [b"\0\0\0\0", b"\0\1\0\0", *EMPTY[2:]]]).rows == EMPTY


def test_masks_of_two_sizes_are_told() -> None:
    with pytest.raises(masks.UnlikeSizes, match="4 x 4, 2 x 1"):
        masks.consolidate([EMPTY, [b"\0\0"]])


def test_colours_become_classes_and_back() -> None:
    colours = {(255, 255, 255): 0, (0x2C, 0xA0, 0x2C): 1, (0x1F, 0x77, 0xB4): 2}
    row = bytes([255, 255, 255, 0x2C, 0xA0, 0x2C, 0x1F, 0x77, 0xB4, 1, 2, 3])
    rows = masks.classes_of(Image(4, 2, [row, row]), colours)
    assert rows == [b"\0\1\2\0"] * 2
    back = masks.picture(rows, {number: colour for colour, number in colours.items()})
    assert back.rows[0] == row[:9] + b"\xff\xff\xff"
