"""Reading the table: CSV or Parquet, plain or gzipped, from one file or many; and what is wrong with it."""

from __future__ import annotations

import difflib
from pathlib import Path

import pandas as pd

from clary.images.autopilot.description import Description
from clary.images.autopilot.messages import ClientError

_FEWEST = 20  # rows; below, five folds say nothing


def read(folder: Path) -> pd.DataFrame:
    """All files of a channel as one table, columns as text, numbers or times. ``ClientError`` names what is wrong."""
    files = sorted(p for p in folder.rglob("*") if p.is_file())
    if not files:
        raise ClientError(f"the channel {folder.name!r} holds no file")
    tables = [_read(path) for path in files]
    first = list(tables[0].columns)
    for path, table in zip(files, tables, strict=True):
        if list(table.columns) != first:
            raise ClientError(f"{path.name} has other columns than {files[0].name}: {', '.join(table.columns)}")
    return pd.concat(tables, ignore_index=True)


def check(table: pd.DataFrame, wish: Description) -> pd.DataFrame:
    """The rows to learn from, target present; ``ClientError`` if the table cannot serve."""
    if wish.target not in table.columns:
        near = difflib.get_close_matches(wish.target, list(table.columns), 1, 0.4)
        hint = f" Did you mean {near[0]!r}?" if near else ""
        raise ClientError(
            f"the target column {wish.target!r} is not in the table.{hint} It has: {', '.join(map(str, table.columns))}"
        )
    missing = [name for name in wish.features if name not in table.columns]
    if missing:
        raise ClientError(f"the feature specification names columns that the table lacks: {', '.join(missing)}")
    if wish.features:
        table = table[[*wish.features, *([wish.weight] if wish.weight else []), wish.target]]
    if len(table.columns) < 2:
        raise ClientError("the table has no column beside the target")
    kept = table[table[wish.target].notna()].reset_index(drop=True)
    if len(kept) < _FEWEST:
        raise ClientError(
            f"the table has {len(kept)} rows with a value in {wish.target!r}; {_FEWEST} is the least (500 or more is better)"
        )
    return kept


def _read(path: Path) -> pd.DataFrame:
    with path.open("rb") as file:
        head = file.read(4)
    if not head:
        raise ClientError(f"{path.name} is empty")
    try:
        if head == b"PAR1":
            return pd.read_parquet(path)
        compression = "gzip" if head[:2] == b"\x1f\x8b" else None
        table = pd.read_csv(path, compression=compression, low_memory=False, skipinitialspace=True)
    except (ValueError, UnicodeDecodeError, OSError) as error:  # pandas' parser errors are ValueErrors
        raise ClientError(f"{path.name} cannot be read as a table: {error}") from error
    if table.empty:
        raise ClientError(f"{path.name} has a header and no rows")
    table.columns = [str(name).strip() for name in table.columns]
    if table.columns.duplicated().any():
        names = ", ".join(table.columns[table.columns.duplicated()])
        raise ClientError(f"{path.name} has two columns of the same name: {names}")
    return table
