"""The first rows of a table: CSV or TSV, plain or gzipped, and JSON Lines."""

from __future__ import annotations

import csv
import io
import json
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from clary.errors import ValidationException

ROWS = 100
_COLUMNS = 60
_LONGEST = 300  # characters of a cell
_SEPARATORS = ",;\t|"


@dataclass(frozen=True)
class Table:
    """``numbers``: which columns hold numbers alone. ``more``: whether there are further rows; ``left``, further columns."""

    header: Sequence[str]
    rows: Sequence[Sequence[str]]
    numbers: Sequence[bool]
    more: bool = False
    left: int = 0


def made(header: Sequence[str], rows: Sequence[Sequence[str]], *, more: bool) -> Table:
    """A table that a page can show: the first columns, long cells cut."""
    first = [[_cut(cell) for cell in row[:_COLUMNS]] for row in rows]
    numbers = [
        any(row[i : i + 1] != [""] for row in first)
        and all(_is_number(row[i]) for row in first if len(row) > i and row[i])
        for i in range(len(header[:_COLUMNS]))
    ]
    return Table([_cut(name) for name in header[:_COLUMNS]], first, numbers, more, max(len(header) - _COLUMNS, 0))


def separated(data: bytes, *, whole: bool) -> Table:
    """``data``: the beginning of the file, or all of it. Without a line of names, columns are counted from 1."""
    text = _text(unpacked(data))
    if not whole or data[:2] == b"\x1f\x8b":
        text = text[: text.rfind("\n") + 1] or text  # the last line may be cut off
    line = text.partition("\n")[0]
    separator = max(_SEPARATORS, key=line.count)
    try:
        reader = csv.reader(io.StringIO(text), delimiter=separator, skipinitialspace=True)
        lines = [row for _, row in zip(range(ROWS + 2), reader, strict=False)]
    except csv.Error as error:
        raise ValidationException(f"This is no table: {error}.") from None
    if not lines:
        raise ValidationException("The file is empty.")
    width = max(len(row) for row in lines)
    named = not any(_is_number(cell) for cell in lines[0])
    header = lines[0] if named else []
    rows = lines[1:] if named else lines
    names = [*header, *(str(i + 1) for i in range(len(header), width))]
    return made(names, rows[:ROWS], more=len(rows) > ROWS or not whole)


def json_lines(data: bytes, *, whole: bool) -> Table | None:
    """One object a line as rows; None if some line is no JSON object."""
    text = _text(unpacked(data))
    if not whole:
        text = text[: text.rfind("\n") + 1]
    lines = [line for line in text.split("\n") if line.strip()][: ROWS + 1]
    try:
        found: list[Any] = [json.loads(line) for line in lines]
    except ValueError:
        return None
    if not found or not all(isinstance(each, dict) for each in found):
        return None
    names = list(dict.fromkeys(name for each in found for name in each))
    rows = [[_cell(each[name]) if name in each else "" for name in names] for each in found[:ROWS]]
    return made(names, rows, more=len(found) > ROWS or not whole)


def _cell(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def unpacked(data: bytes) -> bytes:
    """The beginning of what was gzipped; other bytes as they are. ``ValidationException``."""
    if data[:2] != b"\x1f\x8b":
        return data
    try:
        return zlib.decompressobj(31).decompress(data, 4 << 20)  # as much as came of it
    except zlib.error as error:
        raise ValidationException(f"This is no whole gzip file: {error}.") from None


def _text(data: bytes) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        if len(data) - error.start < 4:  # a character that is cut off
            return data[: error.start].decode("utf-8-sig")
        raise ValidationException(f"This is no text in UTF-8: byte {error.start} is none.") from None


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST else text[:_LONGEST] + "…"


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
