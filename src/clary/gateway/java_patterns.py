"""Java's regular expressions, as the service models state them, by the library regex.

Where the two differ: Java's ``\\w``, ``\\d`` and ``\\s`` and its POSIX classes are ASCII's; it writes characters beyond the
first plane as two surrogates.
"""

from __future__ import annotations

from functools import cache

import regex

PATIENCE = 0.2  # seconds for one value: a pattern that takes longer is not held
_SHORT = 256  # characters

# The one range that no Python library reads: any character that XML allows.
_SURROGATES = r"\uD800\uDC00-\uDBFF\uDFFF"
_CLASSES = {
    r"\w": "a-zA-Z0-9_",
    r"\d": "0-9",
    r"\s": r" \t\n\x0B\f\r",
    r"\p{Alnum}": "a-zA-Z0-9",
    r"\p{Alpha}": "a-zA-Z",
    r"\p{Digit}": "0-9",
    r"\p{Lower}": "a-z",
    r"\p{Print}": r"\x20-\x7E",
    r"\p{Upper}": "A-Z",
}
_NEGATED = {r"\W": _CLASSES[r"\w"], r"\D": _CLASSES[r"\d"], r"\S": _CLASSES[r"\s"]}
_TOKEN = regex.compile(r"\\[pP]\{[^}]*\}|\\.|.", flags=regex.DOTALL)


def matches(pattern: str, value: str) -> bool:
    """Whether the whole value matches, as Java's ``matches`` asks."""
    try:
        # To let other threads run meanwhile costs a short match more than it takes.
        found = _compiled(pattern).fullmatch(value, timeout=PATIENCE, concurrent=len(value) > _SHORT)
        return found is not None
    except TimeoutError:
        return False


@cache
def _compiled(pattern: str) -> regex.Pattern[str]:
    return regex.compile(translated(pattern), flags=regex.DOTALL)


def translated(pattern: str) -> str:
    text, inside = "", False
    for part in _TOKEN.findall(pattern.replace(_SURROGATES, r"\U00010000-\U0010FFFF")):
        if part == "[" and not inside:
            inside = True
        elif part == "]":
            inside = False
        elif part in _CLASSES:
            part = _CLASSES[part] if inside else f"[{_CLASSES[part]}]"  # noqa: PLW2901
        elif part in _NEGATED and not inside:
            part = f"[^{_NEGATED[part]}]"  # noqa: PLW2901
        text += part
    return text
