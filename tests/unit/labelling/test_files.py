"""The two files that a labelling job reads: every mistake is told, with the number of its line or label."""

from __future__ import annotations

import json
from typing import Any

import pytest

from clary.labelling import categories, manifests
from clary.labelling.categories import BadCategories
from clary.labelling.manifests import BadManifest
from clary.labelling.task_types import CUSTOM, TASK_TYPES

BOXES, TEXT, ENTITIES = TASK_TYPES["BoundingBox"], TASK_TYPES["TextMultiClass"], TASK_TYPES["NamedEntityRecognition"]
GOOD = b'{"source-ref":"s3://b/a.png"}\n'


def test_a_manifest_is_read() -> None:
    lines = ['{"source-ref": "s3://b/a.png", "n": 1}', '{"source-ref":"s3://b/b.png","label":{"annotations":[]}}']
    for text in ("\n".join(lines), "\r\n".join(lines) + "\r\n", "\ufeff" + "\n".join(lines) + "\n\n"):
        found = manifests.parse(text.encode(), BOXES, "label")
        assert [(entry.line, entry.kept) for entry in found] == [(lines[0], False), (lines[1], True)]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "it is empty"),
        (b"\n\n", "it is empty"),
        (GOOD + b"{oops\n", "line 2 is not JSON"),
        (GOOD + b"\n" + GOOD, "line 2 is not JSON"),
        (GOOD + b'{"source-ref":NaN}\n', "line 2 is not JSON: NaN"),
        (GOOD + b"[1]\n", "line 2 is no JSON object"),
        (GOOD + b"\xff\n", "line 2 is not UTF-8"),
        (b'{"a":1}\n', "line 1 needs exactly one of source and source-ref"),
        (b'{"source":"a","source-ref":"s3://b/a"}\n', "line 1 needs exactly one"),
        (b'{"source":"a"}\n', "line 1 has no source-ref"),
        (b'{"source-ref":"http://b/a.png"}\n', "line 1 has 'http://b/a.png' as source-ref"),
        (b'{"source-ref":7}\n', "line 1 has 7 as its object"),
        (b'{"source-ref":""}\n', 'line 1 has "" as its object'),
        (b'{"source-ref":"s3://b/a","$x":1}\n', "line 1 has the attribute '\\$x'"),
        (
            GOOD + json.dumps({"source-ref": "s3://b/a", "x": "y" * 20_001}).encode(),
            "line 2 has 20001 characters in 'x'",
        ),
        (
            json.dumps({"source-ref": "s3://b/a", **{f"x{n}": "y" * 19_000 for n in range(6)}}).encode(),
            "line 1 has 11\\d+ characters; 100000 are the most",
        ),
        (GOOD * 100_001, "it holds 100001 objects"),
        (b"[" * 100_000 + b"\n", "line 1 is not JSON"),
    ],
)
def test_what_is_no_manifest_is_told(content: bytes, said: str) -> None:
    with pytest.raises(BadManifest, match=said):
        manifests.parse(content, BOXES, "label")


def test_a_job_that_checks_labels_has_a_name_of_its_own() -> None:
    line = b'{"source-ref":"s3://b/a.png","label":{}}'
    with pytest.raises(BadManifest, match="line 1 has label already"):
        manifests.parse(line, TASK_TYPES["VerificationBoundingBox"], "label")
    assert not manifests.parse(line, TASK_TYPES["VerificationBoundingBox"], "audit")[0].kept


def test_one_s_own_template_takes_either_kind_of_object() -> None:
    assert len(manifests.parse(b'{"source":"a"}\n{"source-ref":"https://x/y.mp3"}', CUSTOM, "label")) == 2


def labels(*names: Any, **more: Any) -> bytes:
    return json.dumps({"labels": [{"label": name} for name in names], **more}).encode()


def test_categories_are_read_in_their_order() -> None:
    found = categories.parse(labels("cat", "dog"), BOXES)
    assert (found.names, found.shown) == (("cat", "dog"), ["cat", "dog"])
    told = {"shortInstruction": "<p>s</p>", "fullInstruction": "f"}
    short = {"labels": [{"label": "Drug", "shortDisplayName": "D"}], "instructions": told}
    found = categories.parse(json.dumps(short).encode(), ENTITIES)
    assert (found.shown, found.instructions) == ([{"label": "Drug", "shortDisplayName": "D"}], told)


@pytest.mark.parametrize(
    ("content", "type_", "said"),
    [
        (b"", BOXES, "no JSON"),
        (b"\xff", BOXES, "no JSON"),
        (b"[]", BOXES, 'no list "labels"'),
        (b'{"labels":{}}', BOXES, 'no list "labels"'),
        (labels(), BOXES, "holds 0 labels"),
        (labels("a"), TEXT, "holds 1 labels; the task type TextMultiClass needs at least 2"),
        (labels("a", "a"), BOXES, "'a' twice"),
        (labels("a", ""), BOXES, "its label 2"),
        (labels("a", 7), BOXES, "its label 2"),
        (b'{"labels":["a"]}', BOXES, "its label 1"),
        (labels("a" * 257), BOXES, "257 characters"),
        (labels(*map(str, range(51))), BOXES, "51 labels; the task type BoundingBox takes at most 50"),
        (labels("a"), ENTITIES, "instructions"),
    ],
)
def test_what_is_no_category_file_is_told(content: bytes, type_: Any, said: str) -> None:
    with pytest.raises(BadCategories, match=said):
        categories.parse(content, type_)
