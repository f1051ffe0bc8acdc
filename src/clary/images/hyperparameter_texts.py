"""Hyperparameters of built-in algorithms: how one is read from its text, and what it may be.

Texts of errors are those of the XGBoost container, which all of AWS's built-in algorithms resemble.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any

from clary.images.errors import UserError


@dataclass(frozen=True)
class Interval:
    """From ``least`` to ``most``, which count where the side is not ``open``."""

    least: float = -math.inf
    most: float = math.inf
    open: str = ""  # "(", ")" or "()"

    def __contains__(self, value: float) -> bool:
        above = value > self.least if "(" in self.open else value >= self.least
        return above and (value < self.most if ")" in self.open else value <= self.most)

    def __str__(self) -> str:
        left = "(-inf" if self.least == -math.inf else f"{'(' if '(' in self.open else '['}{self.least}"
        right = "+inf)" if self.most == math.inf else f"{self.most}{')' if ')' in self.open else ']'}"
        return f"{left}, {right}"


@dataclass(frozen=True)
class Hyperparameter:
    """``read`` makes the value of a text, or raises ValueError; ``range`` holds what is allowed, of each item of a list;
    None: whatever can be read.

    ``default``: its text where it is left out, None where the algorithm then decides, or must be given it.
    """

    read: Callable[[str], Any]
    range: Interval | Collection[Any] | None
    default: str | None = None

    def parse(self, name: str, text: str) -> Any:
        try:
            value = self.read(text)
        except (ValueError, SyntaxError):
            raise UserError(f"Hyperparameter {name}: could not parse value {text!r}") from None
        for item in flat(value):
            if self.range is not None and item not in self.range:
                raise UserError(f"Hyperparameter {name}: {item} is not in {self.shown}")
        return value

    @property
    def shown(self) -> str:
        """The range as errors and documentation show it."""
        if self.range is None:
            return "any"
        return str(self.range if isinstance(self.range, Interval) else list(self.range))


def number(text: str) -> float:
    """A finite one."""
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(text)
    return value


def flat(value: Any) -> list[Any]:
    """The items of a list of lists, or the value alone."""
    if not isinstance(value, list | tuple):
        return [value]
    return [item for part in value for item in flat(part)]


def whole(
    least: float = -math.inf, most: float = math.inf, opened: str = "", default: str | None = None
) -> Hyperparameter:
    return Hyperparameter(int, Interval(least, most, opened), default)


def real(
    least: float = -math.inf, most: float = math.inf, opened: str = "", default: str | None = None
) -> Hyperparameter:
    return Hyperparameter(number, Interval(least, most, opened), default)


def one_of(*values: str, default: str | None = None) -> Hyperparameter:
    return Hyperparameter(str, values, default)


def plain(text: str) -> str:
    """The text itself, where it came as JSON: the SDK's framework estimators send it so."""
    if text.startswith('"'):
        try:
            return str(json.loads(text))
        except ValueError:
            return text
    return text
