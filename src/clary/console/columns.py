"""A first look at a CSV file: its columns, what each seems to hold, and what predicting one would be."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from clary.console.previews.tables import unpacked
from clary.errors import ValidationException

LOOK = 256 << 10
"""Bytes of the file that are looked at."""
_MANY = 20  # different whole numbers from which on a column is an amount rather than a class


@dataclass(frozen=True)
class Column:
    """``kind``: number, text, date or empty. ``different``: how many values there are among the rows that were read."""

    name: str
    kind: str
    different: int
    missing: int
    examples: Sequence[str]
    whole: bool


@dataclass(frozen=True)
class Look:
    columns: Sequence[Column]
    rows: int  # that were read; the file may have more

    def column(self, name: str) -> Column | None:
        return next((column for column in self.columns if column.name == name), None)


def look(data: bytes) -> Look:
    """What the beginning of a CSV file, plain or gzipped, says. ``ValidationException`` if it is none."""
    data = unpacked(data)
    whole = data[: data.rfind(b"\n") + 1] or data  # the last line may be cut off
    try:
        table = list(csv.reader(io.StringIO(whole.decode("utf-8-sig")), skipinitialspace=True))
    except (UnicodeDecodeError, csv.Error) as error:
        raise ValidationException(f"This is no CSV file in UTF-8: {error}.") from None
    if len(table) < 2:
        raise ValidationException("The file has no rows below its header.")
    header, rows = [name.strip() for name in table[0]], [row for row in table[1:] if row]
    if any(len(row) != len(header) for row in rows):
        wrong = next(i for i, row in enumerate(rows, 2) if len(row) != len(header))
        raise ValidationException(
            f"Line {wrong} has {len(rows[wrong - 2])} values, the header names {len(header)}: is the separator a comma?"
        )
    return Look([_column(name, [row[i].strip() for row in rows]) for i, name in enumerate(header)], len(rows))


def problem(column: Column) -> str:
    """What predicting this column most likely is, by Autopilot's names; it decides by the whole file itself."""
    if column.different == 2:
        return "BinaryClassification"
    if column.kind == "number" and (not column.whole or column.different > _MANY):
        return "Regression"
    return "MulticlassClassification"


def _column(name: str, values: list[str]) -> Column:
    present = [value for value in values if value and value.lower() not in {"na", "nan", "null", "none"}]
    different = list(dict.fromkeys(present))
    kind = "empty"
    if present:
        kind = "number" if all(map(_is_number, present)) else "date" if all(map(_is_date, present)) else "text"
    whole = kind == "number" and all(float(value).is_integer() for value in present)
    return Column(name, kind, len(different), len(values) - len(present), different[:3], whole)


def _is_number(value: str) -> bool:
    try:
        return abs(float(value)) < float("inf")
    except ValueError:
        return False


def _is_date(value: str) -> bool:
    try:
        datetime.fromisoformat(value)
    except ValueError:
        return False
    return True
