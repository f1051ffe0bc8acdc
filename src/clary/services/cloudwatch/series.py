"""Time series, and the functions of metric math that read or make one."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import pairwise

_MOST = 100_800  # values that FILL may add

Values = dict[int, float]
"""A time series: epoch milliseconds → value, in the order of time."""


@dataclass(frozen=True)
class Line:
    """A time series with the label and the period (seconds) of the query that gave it."""

    label: str
    period: int
    values: Values


Term = float | Line | list[Line]


def _steps(line: Line) -> list[tuple[int, float, int, float]]:
    """(time, value, the time before, the value before) of each but the first."""
    return [(t, v, *before) for before, (t, v) in pairwise(line.values.items())]


def _line(term: Term | str) -> Line:
    if not isinstance(term, Line):
        raise TypeError
    return term


def _fill(_: str, term: Term | str, how: Term | str) -> Term:
    if isinstance(term, list):
        return [filled for line in term if isinstance(filled := _fill(_, line, how), Line)]
    line = _line(term)
    if len(line.values) < 2 or isinstance(how, list):
        return line
    items, step = dict(line.values), line.period * 1000
    times = sorted(items)
    if (times[-1] - times[0]) // step > _MOST:
        raise ValueError(f"FILL would give more than {_MOST} values")
    found: Values = {}
    for before, after in pairwise(times):
        found[before] = items[before]
        for time in range(before + step, after, step):
            if how == "REPEAT":
                found[time] = items[before]
            elif how == "LINEAR":
                found[time] = items[before] + (items[after] - items[before]) * (time - before) / (after - before)
            elif isinstance(how, float):
                found[time] = how
            elif isinstance(how, Line) and time in how.values:
                found[time] = how.values[time]
    return Line(line.label, line.period, {**found, times[-1]: items[times[-1]]})


def _if(label: str, condition: Term | str, then: Term | str, otherwise: Term | str | None = None) -> Term:
    if isinstance(condition, float):
        chosen = then if condition else otherwise
        if chosen is None or isinstance(chosen, str):
            raise TypeError
        return chosen
    asked = _line(condition)

    def pick(value: float, time: int) -> float | None:
        chosen = then if value else otherwise
        if isinstance(chosen, Line):
            return chosen.values.get(time)
        return chosen if isinstance(chosen, float) else None

    return Line(label, asked.period, {t: v for t, c in asked.values.items() if (v := pick(c, t)) is not None})


def _running_sum(label: str, term: Term | str) -> Line:
    line, total, found = _line(term), 0.0, {}
    for time, value in line.values.items():
        total += value
        found[time] = total
    return Line(label, line.period, found)


FUNCTIONS: Mapping[str, Callable[..., Term]] = {
    "DATAPOINT_COUNT": lambda _, term: float(len(_line(term).values)),
    "DIFF": lambda label, term: Line(label, _line(term).period, {t: v - w for t, v, _, w in _steps(_line(term))}),
    "DIFF_TIME": lambda label, term: Line(
        label, _line(term).period, {t: (t - u) / 1000 for t, _, u, _ in _steps(_line(term))}
    ),
    "FILL": _fill,
    "FIRST": lambda _, term: next(iter(_line(term).values.values()), math.nan),
    "IF": _if,
    "LAST": lambda _, term: next(reversed(_line(term).values.values()), math.nan),
    "PERIOD": lambda _, term: float(_line(term).period),
    "RATE": lambda label, term: Line(
        label, _line(term).period, {t: (v - w) * 1000 / (t - u) for t, v, u, w in _steps(_line(term))}
    ),
    "RUNNING_SUM": _running_sum,
}
