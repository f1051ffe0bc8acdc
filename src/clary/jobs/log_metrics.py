"""Metrics that a job's definitions find in its log: each line into CloudWatch, the last values into Describe."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable
from typing import Any

from clary.context import Context
from clary.jobs import task_logs
from clary.store.base import Record
from clary.store.metric_points import MetricPoints, Point

NAMESPACE = "/aws/sagemaker/TrainingJobs"


def finder(job: Record) -> task_logs.Also:
    """What writes the metrics of new lines, for ``task_logs.carry``."""
    given = job.body["AlgorithmSpecification"].get("MetricDefinitions", [])
    definitions = [(d["Name"], re.compile(d["Regex"])) for d in given]

    def metrics(lines: task_logs.Lines) -> Callable[[sqlite3.Connection], None] | None:
        points = [
            (name, Point(at, float(match.group(1))))
            for at, text in lines
            for name, pattern in definitions
            if (match := _found(pattern, text)) and _is_number(match.group(1))
        ]
        if not points:
            return None
        return MetricPoints.insertion(job.region, NAMESPACE, _dimensions(job), points)

    return metrics


def final(context: Context, job: Record) -> dict[str, Any]:
    """FinalMetricDataList, the last value of each metric; nothing if none was found."""
    last = context.metrics.last(job.region, NAMESPACE, _dimensions(job))
    found = [{"MetricName": name, "Value": point.value, "Timestamp": point.time / 1000} for name, point in last.items()]
    return {"FinalMetricDataList": found} if found else {}


def _dimensions(job: Record) -> dict[str, str]:
    return {"TrainingJobName": job.name}


def _found(pattern: re.Pattern[str], text: str) -> re.Match[str] | None:
    """A tab is also found as ``#011``: so AWS's logs show it, and so expressions for XGBoost's lines are written."""
    found = pattern.search(text)
    return pattern.search(text.replace("\t", "#011")) if found is None and "\t" in text else found


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
