"""Conditions of columns and documents: comparisons joined by ``&&`` and ``||``, with parentheses."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from clary.services.logs.patterns.texts import compare, invalid, operand

MISSING = object()
"""The value of a field that is not there."""

Lookup = Callable[[str], Any]
Condition = Callable[[Lookup], bool]

_OPERATOR = re.compile(r"<=|>=|!=|=|<|>")
_VALUE = re.compile(r'"(?:[^"\\]|\\.)*"|%[^%]+%|[^\s&|()"]+')
_IS = re.compile(r"IS\s+(NULL|TRUE|FALSE)\b", re.IGNORECASE)
_NOT_EXISTS = re.compile(r"NOT\s+EXISTS\b", re.IGNORECASE)
_DEEPEST = 50


class Parser:
    """``field`` matches what may stand on the left; ``fields`` are those that were named, in their order."""

    def __init__(self, text: str, field: re.Pattern[str], pattern: str) -> None:
        self.fields: list[str] = []
        self._text, self._field, self._pattern = text, field, pattern
        self._at = self._depth = 0

    def parse(self) -> Condition:
        condition = self._either()
        if self._rest():
            raise self._wrong()
        return condition

    def _either(self) -> Condition:
        found = [self._both()]
        while self._take("||"):
            found.append(self._both())
        return found[0] if len(found) == 1 else lambda lookup: any(test(lookup) for test in found)

    def _both(self) -> Condition:
        found = [self._one()]
        while self._take("&&"):
            found.append(self._one())
        return found[0] if len(found) == 1 else lambda lookup: all(test(lookup) for test in found)

    def _one(self) -> Condition:
        if self._take("("):
            self._depth += 1
            if self._depth > _DEEPEST:
                raise invalid(self._pattern, "it is nested too deeply")
            condition = self._either()
            if not self._take(")"):
                raise invalid(self._pattern, "a parenthesis is not closed")
            self._depth -= 1
            return condition
        name = self._match(self._field)
        self.fields.append(name)
        self._rest()
        if found := _NOT_EXISTS.match(self._text, self._at):
            self._at = found.end()
            return lambda lookup: lookup(name) is MISSING
        if found := _IS.match(self._text, self._at):
            self._at = found.end()
            wanted = {"NULL": None, "TRUE": True, "FALSE": False}[found[1].upper()]
            return lambda lookup: lookup(name) is wanted
        operator = self._match(_OPERATOR)
        right = operand(self._match(_VALUE), self._pattern)

        def test(lookup: Lookup) -> bool:
            value = lookup(name)
            return value is not MISSING and value is not None and compare(value, operator, right)

        return test

    def _rest(self) -> str:
        while self._at < len(self._text) and self._text[self._at].isspace():
            self._at += 1
        return self._text[self._at :]

    def _take(self, sign: str) -> bool:
        if not self._rest().startswith(sign):
            return False
        self._at += len(sign)
        return True

    def _match(self, what: re.Pattern[str]) -> str:
        self._rest()
        found = what.match(self._text, self._at)
        if found is None:
            raise self._wrong()
        self._at = found.end()
        return found[0]

    def _wrong(self) -> Exception:
        return invalid(self._pattern, f"what is {self._rest()[:20]!r}?" if self._rest() else "it ends too early")
