"""Reading rows of CSV, libsvm, parquet and recordio-protobuf: of a channel's files, and of a request's body.

A channel's CSV and parquet have the label first and no header; a request has no label, but in libsvm, where the
first word of a line may be one. Empty cells of CSV and what a sparse row leaves out are missing values.
"""

from __future__ import annotations

import io
import shutil
import tempfile
from array import array
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow
import pyarrow.parquet
from scipy import sparse

from clary.formats import record_protobuf, recordio
from clary.images.errors import UserError

_KINDS = {
    "csv": "csv", "text/csv": "csv",
    "libsvm": "libsvm", "text/libsvm": "libsvm", "text/x-libsvm": "libsvm",
    "parquet": "parquet", "application/x-parquet": "parquet",
    "recordio-protobuf": "recordio", "application/x-recordio-protobuf": "recordio",
}  # fmt: skip


@dataclass
class Rows:
    """``values``: shape (rows, features), float32, dense or sparse (CSR). ``label``, ``weight``, ``group``: by row, or None."""

    values: Any
    label: np.ndarray | None = None
    weight: np.ndarray | None = None
    group: np.ndarray | None = None


def kind_of(content_type: str) -> str | None:
    """csv, libsvm, parquet or recordio; None if it is none of these."""
    return _KINDS.get(content_type.partition(";")[0].strip().lower())


def read_channel(folder: Path, content_type: str, *, weights: bool = False) -> Rows:
    """All rows of a channel's files, by path; ``weights``: the second column of CSV is the row's weight.

    ``UserError`` names the file and the place of what cannot be read.
    """
    kind = kind_of(content_type)
    if kind is None:
        raise UserError(f"{content_type} is not an accepted ContentType: {', '.join(_KINDS)}.")
    if "label_size" in content_type and content_type.replace(" ", "").partition("label_size=")[2][:2].strip(";") != "1":
        raise UserError(
            f"{content_type} is not an accepted csv ContentType. Optional parameter label_size must be equal to 1"
        )
    files = [
        path
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not path.name.startswith((".", "_")) and path.stat().st_size > 0
    ]
    parts: list[Rows] = []
    for path in files:
        name = path.relative_to(folder).as_posix()
        part = _read(path, kind, name, weights)
        if parts and kind != "libsvm" and part.values.shape[1] != parts[0].values.shape[1]:
            raise UserError(
                f"File '{name}' has {part.values.shape[1]} features in a row, the files before it "
                f"{parts[0].values.shape[1]}"
            )
        parts.append(part)
    if not parts or not any(part.values.shape[0] for part in parts):
        raise UserError(f"No data in {folder.name} channel path {folder}")
    return _joined(parts)


def read_pipe(fifo: Path, content_type: str, *, wrapped: bool, weights: bool = False) -> Rows:
    """As ``read_channel``, of the first epoch of a channel in Pipe mode; ``wrapped``: each file came as a RecordIO record."""
    if kind_of(content_type) == "libsvm" or (kind_of(content_type) == "parquet" and not wrapped):
        raise UserError(
            f"{content_type} is not an accepted ContentType in Pipe mode, which takes CSV, recordio-protobuf, and parquet "
            "wrapped by RecordIO. Use File or FastFile mode."
        )
    with tempfile.TemporaryDirectory() as scratch, fifo.open("rb") as stream:
        folder = Path(scratch) / fifo.name
        folder.mkdir()
        if wrapped:
            for number, record in enumerate(recordio.read(stream), start=1):
                (folder / f"{number:09}").write_bytes(record)
        else:
            with (folder / fifo.name).open("wb") as file:
                shutil.copyfileobj(stream, file, 1 << 20)
        return read_channel(folder, content_type, weights=weights)


def read_request(body: bytes | str, content_type: str) -> Rows:
    """The rows of a request; ``UserError`` names the row that cannot be read."""
    match kind_of(content_type):
        case "csv":
            text = body if isinstance(body, str) else body.decode()
            return Rows(_table(io.StringIO(text), _delimiter(text), "The request"))
        case "libsvm":
            text = body if isinstance(body, str) else body.decode()
            return _libsvm(text.splitlines(), "The request", labelled=False)
        case "recordio":
            data = body.encode() if isinstance(body, str) else body
            return _records(io.BytesIO(data), "The request", labelled=False)
    raise AssertionError(f"{content_type} was not checked")


