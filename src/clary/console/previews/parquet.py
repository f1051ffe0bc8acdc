"""The first rows of a Parquet file."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

from clary.console.previews.tables import ROWS, Table, made
from clary.errors import ValidationException

WHOLE = 64 << 20
"""Bytes of a file that must be read whole, for it lies there encrypted, at most."""


def first_rows(source: Path | bytes) -> Table:
    """The first row group's first rows; ``ValidationException`` if it is no Parquet file, or a damaged one."""
    from arro3.io import read_parquet  # noqa: PLC0415 - for pages alone

    try:
        reader = read_parquet(io.BytesIO(source) if isinstance(source, bytes) else str(source))
        header = list(reader.schema.names)
        batch = next(iter(reader), None)
    except BaseException as error:  # a damaged file is a panic of its library, which is none of Exception's kind
        if isinstance(error, KeyboardInterrupt | SystemExit):
            raise
        raise ValidationException("This is no Parquet file, or a damaged one.") from None
    if batch is None:
        return made(header, [], more=False)
    columns = [batch.column(i).slice(0, min(ROWS, batch.num_rows)) for i in range(batch.num_columns)]
    rows = [[_cell(value.as_py()) for value in row] for row in zip(*columns, strict=True)]
    return made(header, rows, more=len(rows) == ROWS)


def _cell(value: Any) -> str:
    return "" if value is None else str(value)
