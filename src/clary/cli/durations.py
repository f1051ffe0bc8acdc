"""Lengths of time as people write them: ``90s``, ``30m``, ``2h``, ``1d12h``, ``2w``."""

from __future__ import annotations

import re
from datetime import timedelta

import click

_UNITS = {"w": 604_800, "d": 86_400, "h": 3600, "m": 60, "s": 1}
_WHOLE = re.compile(r"(?:\d+[wdhms])+")
_PART = re.compile(r"(\d+)([wdhms])")


class Duration(click.ParamType[timedelta]):
    """``2h`` or ``1d12h`` on the command line."""

    name = "duration"

    def convert(
        self, value: str | timedelta, parameter: click.Parameter | None, context: click.Context | None
    ) -> timedelta:
        if isinstance(value, timedelta):
            return value
        if not _WHOLE.fullmatch(value):
            self.fail(f"{value!r} is no length of time: 90s, 30m, 2h, 1d12h, 2w", parameter, context)
        try:
            return timedelta(seconds=sum(int(number) * _UNITS[unit] for number, unit in _PART.findall(value)))
        except OverflowError:
            self.fail(f"{value!r} is longer than the calendar", parameter, context)


def duration(seconds: float) -> str:
    """``1d12h``; whole seconds."""
    left, parts = round(seconds), []
    for unit, length in _UNITS.items():
        count, left = divmod(left, length)
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts) or "0s"
