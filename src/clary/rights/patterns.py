"""Texts of policies with wildcards (``*`` any characters, ``?`` one) and variables (``${aws:username}``).

What a variable brings in counts as it is: a wildcard in a user's name matches itself only.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache

Lookup = Callable[[str], str | None]
"""The one value of a condition key; None if it has none, or several."""

_PARTS = re.compile(r"\$\{([^}]*)\}|([*?])|([^*?$]+|\$)", re.DOTALL)
_VARIABLE = re.compile(r"\s*([^,\s]+)\s*(?:,\s*'([^']*)'\s*)?")


def matches(pattern: str, text: str, lookup: Lookup, *, ignore_case: bool = False) -> bool:
    """Whether the whole text fits. A variable without a value and a default fits nothing."""
    if "${" not in pattern:
        return _compiled(pattern, ignore_case).fullmatch(text) is not None
    expression = _expression(pattern, lookup)
    flags = re.DOTALL | (re.IGNORECASE if ignore_case else 0)
    return expression is not None and re.fullmatch(expression, text, flags) is not None


def literal(text: str, lookup: Lookup) -> str | None:
    """The text with its variables filled in, for comparisons that know no wildcards; None as in ``matches``."""
    if "${" not in text:
        return text
    found = []
    for match in re.finditer(r"\$\{([^}]*)\}|[^$]+|\$", text, re.DOTALL):
        value = match.group(0) if match.group(1) is None else _value(match.group(1), lookup)
        if value is None:
            return None
        found.append(value)
    return "".join(found)


@lru_cache(maxsize=4096)
def _compiled(pattern: str, ignore_case: bool) -> re.Pattern[str]:
    expression = _expression(pattern, lambda _: None)
    assert expression is not None  # no variables in it
    return re.compile(expression, re.DOTALL | (re.IGNORECASE if ignore_case else 0))


def _expression(pattern: str, lookup: Lookup) -> str | None:
    """The pattern as a regular expression that never goes back, so that no text takes long.

    What stands between two ``*`` is taken where it is found first: if the rest fits at all, it fits behind that.
    """
    pieces = [""]  # between the asterisks
    for variable, wildcard, plain in _PARTS.findall(pattern):
        if plain:
            pieces[-1] += re.escape(plain)
        elif wildcard == "?":
            pieces[-1] += "."
        elif wildcard:
            pieces.append("")
        elif (value := _value(variable, lookup)) is not None:
            pieces[-1] += re.escape(value)
        else:
            return None
    if len(pieces) == 1:
        return pieces[0]
    first, *middle, last = pieces
    return first + "".join(f"(?>.*?{piece})" for piece in middle if piece) + f".*{last}"


def _value(variable: str, lookup: Lookup) -> str | None:
    if variable in {"*", "?", "$"}:  # the character itself
        return variable
    match = _VARIABLE.fullmatch(variable)
    if match is None:
        return None
    value = lookup(match.group(1))
    return match.group(2) if value is None else value
