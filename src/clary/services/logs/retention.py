"""How long a log group keeps its events. What is older is not shown from then on, and removed from the disk by
``jobs/retention.py``."""

from __future__ import annotations

from typing import Any

from clary.context import Context
from clary.services import operation
from clary.services.logs.errors import Invalid, group_missing

_DAYS = (1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653)
"""As PutRetentionPolicy's documentation lists them; the service model does not."""


@operation
def put_retention_policy(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    days = request["retentionInDays"]
    if days not in _DAYS:
        raise Invalid(
            f"1 validation error detected: Value '{days}' at 'retentionInDays' failed to satisfy constraint: "
            f"Member must satisfy enum value set: [{', '.join(map(str, _DAYS))}]"
        )
    _set(context, request["logGroupName"], days)
    return {}


@operation
def delete_retention_policy(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    _set(context, request["logGroupName"], None)
    return {}


def _set(context: Context, group: str, days: int | None) -> None:
    if not context.logs.groups.set(context.region, group, retention_days=days):
        raise group_missing()
