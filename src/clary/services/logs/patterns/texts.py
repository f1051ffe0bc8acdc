"""What patterns compare with: words with wildcards, exact phrases, numbers, regular expressions between percent signs."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import regex

from clary.errors import ServiceError

Matcher = Callable[[str], dict[str, str] | None]
"""Of a message what was taken out of it, by name; None where it does not match."""

_REGEX = re.compile(r"[A-Za-z0-9_#=@/;,\-^$?\[\]{}|\\*+. ]+")
"""The characters that CloudWatch's regular expressions may have; parentheses are not among them."""

_PATIENCE = 0.2  # seconds that one message may take


def invalid(text: str, why: str) -> ServiceError:
    return ServiceError(f"Invalid filter pattern {text!r}: {why}", code="InvalidParameterException")


@dataclass(frozen=True)
class Operand:
    """The right side of a comparison. ``number`` is its value where it is one."""

    text: str
    number: float | None
    matches: Callable[[str], bool]


def operand(text: str, pattern: str) -> Operand:
    """``"exact"``, ``%regex%``, or a word, in which ``*`` stands for anything."""
    if text.startswith("%"):
        return Operand(text, None, searcher(text[1:-1], pattern))
    if text.startswith('"'):
        text = text[1:-1].replace('\\"', '"')
    if "*" in text:
        glob = regex.compile(".*".join(re.escape(part) for part in text.split("*")), flags=regex.DOTALL)
        return Operand(text, None, lambda value: glob.fullmatch(value, timeout=_PATIENCE) is not None)
    return Operand(text, number(text), lambda value: value == text)


def searcher(text: str, pattern: str) -> Callable[[str], bool]:
    if not _REGEX.fullmatch(text):
        raise invalid(pattern, f"%{text}% holds a character that regular expressions here may not have")
    try:
        compiled = regex.compile(text)
    except regex.error as error:
        raise invalid(pattern, f"%{text}% is no regular expression: {error}") from None

    def search(value: str) -> bool:
        try:
            return compiled.search(value, timeout=_PATIENCE) is not None
        except TimeoutError:
            raise invalid(pattern, f"%{text}% takes too long for one event") from None

    return search


def number(text: Any) -> float | None:
    if isinstance(text, bool):
        return None
    try:
        return float(text)
    except (TypeError, ValueError):
        return None


def compare(value: Any, operator: str, right: Operand) -> bool:
    """A field's value (text, number) with an operand; what is no number is neither larger nor smaller."""
    left = number(value)
    if operator in {"=", "!="}:
        if left is not None and right.number is not None:
            equal = left == right.number
        else:
            equal = right.matches(value if isinstance(value, str) else json.dumps(value))
        return equal == (operator == "=")
    if left is None or right.number is None:
        return False
    return {
        "<": left < right.number,
        ">": left > right.number,
        "<=": left <= right.number,
        ">=": left >= right.number,
    }[operator]