def with_columns(values: Any, count: int) -> Any:
    """Sparse rows with columns that they say nothing of; anything else as it is."""
    if sparse.issparse(values) and values.shape[1] < count:
        values.resize(values.shape[0], count)
    return values


def _read(path: Path, kind: str, name: str, weights: bool) -> Rows:
    if kind == "recordio":
        with path.open("rb") as stream:
            return _records(stream, f"File '{name}'", labelled=True)
    if kind == "libsvm":
        with path.open(encoding="utf-8", errors="replace") as lines:
            return _libsvm(lines, f"File '{name}'", labelled=True)
    if kind == "parquet":
        return _labelled(_parquet(path, name), f"File '{name}'", weights=False)
    with path.open(encoding="utf-8", errors="replace") as text:
        first = text.readline()
        text.seek(0)
        return _labelled(_table(text, _delimiter(first), f"File '{name}'"), f"File '{name}'", weights=weights)


def _labelled(table: np.ndarray, where: str, *, weights: bool) -> Rows:
    first = 2 if weights else 1
    if table.shape[1] <= first:
        raise UserError(f"{where} has {table.shape[1]} columns: the label comes first, then the features")
    empty = np.flatnonzero(np.isnan(table[:, 0]))
    if empty.size:
        raise UserError(f"{where}, row {empty[0] + 1}: the label, the first column, is empty")
    return Rows(table[:, first:], table[:, 0], table[:, 1] if weights else None)


def _delimiter(text: str) -> str:
    """That of the first line: the one of the usual that stands there most often."""
    first = text.partition("\n")[0]
    return max(",\t;| ", key=first.count)


def _table(stream: Any, delimiter: str, where: str) -> np.ndarray:
    try:
        table = pd.read_csv(stream, header=None, sep=delimiter, skipinitialspace=True, low_memory=False)
    except pd.errors.EmptyDataError:
        return np.empty((0, 2), dtype=np.float32)
    except (pd.errors.ParserError, UnicodeDecodeError) as error:
        raise UserError(f"{where} is not 'CSV' format: {str(error).strip()}") from None
    for place, column in enumerate(table.columns):
        if pd.api.types.is_numeric_dtype(table[column]):
            continue
        numbers = pd.to_numeric(table[column], errors="coerce")
        bad = np.flatnonzero((numbers.isna() & table[column].notna()).to_numpy())
        if bad.size:
            header = " Does it start with a header? There must be none." if bad[0] == 0 else ""
            raise UserError(
                f"{where}, row {bad[0] + 1}, column {place + 1}: {str(table[column].iloc[bad[0]])!r} is "
                f"not a number.{header}"
            )
        table[column] = numbers
    found: np.ndarray = table.to_numpy(dtype=np.float32)
    if np.isnan(found[:, -1]).any() and delimiter != " ":  # pandas fills up a row that is too short
        stream.seek(0)
        for number, line in enumerate((text for text in stream if text.strip()), start=1):
            if (count := line.count(delimiter) + 1) < found.shape[1]:
                raise UserError(f"{where}, row {number} has {count} columns, others have {found.shape[1]}")
    return found


def _parquet(path: Path, name: str) -> np.ndarray:
    try:
        table = pyarrow.parquet.read_table(path).to_pandas()
        found: np.ndarray = table.to_numpy(dtype=np.float32)
    except (pyarrow.ArrowException, ValueError, TypeError) as error:
        raise UserError(f"File '{name}' is no parquet file of numbers: {error}") from None
    return found


