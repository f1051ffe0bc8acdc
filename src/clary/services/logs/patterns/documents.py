"""JSON patterns: ``{ $.status = "failed" && $.epoch > 3 }`` on messages that are JSON objects."""

from __future__ import annotations

import json
import re
from typing import Any

from clary.services.logs.patterns.conditions import MISSING, Parser
from clary.services.logs.patterns.texts import Matcher, invalid

_STEP = r"""\.[A-Za-z0-9_-]+|\.?\[(?:\d+|'[^']*'|"[^"]*")\]"""
_SELECTOR = re.compile(rf"\$(?:{_STEP})+")
_STEPS = re.compile(_STEP)


def read(text: str) -> Matcher:
    if not text.endswith("}"):
        raise invalid(text, "its brace is not closed")
    parser = Parser(text[1:-1], _SELECTOR, text)
    condition = parser.parse()
    fields = {field: [_step(found[0]) for found in _STEPS.finditer(field)] for field in parser.fields}

    def matches(message: str) -> dict[str, str] | None:
        if "{" not in message:
            return None
        try:
            document = json.loads(message)
        except (ValueError, RecursionError):
            return None
        if not isinstance(document, dict):
            return None
        values = {field: _find(document, steps) for field, steps in fields.items()}
        if not condition(values.__getitem__):
            return None
        return {field: _text(value) for field, value in values.items() if value is not MISSING}

    return matches


def _step(text: str) -> str | int:
    inner = text.removeprefix(".")
    if not inner.startswith("["):
        return inner
    inner = inner[1:-1]
    return int(inner) if inner.isdecimal() else inner[1:-1]


def _find(document: Any, steps: list[str | int]) -> Any:
    for step in steps:
        if isinstance(step, int):
            if not isinstance(document, list) or step >= len(document):
                return MISSING
        elif not isinstance(document, dict) or step not in document:
            return MISSING
        document = document[step]
    return document


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
