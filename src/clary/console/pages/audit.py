"""Audit: who called what, when, from where, on what, with what outcome. CloudTrail's LookupEvents, as a table."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from clary.console import boto3_code
from clary.console.page import Nav, page
from clary.console.templates import url
from clary.console.visit import Visit
from clary.gateway.http import HttpAnswer

# What LookupEvents can look for, one at a time → what the page calls it.
LOOKED_FOR = {
    "EventName": "Operation",
    "Username": "User",
    "ResourceName": "Resource",
    "EventSource": "Service",
    "AccessKeyId": "Access key",
    "ReadOnly": "Read only (true, false)",
}


@page("/_/audit", nav=Nav("Keep", "Audit", order=50))
def audit(visit: Visit) -> HttpAnswer:
    key, value = visit.query.get("key", "EventName"), visit.query.get("value", "").strip()
    asked: dict[str, Any] = {"MaxResults": 50}
    if value and key in LOOKED_FOR:
        asked["LookupAttributes"] = [{"AttributeKey": key, "AttributeValue": value}]
    for name, member in (("since", "StartTime"), ("until", "EndTime")):
        if (time := _time(visit.query.get(name, ""))) is not None:
            asked[member] = time
    code = boto3_code.call("cloudtrail", "LookupEvents", asked)
    if token := visit.query.get("token"):
        asked["NextToken"] = token
    answer = visit.call("cloudtrail", "LookupEvents", **asked)
    onward = {name: visit.query[name] for name in ("key", "value", "since", "until") if visit.query.get(name)}
    more = url("/_/audit", **onward, token=answer["NextToken"]) if answer.get("NextToken") else ""
    first = url("/_/audit", **onward) if token else ""
    rows = [_row(event) for event in answer["Events"]]
    return visit.show(
        "audit.html", rows=rows, looked_for=LOOKED_FOR, query=visit.query, more=more, first=first, code=code
    )


def _row(event: dict[str, Any]) -> dict[str, Any]:
    record = json.loads(event["CloudTrailEvent"])
    return {
        "id": event["EventId"],
        "time": event["EventTime"],
        "name": event["EventName"],
        "service": event["EventSource"].removesuffix(".amazonaws.com"),
        "who": event.get("Username") or record["userIdentity"].get("arn", "").rpartition(":")[2] or "nobody",
        "where": record["sourceIPAddress"],
        "agent": record["userAgent"],
        "resources": [item["ResourceName"] for item in event["Resources"]],
        "error": record.get("errorCode", ""),
    }


def _time(text: str) -> datetime | None:
    """What a field of a browser says, in the server's zone; None if it says nothing that is a time."""
    try:
        return datetime.fromisoformat(text).astimezone() if text else None
    except ValueError:
        return None