def _libsvm(lines: Iterable[str], where: str, *, labelled: bool) -> Rows:
    """``label[:weight] [qid:group] index:value …``; indices are columns from 0; behind ``#`` is a comment."""
    label, weight, group = array("f"), array("f"), array("q")
    values, columns, ends = array("f"), array("q"), array("q", [0])
    for number, line in enumerate(lines, start=1):
        words = line.partition("#")[0].split()
        if not words:
            continue
        try:
            if labelled or ":" not in words[0]:
                first, _, heavy = words.pop(0).partition(":")
                label.append(float(first))
                weight.append(float(heavy) if heavy else 1.0)
            for index, value in _pairs(words):
                if index == "qid":
                    group.append(int(value))
                    continue
                columns.append(int(index))
                values.append(float(value))
                if columns[-1] < 0:
                    raise ValueError("an index is below 0")
        except (ValueError, OverflowError) as error:
            raise UserError(
                f"{where}, line {number}: '{line.strip()[:50]}' is not 'LIBSVM' format "
                f"(label[:weight] index:value …): {error}"
            ) from None
        ends.append(len(values))
    count = len(ends) - 1
    shape = (count, max(columns, default=-1) + 1)
    found = sparse.csr_matrix((np.array(values), np.array(columns), np.array(ends)), shape=shape, dtype=np.float32)
    return Rows(
        found,
        np.array(label) if labelled else None,
        np.array(weight) if labelled else None,
        np.array(group) if len(group) == count and count else None,
    )


def _pairs(words: list[str]) -> Iterator[tuple[str, str]]:
    for word in words:
        index, colon, value = word.partition(":")
        if not colon:
            raise ValueError(f"{word!r} is no index:value")
        yield index, value


def _records(source: Any, where: str, *, labelled: bool) -> Rows:
    label, tensors = array("f"), []
    try:
        for number, record in enumerate(record_protobuf.read(source), start=1):
            row, target = record.features.get("values"), record.label.get("values")
            if not isinstance(row, record_protobuf.Tensor):
                raise UserError(f"{where}, record {number} has no tensor 'values' among its features")
            tensors.append(row)
            if labelled:
                if not isinstance(target, record_protobuf.Tensor) or len(target.values) != 1:
                    raise UserError(f"{where}, record {number} has not one number 'values' as its label")
                label.append(target.values[0])
    except recordio.BrokenRecord as error:
        raise UserError(f"{where} is no recordio-protobuf: {error}") from None
    values = _sparse(tensors) if any(row.keys for row in tensors) else _dense(tensors, where)
    return Rows(values, np.array(label) if labelled else None)


def _dense(tensors: list[record_protobuf.Tensor], where: str) -> np.ndarray:
    lengths = [len(row.values) for row in tensors]
    odd = next((place for place, length in enumerate(lengths) if length != lengths[0]), None)
    if odd is not None:
        raise UserError(f"{where}, record {odd + 1} has {lengths[odd]} features, the first has {lengths[0]}")
    return np.array([row.values for row in tensors], dtype=np.float32).reshape(len(tensors), -1 if tensors else 0)


def _sparse(tensors: list[record_protobuf.Tensor]) -> Any:
    """Rows that say which columns they have; one that says none has the first ones, as a dense row does."""
    columns = [row.keys or range(len(row.values)) for row in tensors]
    width = max(max((*keys, -1)) + 1 for keys in columns)
    width = max(width, *(size for row in tensors for size in row.shape), 0)
    ends = np.cumsum([0, *map(len, columns)])
    values = np.concatenate([np.asarray(row.values, dtype=np.float32) for row in tensors])
    return sparse.csr_matrix(
        (values, np.array([k for keys in columns for k in keys], dtype=np.int64), ends), (len(tensors), width)
    )


def _joined(parts: list[Rows]) -> Rows:
    if len(parts) == 1:
        return parts[0]
    width = max(part.values.shape[1] for part in parts)
    matrices = [with_columns(part.values, width) for part in parts]
    values = sparse.vstack(matrices, format="csr") if sparse.issparse(matrices[0]) else np.vstack(matrices)
    return Rows(values, _all(p.label for p in parts), _all(p.weight for p in parts), _all(p.group for p in parts))


def _all(arrays: Iterable[np.ndarray | None]) -> np.ndarray | None:
    given = list(arrays)
    found = [each for each in given if each is not None]
    if found and len(found) < len(given):
        raise UserError("Some files of the channel have qid and some have not")
    return np.concatenate(found) if found else None
