"""LookupEvents: the calls of the caller's region, newest first."""

from __future__ import annotations

import json
import re
from datetime import datetime
from typing import Any

from clary.context import Context
from clary.errors import NotServed, ServiceError
from clary.services import operation
from clary.services.cloudtrail.records import record, time_of
from clary.store.audit_events import AuditEvent

_MOST = 50  # events of a page

# AttributeKey → the filter of clary.store.audit_events.
_ATTRIBUTES = {
    "EventId": "request_id",
    "EventName": "name",
    "ReadOnly": "read_only",
    "Username": "username",
    "ResourceType": "resource_type",
    "ResourceName": "resource_name",
    "EventSource": "source",
    "AccessKeyId": "access_key",
}


@operation
def lookup_events(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    """As CloudTrail's, but at once, not after minutes; S3's and endpoints' data events are among them."""
    if "EventCategory" in request:
        raise NotServed(
            "LookupEvents of insight events is not served: leave EventCategory away for the calls themselves."
        )
    start, end = _micros(request.get("StartTime"), 0), _micros(request.get("EndTime"), (1 << 62) - 1)
    if start > end:
        raise ServiceError("Time range is invalid: StartTime is after EndTime.", code="InvalidTimeRangeException")
    if (token := request.get("NextToken")) is not None:
        end = min(end, _read_token(token))
    most = request.get("MaxResults", _MOST)
    filters = {"region": context.region, **_filter(request.get("LookupAttributes", []))}
    found = context.audit.lookup(filters, start=start, end=end + 1, limit=most + 1)
    more = {"NextToken": str(found[most - 1].id - 1)} if len(found) > most else {}
    return {"Events": [_shown(event) for event in found[:most]], **more}


def _filter(attributes: list[dict[str, str]]) -> dict[str, str | int]:
    if len(attributes) > 1:
        raise ServiceError("You can only use one lookup attribute.", code="InvalidLookupAttributesException")
    for attribute in attributes:
        key, value = attribute["AttributeKey"], attribute["AttributeValue"]
        if key == "ReadOnly":
            if value.lower() not in {"true", "false"}:
                raise ServiceError("ReadOnly takes true or false.", code="InvalidLookupAttributesException")
            return {"read_only": int(value.lower() == "true")}
        return {_ATTRIBUTES[key]: value}
    return {}


def _shown(event: AuditEvent) -> dict[str, Any]:
    return {
        "EventId": event.request_id,
        "EventName": event.name,
        "ReadOnly": "true" if event.read_only else "false",
        "AccessKeyId": event.access_key or None,
        "EventTime": time_of(event).replace(microsecond=0),
        "EventSource": event.source,
        "Username": event.username or None,
        "Resources": [{"ResourceType": item.type, "ResourceName": item.name} for item in event.resources],
        "CloudTrailEvent": json.dumps(record(event), ensure_ascii=False),
    }


def _micros(time: datetime | None, default: int) -> int:
    return default if time is None else round(time.timestamp() * 1_000_000)


def _read_token(token: str) -> int:
    if not re.fullmatch("[0-9]{1,18}", token):
        raise ServiceError("The NextToken is not that of a page before.", code="InvalidNextTokenException")
    return int(token)
