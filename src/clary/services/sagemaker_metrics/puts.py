"""BatchPutMetrics: values for a trial component, whose summaries follow at once."""

from __future__ import annotations

import math
from datetime import timedelta
from typing import Any

from clary.context import Context
from clary.services import operation, resources
from clary.services.sagemaker import trial_components
from clary.store.base import Record
from clary.store.component_metrics import Value
from clary.store.times import ms_of
from clary.tracking import components

# Before and after now, as both SDKs check it. Programs know the machine's time alone, and Clary's may be ahead of it.
_OLDEST, _NEWEST = timedelta(days=14), timedelta(hours=2)


@operation
def batch_put_metrics(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    """What is wrong is told by its place in the request, and all else is taken."""
    component = trial_components.find(context, request["TrialComponentName"])
    known = {each["MetricName"] for each in component.body["Metrics"]}
    values, errors = [], []
    for index, each in enumerate(request["MetricData"]):
        if code := _wrong(context, each, known):
            errors.append({"Code": code, "MetricIndex": index})
            continue
        known.add(each["MetricName"])
        time = ms_of(each["Timestamp"])
        values.append(Value(each["MetricName"], time, each["Value"], each.get("Step")))
    if values:
        _take(context, component, values)
    return {"Errors": errors} if errors else {}


def _wrong(context: Context, metric: dict[str, Any], known: set[str]) -> str:
    """The code of what is wrong with a value; empty if nothing is."""
    now = context.now()
    in_time = context.clock.on_machine(now) - _OLDEST <= metric["Timestamp"] <= now + _NEWEST
    if not in_time or not math.isfinite(metric["Value"]):
        return "VALIDATION_ERROR"
    full = len(known) >= components.MOST_METRICS and metric["MetricName"] not in known
    return "METRIC_LIMIT_EXCEEDED" if full else ""


def _take(context: Context, component: Record, values: list[Value]) -> None:
    """The values and the summaries, in one transaction."""

    def measured(record: Record) -> Record:
        metrics = components.measured(record.body["Metrics"], values, record.arn)
        return resources.with_members(record, context, Metrics=metrics)

    missing = trial_components.missing(context, component.name)
    insert = context.component_metrics.insertion(component.arn, values)
    resources.change(context, components.KIND, component.name, measured, missing=missing, also=insert)
