"""Boxes in pixels become fractions, or are refused by their number."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clary.formats import box_annotations, detection_labels
from clary.formats.box_annotations import BrokenAnnotation
from clary.formats.detection_labels import DetectionLabel


def annotation(**box: Any) -> dict[str, Any]:
    found = {"class_id": 1, "left": 10, "top": 20, "width": 30, "height": 40, **box}
    return {"file": "a.png", "image_size": [{"width": 100, "height": 80, "depth": 3}], "annotations": [found]}


def test_pixels_become_fractions_and_a_pixel_over_is_clipped() -> None:
    found = box_annotations.parse(annotation())
    assert found == box_annotations.BoxAnnotation(DetectionLabel(((1, 0.1, 0.25, 0.4, 0.75),)), 100, 80, "a.png")
    over = box_annotations.parse(annotation(left=-1, top=0, width=102, height=81))
    assert over.label.objects == ((1, 0, 0, 1, 1),)
    assert box_annotations.parse(annotation() | {"annotations": []}).label == DetectionLabel()


SIDE = st.integers(-3, 103) | st.floats(allow_nan=True, allow_infinity=True) | st.none()


@given(SIDE, SIDE, SIDE, SIDE, st.integers(-1, 3) | st.just(0.5) | st.just(float("nan")))
def test_what_is_taken_lies_in_its_image(left: Any, top: Any, width: Any, height: Any, class_id: Any) -> None:
    box = annotation(left=left, top=top, width=width, height=height, class_id=class_id)
    told = ""
    try:
        found = box_annotations.parse(box)
    except BrokenAnnotation as error:
        told = str(error)
    if told:
        assert told.startswith("box 1 ")
        return
    assert detection_labels.misplaced(found.label) is None
    assert found.label.objects[0][0] == class_id


@pytest.mark.parametrize(
    ("found", "text"),
    [
        ([], 'there is no list of "annotations"'),
        (annotation() | {"image_size": []}, 'there is no "image_size"'),
        (annotation() | {"image_size": [{"width": float("inf"), "height": 3}]}, 'there is no "image_size"'),
        (annotation() | {"file": 3}, '"file" is 3, not the name of an image'),
        (
            annotation(left=80),
            "box 1 lies outside of its image of 100 x 80 pixels: left 80, top 20, width 30, height 40",
        ),
        (annotation(width=-1), "box 1 has no area"),
        (annotation(class_id=None), "box 1 has the class_id null; it must be a whole number from 0"),
        (annotation(left="3"), "box 1 must have the numbers left, top, width and height in pixels"),
    ],
)
def test_what_is_no_annotation_is_told(found: Any, text: str) -> None:
    with pytest.raises(BrokenAnnotation) as error:
        box_annotations.parse(json.loads(json.dumps(found)))
    assert str(error.value).startswith(text)
