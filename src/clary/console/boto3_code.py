"""The boto3 call that gives what a page shows: ``boto3.client("sagemaker").describe_model(ModelName="m")``."""

from __future__ import annotations

import pprint
from collections.abc import Mapping
from datetime import datetime
from textwrap import indent
from typing import Any

from botocore import xform_name

_WIDTH = 92


def call(service: str, operation: str, request: Mapping[str, Any]) -> str:
    """A program of a few lines: the import, the client, the call with its members, one a line where they are long."""
    head = f'import boto3\n\nboto3.client("{service}").{xform_name(operation)}('
    members = [f"{name}={_value(value)}" for name, value in request.items()]
    short = ", ".join(members)
    if len(short) <= _WIDTH - 30 and "\n" not in short:
        return f"{head}{short})"
    return head + "\n" + "".join(indent(member, "    ") + ",\n" for member in members) + ")"


def _value(value: Any) -> str:
    """As Python writes it, strings in double quotes as boto3's own examples have them."""
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, datetime):
        return f'"{value.isoformat()}"'
    text = pprint.pformat(value, width=_WIDTH - 4, sort_dicts=False, compact=True)
    return text.replace("\n", "\n" + " " * 4)


def _text(value: str) -> str:
    return repr(value) if '"' in value or "\\" in value or not value.isprintable() else f'"{value}"'
