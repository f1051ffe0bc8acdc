"""The boto3 call that gives what a page shows: ``boto3.client("sagemaker").describe_model(ModelName="m")``."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from botocore import xform_name

_WIDTH = 92
_STEP = "    "


def call(service: str, operation: str, request: Mapping[str, Any]) -> str:
    """A program of a few lines: the import, the client, the call with its members, one a line where they are long."""
    head = f'import boto3\n\nboto3.client("{service}").{xform_name(operation)}('
    short = ", ".join(f"{name}={_short(value)}" for name, value in request.items())
    if len(short) <= _WIDTH - 30:
        return f"{head}{short})"
    return head + "\n" + "".join(_row(f"{name}=", value, 1) for name, value in request.items()) + ")"


def _row(lead: str, value: Any, depth: int) -> str:
    """``lead`` and a value with a comma behind, on one line if it fits, else one element a line; ``depth``: steps from the left."""
    pad, short = _STEP * depth, _short(value)
    if not value or not isinstance(value, dict | list | tuple) or len(pad + lead + short) < _WIDTH:
        return f"{pad}{lead}{short},\n"
    if isinstance(value, dict):
        rows = "".join(_row(f"{_short(name)}: ", each, depth + 1) for name, each in value.items())
        return f"{pad}{lead}{{\n{rows}{pad}}},\n"
    rows = "".join(_row("", each, depth + 1) for each in value)
    return f"{pad}{lead}[\n{rows}{pad}],\n"


def _short(value: Any) -> str:
    """As Python writes it on one line, strings in double quotes as boto3's own examples have them."""
    if isinstance(value, str):
        return repr(value) if '"' in value or "\\" in value or not value.isprintable() else f'"{value}"'
    if isinstance(value, datetime):
        return f'"{value.isoformat()}"'
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_short(name)}: {_short(each)}" for name, each in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_short, value)) + "]"
    return repr(value)
