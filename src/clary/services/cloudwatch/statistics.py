"""Points as statistics over periods, and GetMetricStatistics.

Periods begin at the start time, rounded down as CloudWatch's documentation says: to a minute; to five where it is more
than 15 days ago, to an hour beyond 63 days; to the period where that is shorter than a minute.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from clary.context import Context
from clary.errors import NotServed
from clary.services import operation
from clary.services.cloudwatch.errors import InvalidCombination, InvalidValue, Missing, check_period
from clary.services.cloudwatch.metric_data import read_dimensions
from clary.store.metric_points import Point
from clary.store.times import ms_of

_MOST = 1440  # datapoints of an answer

Statistic = Callable[[Sequence[Point]], float | None]
"""None where the points do not tell it."""

_PERCENTILE = re.compile(r"p(\d{1,2}(?:\.\d{1,10})?|100)")
_OTHERS = re.compile(r"(?:tm|wm|tc|ts|TM|WM|TC|TS|PR)\(.*\)|(?:tm|wm|tc|ts)\d.*|IQM|PR\(.*")


@operation
def get_metric_statistics(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    period = request["Period"]
    check_period(period)
    start, end = request["StartTime"].astimezone(UTC), request["EndTime"].astimezone(UTC)
    if start >= end:
        raise InvalidValue("The parameter StartTime must be less than the parameter EndTime.")
    names = [*request.get("Statistics", []), *request.get("ExtendedStatistics", [])]
    if request.get("Statistics") and request.get("ExtendedStatistics"):
        raise InvalidCombination(
            "The parameters Statistics and ExtendedStatistics are mutually exclusive and you have specified both."
        )
    if not names:
        raise Missing("At least one of the parameters Statistics and ExtendedStatistics must be specified.")
    begin = aligned(start, period, context.now())
    asked = -(-(end - begin) // timedelta(seconds=period))
    if asked > _MOST:
        raise InvalidCombination(
            f"You have requested up to {asked:,} datapoints, which exceeds the limit of {_MOST:,}. You may reduce the "
            "datapoints requested by increasing Period, or decreasing the time range."
        )
    statistics = {name: find(name) for name in names}
    points = context.metrics.read(
        context.region,
        request["Namespace"],
        request["MetricName"],
        read_dimensions(request.get("Dimensions", []), "Dimensions"),
        ms_of(begin),
        ms_of(end),
    )
    points = [p for p in points if request.get("Unit", p.unit) == p.unit]
    found = []
    for unit in sorted({p.unit for p in points}):
        for time, group in periods((p for p in points if p.unit == unit), ms_of(begin), period):
            values = {name: value for name, measure in statistics.items() if (value := measure(group)) is not None}
            if values:
                found.append(_datapoint(time, unit, values))
    found.sort(key=lambda point: point["Timestamp"])
    return {"Label": request["MetricName"], "Datapoints": found}


def _datapoint(time: int, unit: str, values: dict[str, float]) -> dict[str, Any]:
    plain = {name: value for name, value in values.items() if name in _PLAIN}
    extended = {name: value for name, value in values.items() if name not in _PLAIN}
    return {
        "Timestamp": time / 1000,
        "Unit": unit,
        **plain,
        **({"ExtendedStatistics": extended} if extended else {}),
    }


def aligned(start: datetime, period: int, now: datetime) -> datetime:
    """Where the first period begins; ``period`` in seconds."""
    age = now - start
    if age > timedelta(days=63):
        step = 3600
    elif age > timedelta(days=15):
        step = 300
    else:
        step = min(period, 60)
    seconds = int(start.timestamp()) // step * step
    return datetime.fromtimestamp(seconds, UTC)


def periods(points: Iterable[Point], begin: int, period: int) -> list[tuple[int, list[Point]]]:
    """(the period's beginning, its points) in the order of time; times in milliseconds, ``period`` in seconds."""
    found: dict[int, list[Point]] = {}
    for point in points:
        found.setdefault(begin + (point.time - begin) // (period * 1000) * period * 1000, []).append(point)
    return sorted(found.items())


def find(name: str) -> Statistic:
    """A statistic by its name: SampleCount, Average, Sum, Minimum, Maximum, p0 to p100 with up to ten decimals."""
    if name in _PLAIN:
        return _PLAIN[name]
    if match := _PERCENTILE.fullmatch(name):
        share = float(match[1]) / 100
        return lambda points: percentile(points, share)
    if _OTHERS.fullmatch(name):
        raise NotServed(f"The statistic {name} is not served; SampleCount, Average, Sum, Minimum, Maximum and pNN are.")
    raise InvalidValue(f"The value {name} for parameter ExtendedStatistics is not supported.")


def percentile(points: Sequence[Point], share: float) -> float | None:
    """Between the two nearest values, by rank; None if a set's values are unknown."""
    if any(p.summary[1] != p.summary[2] for p in points):
        return None
    ordered = sorted((p.value, p.count) for p in points)
    rank = max(0.0, share * (sum(count for _, count in ordered) - 1))
    low = high = ordered[-1][0]
    below = 0.0
    for index, (value, count) in enumerate(ordered):
        if below + count > rank:
            low = value
            last = below + count - 1  # the rank of this value's last sample
            high = value if rank <= last or index + 1 == len(ordered) else ordered[index + 1][0]
            break
        below += count
    return low + (high - low) * (rank % 1)


_PLAIN: dict[str, Statistic] = {
    "SampleCount": lambda points: sum(p.count for p in points),
    "Average": lambda points: sum(p.summary[0] for p in points) / sum(p.count for p in points),
    "Sum": lambda points: sum(p.summary[0] for p in points),
    "Minimum": lambda points: min(p.summary[1] for p in points),
    "Maximum": lambda points: max(p.summary[2] for p in points),
}
