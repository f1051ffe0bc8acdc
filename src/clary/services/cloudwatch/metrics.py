"""ListMetrics: which metrics have points."""

from __future__ import annotations

import re
from datetime import timedelta
from itertools import islice
from typing import Any

from clary.context import Context
from clary.services import operation
from clary.services.cloudwatch.errors import InvalidValue
from clary.store.metric_points import Series
from clary.store.times import ms_of

_PAGE = 500


@operation
def list_metrics(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    token = request.get("NextToken") or "0"
    if not re.fullmatch("[0-9]{1,18}", token):
        raise InvalidValue("Request token is invalid: use the NextToken of the page before.")
    if request.get("OwningAccount", context.account) != context.account:
        return {"Metrics": []}
    since = ms_of(context.now() - timedelta(hours=3)) if request.get("RecentlyActive") else 0
    found = context.metrics.series(
        context.region, request.get("Namespace"), request.get("MetricName"), after=int(token), since=since
    )
    filters = request.get("Dimensions", [])
    page = list(islice((series for series in found if _has(series, filters)), _PAGE + 1))
    shown = page[:_PAGE]
    return {
        "Metrics": [
            {
                "Namespace": s.namespace,
                "MetricName": s.name,
                "Dimensions": [{"Name": name, "Value": value} for name, value in s.dimensions.items()],
            }
            for s in shown
        ],
        **({"NextToken": str(shown[-1].id)} if len(page) > _PAGE else {}),
        **({"OwningAccounts": [context.account] * len(shown)} if request.get("IncludeLinkedAccounts") else {}),
    }


def _has(series: Series, filters: list[dict[str, str]]) -> bool:
    """Each filter names a dimension, and its value if it must have one."""
    return all(
        f["Name"] in series.dimensions and f.get("Value", series.dimensions[f["Name"]]) == series.dimensions[f["Name"]]
        for f in filters
    )
