"""The first rows of tables, and what is told of a file that is none."""

from __future__ import annotations

import gzip
import io
from pathlib import Path

import pytest
from arro3.core import Array, DataType, Table
from arro3.io import infer_json_schema, read_json, write_parquet

from clary.console.previews import parquet, tables
from clary.errors import ValidationException

TEXT = "\ufeffname,age\n<b>é</b>,7\n" + "x,8\n" * 200


def test_rows_of_a_csv_with_names() -> None:
    table = tables.separated(TEXT.encode(), whole=True)
    assert (table.header, table.rows[0], table.numbers) == (["name", "age"], ["<b>é</b>", "7"], [False, True])
    assert (len(table.rows), table.more) == (100, True)
    assert tables.separated(gzip.compress(TEXT.encode()), whole=True).rows == table.rows


def test_a_line_and_a_character_that_are_cut_off_are_left_out() -> None:
    assert tables.separated(b"a,b\n1,2\n3,", whole=False).rows == [["1", "2"]]
    assert tables.separated("a,b\n1,2\n3,é".encode()[:-1], whole=False).rows == [["1", "2"]]
    assert tables.separated(b"a,b\n1,2\n3,4", whole=True).rows == [["1", "2"], ["3", "4"]]


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_separators(separator: str) -> None:
    table = tables.separated(f"a{separator}b\nx{separator}2\n".encode(), whole=True)
    assert (table.header, table.rows) == (["a", "b"], [["x", "2"]])


def test_columns_without_names_are_counted() -> None:
    table = tables.separated(b"1,2\n3,4,5\n", whole=True)
    assert (table.header, table.rows) == (["1", "2", "3"], [["1", "2"], ["3", "4", "5"]])


def test_many_columns_and_long_cells_are_cut() -> None:
    table = tables.separated((",".join(["a"] * 100) + "\n" + "x" * 1000 + ",b" * 99).encode(), whole=True)
    assert (len(table.header), table.left, len(table.rows[0][0])) == (60, 40, 301)


def test_json_lines_are_rows() -> None:
    table = tables.json_lines(b'{"a": 1, "b": [1, "x"]}\n{"c": null}\n{"a"', whole=False)
    assert table is not None
    assert (table.header, table.rows) == (["a", "b", "c"], [["1", '[1, "x"]', ""], ["", "", "null"]])
    assert tables.json_lines(b"[1]\n", whole=True) is None
    assert tables.json_lines(b"no\n", whole=True) is None


@pytest.mark.parametrize(
    ("data", "words"), [(b"a,b\n\xff\xfe\xfa\xfb,1\n", "no text in UTF-8"), (b"\x1f\x8bnothing", "no whole gzip file")]
)
def test_what_is_no_table(data: bytes, words: str) -> None:
    with pytest.raises(ValidationException, match=words):
        tables.separated(data, whole=True)


def test_rows_of_a_parquet_file_and_a_damaged_one(tmp_path: Path) -> None:
    file = io.BytesIO()
    numbers = Array([*range(300)], DataType.int64())
    names: Array = Array([None, *(f"<i>{i}" for i in range(299))], DataType.string())
    write_parquet(Table.from_pydict({"n": numbers, "name": names}), file)
    table = parquet.first_rows(file.getvalue())
    assert (table.header, table.rows[:2], table.numbers) == (["n", "name"], [["0", ""], ["1", "<i>0"]], [True, False])
    assert (len(table.rows), table.more) == (100, True)
    (tmp_path / "x").write_bytes(file.getvalue())
    assert parquet.first_rows(tmp_path / "x") == table
    for broken in (b"", b"abc", file.getvalue()[:-9] + b"xPAR1", b"PAR1" + b"\xff" * 99 + b"PAR1"):
        with pytest.raises(ValidationException, match="no Parquet file, or a damaged one"):
            parquet.first_rows(broken)


def test_a_short_parquet_file_with_lists_and_structures() -> None:
    lines = b'{"a": [1, 2], "s": {"x": 1.5}, "b": true}\n{"a": [], "s": null, "b": null}\n'
    file = io.BytesIO()
    write_parquet(read_json(io.BytesIO(lines), infer_json_schema(io.BytesIO(lines))), file)
    table = parquet.first_rows(file.getvalue())
    rows = [dict(zip(table.header, row, strict=True)) for row in table.rows]
    assert rows == [{"a": "[1, 2]", "s": "{'x': 1.5}", "b": "True"}, {"a": "[]", "s": "", "b": ""}]
    assert not table.more
