"""PutMetricData: values, values with counts, and sets told by their extremes. All of a request is stored, or nothing."""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from clary.context import Context
from clary.errors import NotServed
from clary.services import operation
from clary.services.cloudwatch.errors import InvalidCombination, InvalidValue, Missing
from clary.store.metric_points import Point

_DATA, _VALUES = 1000, 150  # in a request, in a datum
_LARGEST = 2.0**360
_PAST, _FUTURE = timedelta(weeks=2), timedelta(hours=2)


@operation
def put_metric_data(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    namespace = request["Namespace"]
    if namespace.startswith("AWS/"):
        raise InvalidValue("The value AWS/ for parameter Namespace is invalid: it is kept for AWS's own metrics.")
    if request.get("EntityMetricData"):
        raise NotServed("PutMetricData with EntityMetricData is not served: put the data into MetricData.")
    data = request.get("MetricData", [])
    if not data:
        raise Missing("The parameter MetricData is required.")
    if len(data) > _DATA:
        raise InvalidValue(f"The collection MetricData must not have a size greater than {_DATA}.")
    points = []
    for number, datum in enumerate(data, 1):
        dimensions = read_dimensions(datum.get("Dimensions", []), f"MetricData.member.{number}.Dimensions")
        points += [(datum["MetricName"], dimensions, p) for p in _points(context, datum, f"MetricData.member.{number}")]
    context.metrics.put_all(context.region, namespace, points)
    return {}


def read_dimensions(given: list[dict[str, str]], path: str) -> dict[str, str]:
    """Name → value; ``InvalidValue`` if a name comes twice."""
    found: dict[str, str] = {}
    for number, dimension in enumerate(given, 1):
        if dimension["Name"] in found:
            raise InvalidValue(f"The parameter {path}.member.{number}.Name is given twice: {dimension['Name']}.")
        found[dimension["Name"]] = dimension["Value"]
    return found


def _points(context: Context, datum: dict[str, Any], path: str) -> Iterator[Point]:
    forms = [name for name in ("Value", "Values", "StatisticValues") if datum.get(name) not in (None, [])]
    if not forms:
        raise Missing(f"At least one of {path}.Value, {path}.Values and {path}.StatisticValues must be specified.")
    if len(forms) > 1:
        raise InvalidCombination(
            f"The parameters {path}.{forms[0]} and {path}.{forms[1]} are mutually exclusive and you have specified both."
        )
    time, unit = _time(context, datum, path), datum.get("Unit", "None")
    match forms[0]:
        case "Value":
            yield Point(time, _number(datum["Value"], f"{path}.Value"), unit)
        case "Values":
            yield from _counted(datum, time, unit, path)
        case _:
            yield _summary(datum["StatisticValues"], time, unit, f"{path}.StatisticValues")


def _counted(datum: dict[str, Any], time: int, unit: str, path: str) -> Iterator[Point]:
    values, counts = datum["Values"], datum.get("Counts") or [1.0] * len(datum["Values"])
    if len(values) > _VALUES:
        raise InvalidValue(f"The collection {path}.Values must not have a size greater than {_VALUES}.")
    if len(counts) != len(values):
        raise InvalidValue(f"The parameters {path}.Values and {path}.Counts must be of the same size.")
    for number, (value, count) in enumerate(zip(values, counts, strict=True), 1):
        if _number(count, f"{path}.Counts.member.{number}") <= 0:
            raise InvalidValue(f"The parameter {path}.Counts.member.{number} must be greater than 0.")
        yield Point(time, _number(value, f"{path}.Values.member.{number}"), unit, count)


def _summary(given: dict[str, float], time: int, unit: str, path: str) -> Point:
    count, total, low, high = (
        _number(given[name], f"{path}.{name}") for name in ("SampleCount", "Sum", "Minimum", "Maximum")
    )
    if count <= 0:
        raise InvalidValue(f"The parameter {path}.SampleCount must be greater than 0.")
    if high < low:
        raise InvalidValue(f"The parameter {path}.Maximum must be greater than {path}.Minimum.")
    return Point(time, total / count, unit, count, (total, low, high))


def _number(value: float, path: str) -> float:
    if math.isnan(value) or abs(value) > _LARGEST:
        raise InvalidValue(f"The value {value} for parameter {path} is invalid.")
    return value


def _time(context: Context, datum: dict[str, Any], path: str) -> int:
    """Epoch milliseconds, down to the datum's resolution: a second, or by default a minute."""
    resolution: int = datum.get("StorageResolution", 60)
    if resolution not in {1, 60}:
        raise InvalidValue(f"The parameter {path}.StorageResolution must be 1 or 60; it is {resolution}.")
    now = context.now()
    time: datetime = datum.get("Timestamp", now).astimezone(UTC)
    if time < context.clock.on_machine(now) - _PAST:  # programs know the machine's time alone
        raise InvalidValue(f"The parameter {path}.Timestamp must specify a time within the past two weeks.")
    if time > now + _FUTURE:
        raise InvalidValue(f"The parameter {path}.Timestamp must specify a time no more than two hours in the future.")
    return int(time.timestamp()) // resolution * resolution * 1000
