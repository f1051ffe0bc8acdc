"""Numbers as text, as forms, XML, paths and headers carry them: only what the wire's formats allow, and that fits.

Python itself reads more (``1_0``, digits of every script, ``nan``) and has no largest integer.
"""

from __future__ import annotations

import math
import re

_WHOLE = re.compile(r"[+-]?[0-9]{1,20}")
_REAL = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")
_SPECIAL = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}
_BITS = {"integer": 31, "long": 63}


def whole(text: str, kind: str) -> int:
    """An ``integer`` (32 bits) or ``long`` (64 bits); ``ValueError`` for any other text."""
    if not _WHOLE.fullmatch(text.strip(" ")):
        raise ValueError(f"{text[:100]!r} is no {kind}")
    return fitting(int(text), kind)


def fitting(value: int, kind: str) -> int:
    """The value if an ``integer`` or ``long`` can hold it, else ``ValueError``."""
    if not -(1 << _BITS[kind]) <= value < 1 << _BITS[kind]:
        raise ValueError(f"a number of {value.bit_length()} bits does not fit into {kind}")
    return value


def real(text: str) -> float:
    """A finite number, or one of NaN, Infinity and -Infinity by name; ``ValueError`` for any other text."""
    if text in _SPECIAL:
        return _SPECIAL[text]
    if not _REAL.fullmatch(text.strip(" ")) or not math.isfinite(value := float(text)):
        raise ValueError(f"{text[:100]!r} is no number")
    return value
