"""A Jupyter notebook as its cells: texts and code, and of outputs what is text or a PNG.

Source: nbformat 4, "The Notebook file format".
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from clary.errors import ValidationException

WHOLE = 16 << 20
"""Bytes of a notebook at most."""
_CELLS = 300
_LONGEST = 20_000  # characters of a cell or an output
_ANSI = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
_BASE64 = re.compile(r"[A-Za-z0-9+/=\s]+")


@dataclass(frozen=True)
class Output:
    """A text, or the base64 of a PNG."""

    text: str = ""
    png: str = ""


@dataclass(frozen=True)
class Cell:
    """``kind``: markdown, code or raw. ``number``: which execution it was, "" if none."""

    kind: str
    source: str
    number: str = ""
    outputs: Sequence[Output] = ()


def cells(data: bytes) -> Sequence[Cell]:
    """``ValidationException`` if it is no notebook of format 4."""
    try:
        found = json.loads(data)
    except ValueError as error:
        raise ValidationException(f"This is no notebook: {error}.") from None
    listed = found.get("cells") if isinstance(found, dict) else None
    if not isinstance(listed, list) or not all(isinstance(cell, dict) for cell in listed):
        raise ValidationException("This is no notebook of format 4: it has no list of cells.")
    return [_cell(cell) for cell in listed[:_CELLS]]


def _cell(cell: dict[str, Any]) -> Cell:
    count, outputs = cell.get("execution_count"), cell.get("outputs")
    shown = [each for output in outputs for each in _outputs(output)] if isinstance(outputs, list) else ()
    return Cell(str(cell.get("cell_type", "")), _joined(cell.get("source")), str(count) if count else "", tuple(shown))


def _outputs(output: Any) -> Iterator[Output]:
    if not isinstance(output, dict):
        return
    if (text := _joined(output.get("text"))) or (text := _joined(output.get("traceback"), "\n")):
        yield Output(text=_ANSI.sub("", text))
    data = output.get("data")
    if not isinstance(data, dict):
        return
    png = _joined(data.get("image/png"))
    if png and _BASE64.fullmatch(png):
        yield Output(png="".join(png.split()))
    elif text := _joined(data.get("text/plain")):
        yield Output(text=text)


def _joined(value: Any, between: str = "") -> str:
    """A text that may come as a list of lines. A picture's is not cut: half of one is none."""
    text = between.join(line for line in value if isinstance(line, str)) if isinstance(value, list) else value
    if not isinstance(text, str):
        return ""
    return text if len(text) <= _LONGEST or _BASE64.fullmatch(text) else text[:_LONGEST] + "…"
