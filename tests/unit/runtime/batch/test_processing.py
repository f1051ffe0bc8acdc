"""DataProcessing: examples of SageMaker's developer guide, and what does not fit together."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from clary.formats.json_path import NotThere
from clary.runtime.batch.processing import CannotProcess, Processing

CSV, JSON, LINES = "text/csv", "application/json", "application/jsonlines"


def processing(content: str, split: str = "Line", *, accept: str = "", **asked: Any) -> Processing:
    return Processing.of(asked, content, accept or content, split)


def test_nothing_asked_leaves_all_as_it_is() -> None:
    plain = processing("image/png", "None")
    assert plain.sent(b"\x89PNG") == b"\x89PNG"
    assert plain.kept(b"\x89PNG", b"cat", "text/plain") == b"cat"


def test_columns_are_left_out_and_joined_again() -> None:
    asked = processing(CSV, InputFilter="$[1:]", JoinSource="Input", OutputFilter="$[0,-1]")
    body = b'id1,1,2\n"id,2",3,4'
    assert asked.sent(body) == b"1,2\n3,4"
    assert asked.kept(body, b"0.5\n0.7\n", "text/csv; charset=utf-8") == b'id1,0.5\n"id,2",0.7'


def test_rows_are_joined_as_they_stand() -> None:
    asked = processing(CSV, JoinSource="Input")
    assert asked.kept(b'1, 2.50,"a"\n3,4,', b"0.10,x\n7", CSV) == b'1, 2.50,"a",0.10,x\n3,4,,7'


def test_one_column_is_a_row_of_one_cell() -> None:
    assert processing(CSV, OutputFilter="$[0]").kept(b"", b"a,b\nc,d\n", CSV) == b"a\nc"


def test_json_lines_get_the_answer_under_its_name() -> None:
    asked = processing(LINES, InputFilter="$.features", JoinSource="Input", OutputFilter="$['id','SageMakerOutput']")
    body = b'{"id": 1, "features": [1, 2]}\n{"id": 2, "features": [3, 4]}'
    assert asked.sent(body) == b"[1,2]\n[3,4]"
    kept = asked.kept(body, b'{"label": 1}\n{"label": 0}\n', LINES)
    assert kept == b'{"id":1,"SageMakerOutput":{"label":1}}\n{"id":2,"SageMakerOutput":{"label":0}}'


def test_what_is_no_object_becomes_part_of_one() -> None:
    asked = processing(JSON, "None", JoinSource="Input")
    assert asked.kept(b"[1, 2]\n", b'"\xc3\xa4"', JSON) == '{"SageMakerInput":[1,2],"SageMakerOutput":"ä"}'.encode()
    assert asked.kept(b'{"key":1}', b'{"label":\n1}', JSON) == b'{"key":1,"SageMakerOutput":{"label":1}}'


def test_a_json_answer_to_one_line_may_have_several_lines() -> None:
    asked = processing(JSON, "Line", JoinSource="Input")
    assert asked.kept(b'{"key":1}', b'{\n "label": 1\n}\n', JSON) == b'{"key":1,"SageMakerOutput":{"label":1}}'


def test_answers_to_csv_may_be_json_where_they_are_not_joined() -> None:
    asked = processing(CSV, accept=LINES, InputFilter="$[:-1]", OutputFilter="$['class']")
    assert asked.sent(b"1,2,y\n3,4,n") == b"1,2\n3,4"
    assert asked.kept(b"1,2,y", b'{"class":"a","p":1}\n{"class":"b","p":0}', LINES) == b'"a"\n"b"'


def test_each_record_gets_an_inference_id_where_that_is_asked() -> None:
    rows = Processing.of({}, CSV, CSV, "Line", identify=True).kept(b"1\n2", b"0.5\n0.7\n", CSV).decode().split("\n")
    assert [re.fullmatch(r"(0\.\d),[0-9a-f-]{36},\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", row)[1] for row in rows] == [
        "0.5",
        "0.7",
    ]  # type: ignore[index]
    asked = Processing.of({"JoinSource": "Input"}, LINES, LINES, "Line", identify=True)
    found = json.loads(asked.kept(b'{"key":1}', b"3", LINES))
    assert list(found) == ["key", "SageMakerOutput", "SageMakerInferenceId", "SageMakerInferenceTime"]


@pytest.mark.parametrize(
    ("asked", "body", "answer", "error", "text"),
    [
        (processing(CSV, JoinSource="Input"), b"1\n2", b"3", CannotProcess, "answered 1 records to 2"),
        (processing(CSV, accept=JSON, JoinSource="Input"), b"1", b"{}", CannotProcess, "must be alike"),
        (processing("image/png", JoinSource="Input"), b"1", b"{}", CannotProcess, "not 'image/png'"),
        (processing(LINES, JoinSource="Input"), b"{", b"{}", CannotProcess, "a record is no JSON"),
        (processing(LINES, JoinSource="Input"), b"{}", b"\xff", CannotProcess, "no UTF-8"),
        (processing(CSV, JoinSource="Input", OutputFilter="$[5]"), b"1,2", b"3", NotThere, "no index 5"),
        (processing(LINES, OutputFilter="$.no"), b"1", b'{"a":1}', NotThere, "no 'no'"),
    ],
    ids=["count", "forms", "type", "json", "utf-8", "index", "name"],
)
def test_what_does_not_fit_is_told(asked: Processing, body: bytes, answer: bytes, error: Any, text: str) -> None:
    with pytest.raises(error, match=text):
        asked.kept(body, answer, asked.accept)
