"""Trial components as records: what a new one holds, which trials it belongs to, what is measured for it.

``_trials`` and ``_experiments`` repeat names of ``Parents`` for lists to filter by. ``Metrics`` holds the summaries of what
``Context.component_metrics`` keeps value by value.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from clary.context import Context
from clary.store.base import Also, together
from clary.store.component_metrics import Value

KIND = "TrialComponent"
MAPS = {"Parameters": 300, "InputArtifacts": 60, "OutputArtifacts": 60}
"""Members that are maps, and how much each holds at most."""
MOST_METRICS = 1000  # of a component, by their names

Metrics = list[dict[str, Any]]
"""Summaries in the form of the API."""


def arn(context: Context, name: str) -> str:
    return context.arn("sagemaker", "experiment-trial-component", name)


def blank(context: Context, name: str) -> dict[str, Any]:
    """The members of a new component."""
    return {
        "TrialComponentName": name,
        "DisplayName": name,
        **{member: {} for member in MAPS},
        "Metrics": [],
        **with_parents([]),
        "TrialComponentArn": arn(context, name),
    }


def with_parents(parents: Sequence[dict[str, str]]) -> dict[str, Any]:
    """The members that say which trials (``TrialName``, ``ExperimentName``) a component belongs to."""
    return {
        "Parents": list(parents),
        "_trials": [parent["TrialName"] for parent in parents],
        "_experiments": sorted({parent["ExperimentName"] for parent in parents}),
    }


def removal(context: Context, arn: str) -> Also:
    """What goes with a component: its values and its associations."""
    return together(context.component_metrics.removal(arn), context.associations.removal(arn))


def measured(metrics: Metrics, values: Sequence[Value], source: str) -> Metrics:
    """The summaries with these values in them, as measured by ``source`` (an ARN).

    The standard deviation is that of the whole, by Welford's method. Last is the value of the latest time.
    """
    found = {(each["MetricName"], each["SourceArn"]): each for each in metrics}
    for value in values:
        key = value.name, source
        found[key] = _with(found.get(key) or summary(value.name, source, value.time), value)
    return list(found.values())


def summary(name: str, source: str, time: int, **statistics: float) -> dict[str, Any]:
    """Of one metric; without ``statistics`` that of no value yet. ``time``: epoch milliseconds."""
    moment = datetime.fromtimestamp(time / 1000, UTC).isoformat()
    return {"MetricName": name, "SourceArn": source, "TimeStamp": moment, "Count": 0, **statistics}


def _with(present: dict[str, Any], value: Value) -> dict[str, Any]:
    before, number = present["Count"], value.value
    count, average = before + 1, present.get("Avg", 0.0)
    step = number - average
    moved = average + step / count
    squares = present.get("StdDev", 0.0) ** 2 * before + step * (number - moved)
    moment = datetime.fromtimestamp(value.time / 1000, UTC)
    later = before == 0 or moment >= datetime.fromisoformat(present["TimeStamp"])
    return {
        **present,
        "Count": count,
        "Min": min(present.get("Min", number), number),
        "Max": max(present.get("Max", number), number),
        "Avg": moved,
        "StdDev": math.sqrt(max(0.0, squares / count)),
        **({"Last": number, "TimeStamp": moment.isoformat()} if later else {}),
    }
