"""The filters of batch transform. Expected values: SageMaker's developer guide and Jayway's JsonPath."""

from __future__ import annotations

from typing import Any

import pytest

from clary.formats import json_path

ROW = ["a", "b", "c", "d"]
RECORD = {"id": 7, "features": [1, 2, 3], "deep": {"x": {"y": 1}, "z": {"y": 2}}, "SageMakerOutput": 0.5}


@pytest.mark.parametrize(
    ("path", "value", "found"),
    [
        ("$", RECORD, RECORD),
        ("$.id", RECORD, 7),
        ("$.features", RECORD, [1, 2, 3]),
        ("$['id','SageMakerOutput']", RECORD, {"id": 7, "SageMakerOutput": 0.5}),
        ("$.['id', 'SageMakerOutput']", RECORD, {"id": 7, "SageMakerOutput": 0.5}),
        ('$["id"]', RECORD, 7),
        ("$['id','none']", RECORD, {"id": 7}),
        ("$.deep.x.y", RECORD, 1),
        ("$.deep.*", RECORD, [{"y": 1}, {"y": 2}]),
        ("$.deep.*.y", RECORD, [1, 2]),
        ("$.features[*]", RECORD, [1, 2, 3]),
        ("$.features[-1]", RECORD, 3),
        ("$[0]", ROW, "a"),
        ("$[0,-1]", ROW, ["a", "d"]),
        ("$[1:]", ROW, ["b", "c", "d"]),
        ("$[:-1]", ROW, ["a", "b", "c"]),
        ("$[1:3]", ROW, ["b", "c"]),
        ("$[ 0 , 2 ]", ROW, ["a", "c"]),
    ],
)
def test_a_path_selects(path: str, value: Any, found: Any) -> None:
    assert json_path.parse(path).apply(value) == found


@pytest.mark.parametrize(
    "path", ["", "id", "$id", "$[", "$['a'", "$..a", "$[?(@.a)]", "$[0:2:1]", "$[1,a]", "$.", "$[0,1:]"]
)
def test_what_is_no_such_path_is_refused_by_its_text(path: str) -> None:
    with pytest.raises(json_path.BadPath) as error:
        json_path.parse(path)
    assert repr(path) in str(error.value)


@pytest.mark.parametrize(
    ("path", "value", "text"),
    [
        ("$.other", RECORD, "no 'other'"),
        ("$[4]", ROW, "4 elements, and no index 4"),
        ("$[0,-5]", ROW, "no index -5"),
        ("$.name", ROW, "a name stands where the record has a list"),
        ("$[0]", RECORD, "an index stands where the record has an object"),
        ("$.id.*", RECORD, "\\* stands where the record has a number"),
    ],
)
def test_a_part_that_is_not_there_is_named(path: str, value: Any, text: str) -> None:
    with pytest.raises(json_path.NotThere, match=text):
        json_path.parse(path).apply(value)
