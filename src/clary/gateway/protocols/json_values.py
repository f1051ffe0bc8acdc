"""Values between JSON and the shapes of a model: for the JSON protocols and the bodies of REST-JSON."""

from __future__ import annotations

import base64
import binascii
import json
import math
from datetime import datetime
from typing import Any

from botocore.model import Shape

from clary.gateway.protocols import documents, timestamps
from clary.gateway.protocols.documents import malformed

_SPECIAL = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}


DEEPEST = 100
"""Levels of nesting; the deepest shape that a client fills has some twenty."""


def load(body: bytes) -> Any:
    """The document; ``SerializationException`` for what is none, for NaN and its like, and for text that is no text."""
    try:
        text = body.decode("utf-8-sig")
        document = _DECODER.decode(text) if text else {}
        if "\\u" in text:  # half of a surrogate pair is no character: it could be neither stored nor answered
            json.dumps(document, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as error:
        raise malformed(f"The body is not JSON: {str(error)[:200]}") from None
    if text.count("[") + text.count("{") > DEEPEST and _is_deeper(document, DEEPEST):
        raise malformed(f"The body is nested deeper than {DEEPEST} levels")
    return document


def _is_deeper(document: Any, most: int) -> bool:
    level = [document]
    for _ in range(most):
        level = [
            item
            for value in level
            if isinstance(value, dict | list)
            for item in (value.values() if isinstance(value, dict) else value)
        ]
    return bool(level)


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"{text} is not a number that JSON holds")
    return value


_DECODER = json.JSONDecoder(parse_float=_finite, parse_constant=_finite)


def from_json(shape: Shape, value: Any) -> Any:
    return documents.read(shape, value, _read)


def to_json(shape: Shape, value: Any) -> Any:
    return documents.write(shape, value, _write)


def dump(shape: Shape, value: Any) -> bytes:
    return json.dumps(to_json(shape, value)).encode()


def _read(shape: Shape, value: Any, path: str) -> Any:
    kind = shape.type_name
    if kind == "timestamp":
        try:
            return timestamps.parse(value)
        except ValueError:
            raise malformed(f"{str(value)[:100]!r} at {path!r} is no timestamp") from None
    if kind in {"float", "double"} and isinstance(value, str) and value in _SPECIAL:
        return _SPECIAL[value]
    if kind == "blob":
        try:
            return base64.b64decode(documents.text(value, path), validate=True)
        except (binascii.Error, ValueError):
            raise malformed(f"the blob at {path!r} is not base64") from None
    return documents.checked(shape, value, path)


def _write(shape: Shape, value: Any) -> Any:
    match shape.type_name:
        case "timestamp":
            return _time(shape, value)
        case "blob":
            return base64.b64encode(value.encode() if isinstance(value, str) else value).decode()
        case "float" | "double" if not math.isfinite(value):
            return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    return value


def _time(shape: Shape, value: Any) -> Any:
    form = shape.serialization.get("timestampFormat", "unixTimestamp")
    time = timestamps.parse(value) if not isinstance(value, datetime) else value
    if form != "unixTimestamp":
        return timestamps.write(time, form)
    seconds = round(time.timestamp(), 3)
    return int(seconds) if seconds.is_integer() else seconds
