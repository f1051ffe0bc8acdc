"""The input manifest: JSON Lines, one object a line. Each line is checked, and which are labelled already is told.

Source: Ground Truth's guide, "Use an Input Manifest File" and "Input Data Quotas".
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from clary.labelling.task_types import TaskType

_LINE, _VALUE = 100_000, 20_000  # characters at most


class BadManifest(Exception):
    """The manifest is not what it should be; the message names the line, the first being 1."""


@dataclass(frozen=True)
class Entry:
    """A line as it was written, and what it holds. ``kept``: it has its label already, from the job before in a chain."""

    line: str
    data: dict[str, Any]
    kept: bool


def parse(content: bytes, type_: TaskType, attribute: str) -> list[Entry]:
    """``attribute``: the name that labels get. ``BadManifest``."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        number = content.count(b"\n", 0, error.start) + 1
        raise BadManifest(f"line {number} is not UTF-8: {error.reason}") from None
    entries = list(_entries(text, type_, attribute))
    if not entries:
        raise BadManifest("it is empty: it must hold one line for each object")
    if len(entries) > type_.most_objects:
        raise BadManifest(f"it holds {len(entries)} objects; {type_.most_objects} are the most for {type_.name}")
    return entries


def _entries(text: str, type_: TaskType, attribute: str) -> Iterator[Entry]:
    lines = text.split("\n")
    while lines and not lines[-1].strip():
        lines.pop()
    for number, written in enumerate(lines, 1):
        line = written.removesuffix("\r")
        if len(line) > _LINE:
            raise BadManifest(f"line {number} has {len(line)} characters; {_LINE} are the most")
        try:
            data = json.loads(line, parse_constant=_refuse)
        except (ValueError, RecursionError) as error:
            raise BadManifest(f"line {number} is not JSON: {error}: {line[:80]!r}") from None
        if not isinstance(data, dict):
            raise BadManifest(f"line {number} is no JSON object: {line[:80]!r}")
        _check(number, data, type_)
        labelled = attribute in data
        if labelled and type_.audits:
            raise BadManifest(
                f"line {number} has {attribute} already: the LabelAttributeName of a job that checks labels must not be theirs"
            )
        yield Entry(line, data, labelled)


def _check(number: int, data: dict[str, Any], type_: TaskType) -> None:
    for name, value in data.items():
        if name.startswith("$"):
            raise BadManifest(f"line {number} has the attribute {name!r}; names must not begin with $")
        size = len(value) if isinstance(value, str) else len(json.dumps(value, ensure_ascii=False))
        if size > _VALUE:
            raise BadManifest(f"line {number} has {size} characters in {name!r}; {_VALUE} are the most")
    if ("source" in data) == ("source-ref" in data):
        raise BadManifest(f"line {number} needs exactly one of source and source-ref: {json.dumps(data)[:80]}")
    if type_.source and type_.source not in data:
        raise BadManifest(f"line {number} has no {type_.source}, which the task type {type_.name} needs")
    value = data.get("source-ref", data.get("source"))
    if not isinstance(value, str) or not value:
        raise BadManifest(
            f"line {number} has {json.dumps(value)[:80]} as its object; it must be a text that is not empty"
        )
    if "source-ref" in data and type_.source and not value.startswith("s3://"):
        raise BadManifest(
            f"line {number} has {value[:200]!r} as source-ref; it must be an address like s3://bucket/key"
        )


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is no number of JSON")
