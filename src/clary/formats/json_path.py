"""JSONPath as batch transform's filters take it: a part of the language, read once and applied to many records.

Taken: ``$``, ``.name``, ``['a','b']``, ``[n]``, ``[n,m]``, ``[a:b]`` and ``*`` for a name or an index. Indexes may be
negative; a slice ends before ``b``, as in Jayway's JsonPath and as notebooks write it (``$[:-1]`` leaves the last out).
Source: SageMaker's developer guide, "Associate Prediction Results with Input Records", and github.com/json-path/JsonPath.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

_TOKEN = re.compile(
    r"""\.?\[\s*(?P<slice>-?\d*\s*:\s*-?\d*)\s*\]
      | \.?\[\s*(?P<indexes>-?\d+(?:\s*,\s*-?\d+)*)\s*\]
      | \.?\[\s*(?P<names>'[^']*'(?:\s*,\s*'[^']*')*|"[^"]*"(?:\s*,\s*"[^"]*")*)\s*\]
      | (?P<all>\.?\[\s*\*\s*\]|\.\*)
      | \.(?P<name>[^.\[\]*'"\s]+)""",
    re.VERBOSE,
)
_NAME = re.compile(r"""'([^']*)'|"([^"]*)\"""")


class BadPath(ValueError):
    """The expression is not one of these; the message names it and where it stops making sense."""


class NotThere(LookupError):
    """The value has no such part; the message says which."""


@dataclass(frozen=True)
class _Names:
    names: tuple[str, ...]


@dataclass(frozen=True)
class _Indexes:
    indexes: tuple[int, ...]


@dataclass(frozen=True)
class _All:
    pass


_Step = _Names | _Indexes | slice | _All


@dataclass(frozen=True)
class JsonPath:
    """``text`` is the expression."""

    text: str
    steps: tuple[_Step, ...]

    def __bool__(self) -> bool:
        """Whether it selects at all: ``$`` takes everything."""
        return bool(self.steps)

    def apply(self, value: Any) -> Any:
        """The selected part; several names make an object, several indexes and ``*`` a list. ``NotThere``."""
        return _apply(self.steps, value, self.text)


def parse(text: str) -> JsonPath:
    """``BadPath`` for an expression outside the part of the language that is taken."""
    if not text.startswith("$"):
        raise BadPath(f"{text!r} is no JSONPath: it begins with $, which is the whole record")
    steps: list[_Step] = []
    at = 1
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            raise BadPath(
                f"{text!r} is not understood from {text[at:]!r} on: a filter takes $, .name, ['a','b'], [0], [0,-1], "
                "[1:3] and *"
            )
        steps.append(_step(match))
        at = match.end()
    return JsonPath(text, tuple(steps))


def _step(match: re.Match[str]) -> _Step:
    if match["slice"] is not None:
        start, _, end = match["slice"].partition(":")
        return slice(*(int(side) if side.strip() else None for side in (start, end)))
    if match["indexes"] is not None:
        return _Indexes(tuple(int(number) for number in match["indexes"].split(",")))
    if match["names"] is not None:
        return _Names(tuple(single or double for single, double in _NAME.findall(match["names"])))
    return _All() if match["all"] is not None else _Names((match["name"],))


def _apply(steps: tuple[_Step, ...], value: Any, text: str) -> Any:
    for at, step in enumerate(steps):
        match step:
            case _Names((name,)):
                value = _named(value, name, text)
            case _Names(names):
                _check_object(value, text)
                value = {name: value[name] for name in names if name in value}
            case _Indexes((index,)):
                value = _indexed(value, index, text)
            case _Indexes(indexes):
                value = [_indexed(value, index, text) for index in indexes]
            case slice():
                _check_list(value, text)
                value = value[step]
            case _All():
                if not isinstance(value, dict | list):
                    raise NotThere(f"{text}: * stands where the record has {_kind(value)}")
                each = value.values() if isinstance(value, dict) else value
                return [_apply(steps[at + 1 :], one, text) for one in each]
    return value


def _named(value: Any, name: str, text: str) -> Any:
    _check_object(value, text)
    if name not in value:
        raise NotThere(f"{text}: the record has no {name!r}; it has {', '.join(map(repr, value)) or 'nothing'}")
    return value[name]


def _indexed(value: Any, index: int, text: str) -> Any:
    _check_list(value, text)
    if not -len(value) <= index < len(value):
        raise NotThere(f"{text}: the record has {len(value)} elements, and no index {index}")
    return value[index]


def _check_object(value: Any, text: str) -> None:
    if not isinstance(value, dict):
        raise NotThere(f"{text}: a name stands where the record has {_kind(value)}; take an index")


def _check_list(value: Any, text: str) -> None:
    if not isinstance(value, list):
        raise NotThere(f"{text}: an index stands where the record has {_kind(value)}")


def _kind(value: Any) -> str:
    match value:
        case dict():
            return "an object"
        case list():
            return "a list"
        case str():
            return "a text"
        case None:
            return "null"
        case bool():
            return "a boolean"
    return "a number"
