"""Which preview an object gets, and its making; what cannot be shown says why."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from clary.console import prose
from clary.console.previews import manifests, notebooks, parquet, tables
from clary.errors import ServiceError, ValidationException
from clary.guarded_buckets import GuardedBuckets

START = 512 << 10
"""Bytes of a text or a table that are looked at."""
_DOCUMENT = 2 << 20  # bytes of JSON that are set out in lines

PICTURES = {"png": "image/png", "jpg": "image/jpeg", "jpeg": "image/jpeg", "gif": "image/gif", "webp": "image/webp"}
"""The endings of pictures that a browser shows as they are, none of which can hold a script."""
_PROSE = {"md", "markdown"}
_PAGES = {"html", "htm"}
_TABLES = {"csv", "tsv", "csv.gz", "tsv.gz"}
_LINES = {"jsonl", "ndjson", "jsonlines", "manifest", "jsonl.gz"}


@dataclass(frozen=True)
class Preview:
    """``kind`` names the part of the template; ``value`` is what it shows: a Table, a Manifest, cells, a text.

    ``cut``: whether the object goes on.
    """

    kind: str
    value: Any = None
    cut: bool = False


def ending(key: str) -> str:
    """``csv`` of ``a/b.CSV``, ``csv.gz`` of ``b.csv.gz``; "" if there is none."""
    parts = key.rpartition("/")[2].lower().split(".")[1:]
    return ".".join(parts[-2:]) if parts[-1:] == ["gz"] else "".join(parts[-1:])


def preview(buckets: GuardedBuckets, uri: str, size: int) -> Preview:
    """What a page shows of the object, with the rights of ``buckets``."""
    try:
        return _preview(buckets, uri, size, ending(uri))
    except ServiceError as error:
        return Preview("problem", error.message)
    except RecursionError:
        return Preview("problem", "There is no preview: its JSON is nested too deeply.")


def _preview(buckets: GuardedBuckets, uri: str, size: int, end: str) -> Preview:
    if not size:
        return Preview("problem", "The object is empty.")
    if end in PICTURES:
        return Preview("picture")
    if end in _TABLES:
        data = buckets.get_start(uri, START)
        return Preview("table", tables.separated(data, whole=len(data) == size))
    if end == "parquet":
        return Preview("table", _parquet(buckets, uri, size))
    if end == "ipynb":
        if size > notebooks.WHOLE:
            raise ValidationException(f"Notebooks are shown up to {notebooks.WHOLE >> 20} MiB.")
        return Preview("notebook", notebooks.cells(buckets.get_start(uri, size)))
    if end in _PAGES:
        return Preview("page")
    if end in _PROSE and size <= START:
        return Preview("prose", prose.html(_text(buckets.get_start(uri, size), size).value))
    if end in _LINES and (found := _lines(buckets, uri, size)) is not None:
        return found
    if end == "json" and size <= _DOCUMENT and (found := _document(buckets.get_start(uri, size))) is not None:
        return found
    return _text(buckets.get_start(uri, START), size)


def _parquet(buckets: GuardedBuckets, uri: str, size: int) -> tables.Table:
    if (file := buckets.file(buckets.find(uri))) is not None:
        return parquet.first_rows(file)
    if size > parquet.WHOLE:
        raise ValidationException(f"Encrypted Parquet files are shown up to {parquet.WHOLE >> 20} MiB.")
    return parquet.first_rows(buckets.get_bytes(uri))


def _lines(buckets: GuardedBuckets, uri: str, size: int) -> Preview | None:
    data = buckets.get_start(uri, START)
    if manifests.read(data, whole=len(data) == size) is not None:
        data = buckets.get_start(uri, manifests.WHOLE)
        return Preview("manifest", manifests.read(data, whole=len(data) == size))
    table = tables.json_lines(data, whole=len(data) == size)
    return Preview("table", table) if table else None


def _document(data: bytes) -> Preview | None:
    try:
        text = json.dumps(json.loads(data), indent=2, ensure_ascii=False)
    except ValueError:
        return None
    return Preview("text", text[:START], cut=len(text) > START)


def _text(data: bytes, size: int) -> Preview:
    if b"\0" in data:
        raise ValidationException("There is no preview of this kind of file: download it to look at it.")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        if len(data) - error.start >= 4:
            raise ValidationException("There is no preview: this is no text in UTF-8.") from None
        text = data[: error.start].decode("utf-8-sig")
    return Preview("text", text, cut=len(data) < size)
