"""BatchGetMetrics: what was measured for a trial component or a training job, over time or by iteration."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import groupby
from typing import Any

from clary.context import Context
from clary.services import operation
from clary.store.base import Record
from clary.store.component_metrics import Value
from clary.store.times import ms_of

_NAMESPACE = "/aws/sagemaker/TrainingJobs"
_SECONDS = {"OneMinute": 60, "FiveMinute": 300, "OneHour": 3600}
_MOST = 10_000  # values of an answer to one query
_LATEST = 1 << 53  # milliseconds: after every time


def _deviation(values: Sequence[float]) -> float:
    mean = math.fsum(values) / len(values)
    return math.sqrt(math.fsum((each - mean) ** 2 for each in values) / len(values))


_STATISTICS: dict[str, Callable[[Sequence[float]], float]] = {
    "Min": min,
    "Max": max,
    "Avg": lambda values: math.fsum(values) / len(values),
    "Count": len,
    "StdDev": _deviation,
    "Last": lambda values: values[-1],
}


@operation
def batch_get_metrics(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    return {"MetricQueryResults": [_answer(context, query) for query in request["MetricQueries"]]}


def _answer(context: Context, query: dict[str, Any]) -> dict[str, Any]:
    """``Start`` and ``End`` (inclusive) and the x-axis are epoch seconds, or iterations."""
    by_step, record = query["XAxisType"] == "IterationNumber", context.store.find(query["ResourceArn"])
    if by_step != (query["Period"] == "IterationNumber"):
        return _invalid("XAxisType IterationNumber and Period IterationNumber go together, and only together.")
    if record is None or record.region != context.region or record.kind not in {"TrialComponent", "TrainingJob"}:
        return _invalid(f"There is no trial component and no training job {query['ResourceArn']}.")
    values = _values(context, record, query["MetricName"])
    if by_step:
        placed = [(each.step, each.value) for each in values if each.step is not None]
        placed.sort(key=lambda each: each[0])
    else:
        seconds = _SECONDS[query["Period"]]
        placed = [(each.time // 1000 // seconds * seconds, each.value) for each in values]
    start, end = query.get("Start", -math.inf), query.get("End", math.inf)
    chosen = [(x, value) for x, value in placed if start <= x <= end]
    statistic = _STATISTICS[query["MetricStat"]]
    points = [(x, float(statistic([v for _, v in group]))) for x, group in groupby(chosen, key=lambda each: each[0])]
    shown = points[:_MOST]
    whole = {"Status": "Complete"}
    cut = {"Status": "Truncated", "Message": f"There are {len(points)} values; these are the first {_MOST}."}
    return {
        **(whole if len(shown) == len(points) else cut),
        "XAxisValues": [x for x, _ in shown],
        "MetricValues": [value for _, value in shown],
    }


def _invalid(message: str) -> dict[str, Any]:
    return {"Status": "ValidationError", "Message": message, "XAxisValues": [], "MetricValues": []}


def _values(context: Context, record: Record, name: str) -> list[Value]:
    """In the order of time: what was put for a component, and what the definitions of its training job found."""
    put = context.component_metrics.read(record.arn, name) if record.kind == "TrialComponent" else []
    source = record.body.get("Source", {}).get("SourceArn", "")
    job = record if record.kind == "TrainingJob" else context.store.find(source)
    found = []
    if job is not None and job.kind == "TrainingJob" and job.created is not None:
        since = ms_of(job.created)
        where = {"TrainingJobName": job.name}
        points = context.metrics.read(context.region, _NAMESPACE, name, where, since, _LATEST)
        found = [Value(name, point.time, point.value) for point in points if math.isfinite(point.value)]
    return sorted([*put, *found], key=lambda each: each.time)
