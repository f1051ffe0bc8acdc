"""Space-delimited patterns: ``[ip, user, ..., status = 4*, bytes > 1000]``, a column for each field of the message."""

from __future__ import annotations

import re

from clary.services.logs.patterns.conditions import MISSING, Condition, Parser
from clary.services.logs.patterns.texts import Matcher, invalid

_NAME = re.compile(r"[A-Za-z_][\w-]*")
_COLUMN = re.compile(r'((?:"(?:[^"\\]|\\.)*"|%[^%]+%|[^,"%])*),')
_COLUMNS = re.compile(f"(?:{_COLUMN.pattern})+")
_FIELD = re.compile(r'\s*(?:"(?P<quoted>[^"]*)"|\[(?P<bracketed>[^\]]*)\]|(?P<plain>\S+))')


def read(text: str) -> Matcher:
    if not text.endswith("]"):
        raise invalid(text, "its bracket is not closed")
    inner = f"{text[1:-1]},"
    columns = [column.strip() for column in _COLUMN.findall(inner)]
    if not _COLUMNS.fullmatch(inner) or not all(columns):
        raise invalid(text, "a column has no name")
    if columns.count("...") > 1:
        raise invalid(text, "... may stand once")
    gap = columns.index("...") if "..." in columns else None
    names, conditions = _read_columns([c for c in columns if c != "..."], text)

    def matches(message: str) -> dict[str, str] | None:
        fields = _split(message)
        if len(fields) < len(names) or (gap is None and len(fields) != len(names)):
            return None
        if gap is not None:
            fields = fields[:gap] + fields[len(fields) - (len(names) - gap) :]
        values = dict(zip(names, fields, strict=True))
        if not all(test(lambda name: values.get(name, MISSING)) for test in conditions):
            return None
        return {f"${name}": value for name, value in values.items()}

    return matches


def _read_columns(columns: list[str], text: str) -> tuple[list[str], list[Condition]]:
    names, conditions = [], []
    for column in columns:
        if _NAME.fullmatch(column):
            names.append(column)
            continue
        parser = Parser(column, _NAME, text)
        conditions.append(parser.parse())
        if len(set(parser.fields)) != 1:
            raise invalid(text, f"the column {column!r} names {' and '.join(sorted(set(parser.fields)))}")
        names.append(parser.fields[0])
    if len(set(names)) != len(names):
        raise invalid(text, "two columns have the same name")
    return names, conditions


def _split(message: str) -> list[str]:
    """Fields are parted by spaces; what is in quotes or brackets is one."""
    return [found[found.lastgroup or "plain"] for found in _FIELD.finditer(message)]
