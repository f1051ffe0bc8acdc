"""Lists of floats for the objects of an image."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clary.formats import detection_labels
from clary.formats.detection_labels import BrokenLabels, DetectionLabel

FRACTIONS = st.floats(0, 1, width=32)
OBJECTS = st.tuples(st.integers(0, 99).map(float), FRACTIONS, FRACTIONS, FRACTIONS, FRACTIONS)


@given(st.lists(OBJECTS, max_size=5), st.lists(FRACTIONS, max_size=3), st.integers(0, 20))
def test_what_is_packed_is_unpacked_padded_or_not(
    objects: list[tuple[float, ...]], extra: list[float], more: int
) -> None:
    label = DetectionLabel(tuple(objects), 5, tuple(extra))
    floats = detection_labels.pack(label)
    assert floats[:2] == (2 + len(extra), 5)
    padded = detection_labels.pack(label, len(floats) + more)
    assert padded == floats + (-1.0,) * (more // 5 * 5)
    assert detection_labels.unpack(padded) == label
    assert detection_labels.unpack(floats + (-1.0,) * more) == label  # of a writer that fills up to any length


def test_no_object_is_one_that_is_passed_over() -> None:
    assert detection_labels.pack(DetectionLabel()) == (2, 5, -1, -1, -1, -1, -1)
    assert detection_labels.unpack([2, 5, -1, -1, -1, -1, -1]) == detection_labels.unpack([2, 5]) == DetectionLabel()


def test_an_object_may_have_more_than_its_box() -> None:
    assert detection_labels.unpack([2, 6, 1, 0.1, 0.2, 0.55, 0.8, 0]).objects == ((1, 0.1, 0.2, 0.55, 0.8, 0),)
    assert detection_labels.unpack([4, 5, 300, 200]) == DetectionLabel((), 5, (300, 200))


@pytest.mark.parametrize(
    ("floats", "text"),
    [
        ([3.0], "1 label is too few"),
        ([1, 5, 0, 0, 0, 1, 1], "A is 1; it must be a whole number from 2"),
        ([9, 5, 0, 0, 0, 1, 1], "A is 9; it must be a whole number from 2 to the 7 labels"),
        ([math.nan, 5], "A is nan"),
        ([2, 4, 0, 0, 0, 1], "B is 4; an object has at least 5"),
        ([2, 5, 0, 0, 0, 1], "4 numbers follow the first 2, not a multiple of B = 5"),
        ([2, 5, -2, 0, 0, 1, 1], "object 1 has the class -2"),
        ([2, 5, 0, 0, 0, 1, 1, 0.5, 0, 0, 1, 1], "object 2 has the class 0.5"),
        ([2, 5, 0, 0, math.inf, 1, 1], "object 1 has a number that is not finite"),
    ],
)
def test_what_is_no_such_list_is_told(floats: list[float], text: str) -> None:
    with pytest.raises(BrokenLabels) as error:
        detection_labels.unpack(floats)
    assert str(error.value).startswith(text)


@pytest.mark.parametrize(
    ("box", "text"),
    [
        ((0, 0, 0, 1, 1), None),
        ((0, 0.1, 0.1, 1.00001, 1), None),
        ((0, 0.1, 0.1, 1.2, 1), "object 1 has xmax = 1.2, outside of its image"),
        ((0, -0.1, 0.1, 1, 1), "object 1 has xmin = -0.1, outside"),
        ((0, math.nan, 0.1, 1, 1), "object 1 has xmin = nan, outside"),
        ((0, 0.5, 0.1, 0.5, 1), "object 1 has no area"),
    ],
)
def test_a_box_outside_its_image_is_told(box: tuple[float, ...], text: str | None) -> None:
    told = detection_labels.misplaced(DetectionLabel((box,)))
    assert told == text if text is None else told is not None and told.startswith(text)


def test_labels_that_do_not_fit_are_refused() -> None:
    with pytest.raises(BrokenLabels, match="1 objects take 7 numbers, more than the label_width 6"):
        detection_labels.pack(DetectionLabel(((0, 0, 0, 1, 1),)), 6)
    with pytest.raises(BrokenLabels, match="object 1 has 4 numbers, and object_width is 5"):
        detection_labels.pack(DetectionLabel(((0, 0, 0, 1),)))
