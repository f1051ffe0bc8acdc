"""Metrics of CloudWatch over time, for charts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from clary.console.visit import Visit
from clary.errors import ServiceError

_POINTS = 400  # of a line, at most
_PERIODS = (1, 5, 10, 30, 60)
_QUERIES = 40  # of one call


@dataclass(frozen=True)
class Metric:
    """``stat``: Average, Sum, p99 and their like, of each period."""

    name: str
    namespace: str
    dimensions: Mapping[str, str]
    stat: str = "Average"


def read(
    visit: Visit, metrics: Sequence[Metric], began: datetime, ended: datetime, *, period: int = 0
) -> dict[str, list[tuple[float, float]]]:
    """By name, (seconds since ``began``, value); empty for whoever may not read metrics. ``period``: seconds, else as fits."""
    seconds = (ended - began).total_seconds()
    fits = next((p for p in _PERIODS if seconds / p <= _POINTS), 60 * max(1, round(seconds / 60 / _POINTS)))
    shown = list(metrics)[:_QUERIES]
    asked: dict[str, Any] = {
        "MetricDataQueries": [_query(f"m{i}", metric, period or fits) for i, metric in enumerate(shown)],
        "StartTime": began,
        "EndTime": ended,
        "ScanBy": "TimestampAscending",
    }
    found: dict[str, list[tuple[float, float]]] = {}
    while shown:
        try:
            answer = visit.call("cloudwatch", "GetMetricData", **asked)
        except ServiceError:
            return found
        for result in answer["MetricDataResults"]:
            line = found.setdefault(shown[int(result["Id"][1:])].name, [])
            # The first period may begin a moment before ``began``.
            pairs = zip(result["Timestamps"], result["Values"], strict=True)
            line += [(max((time - began).total_seconds(), 0.0), value) for time, value in pairs]
        if not answer.get("NextToken"):
            break
        asked["NextToken"] = answer["NextToken"]
    return found


def _query(id_: str, metric: Metric, period: int) -> dict[str, Any]:
    dimensions = [{"Name": name, "Value": value} for name, value in metric.dimensions.items()]
    named = {"Namespace": metric.namespace, "MetricName": metric.name, "Dimensions": dimensions}
    return {"Id": id_, "MetricStat": {"Metric": named, "Period": period, "Stat": metric.stat}}
