"""A first look at a table: what its columns hold, and what is wrong with it."""

from __future__ import annotations

import gzip

import pytest

from clary.console.columns import look, problem
from clary.errors import ValidationException

TEXT = "\ufeffage, ward,born,stay,died,note\n" + "".join(
    f"{20 + i},{'abc'[i % 3]},2026-01-{i % 28 + 1:02},{i * 1.5},{i % 2},\n" for i in range(40)
)


@pytest.mark.parametrize("data", [TEXT.encode(), gzip.compress(TEXT.encode())], ids=["plain", "gzip"])
def test_what_columns_hold(data: bytes) -> None:
    found = look(data)
    assert found.rows == 40
    kinds = {column.name: (column.kind, column.different, column.missing) for column in found.columns}
    assert kinds == {
        "age": ("number", 40, 0),
        "ward": ("text", 3, 0),
        "born": ("date", 28, 0),
        "stay": ("number", 40, 0),
        "died": ("number", 2, 0),
        "note": ("empty", 0, 40),
    }


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("age", "Regression"),
        ("stay", "Regression"),
        ("died", "BinaryClassification"),
        ("ward", "MulticlassClassification"),
    ],
)
def test_what_predicting_one_would_be(name: str, kind: str) -> None:
    column = look(TEXT.encode()).column(name)
    assert column is not None
    assert problem(column) == kind


def test_a_line_that_is_cut_off_is_left_out() -> None:
    assert look(TEXT.encode()[:-7]).rows == 39


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "no rows below its header"),
        (b"a,b\n", "no rows below its header"),
        (b"a,b\n1,2\n1,2,3\n", "Line 3 has 3 values, the header names 2"),
        (b"a;b\n1;2,5\n", "is the separator a comma?"),
        (b"a,b\n\xff\xfe,2\n", "no CSV file in UTF-8"),
        (b"\x1f\x8bnothing", "no whole gzip file"),
    ],
)
def test_what_is_wrong_is_told(data: bytes, words: str) -> None:
    with pytest.raises(ValidationException, match=words.replace("?", r"\?")):
        look(data)
