"""FilterLogEvents: events of many streams in the order of time, those that match a pattern; and trying a pattern out.

A token holds time and id of the last event looked at. A call looks at so many events and no more, as AWS's does: a page
may then be short, or empty, and still have a token.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from clary.context import Context
from clary.services import operation
from clary.services.logs import patterns
from clary.services.logs.errors import Invalid, stream_missing
from clary.services.logs.events import BYTES, MOST, weight
from clary.services.logs.groups import group_name, require_group
from clary.store.log_events import LogEvent
from clary.store.log_groups import LogStream

_LOOKED_AT = 50_000  # events of a call
_TOKEN = re.compile(r"([0-9]{1,18})/([0-9]{1,18})")


@operation
def filter_log_events(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    group = require_group(context, group_name(request))
    matches = patterns.read(request.get("filterPattern", ""))
    streams = _streams(context, group.name, request)
    behind = _read_token(request.get("nextToken"))
    limit, size = request.get("limit", MOST), 0
    found: list[dict[str, Any]] = []
    # The last millisecond belongs to it, otherwise than with GetLogEvents.
    merged = context.logs.merged(
        streams,
        max(request.get("startTime", 0), group.oldest(context.clock.ms())),
        request.get("endTime", 1 << 62) + 1,
        behind=behind,
        newest_first=not request.get("startFromHead", True),
    )
    for looked_at, (stream, event) in enumerate(merged):
        matched = matches(event.message) is not None
        full = len(found) == limit or (found and size + weight(event.message) > BYTES)
        if (matched and full) or looked_at == _LOOKED_AT:
            assert behind is not None
            return {"events": found, "searchedLogStreams": [], "nextToken": "{}/{}".format(*behind)}
        if matched:
            found.append(_event(stream, event))
            size += weight(event.message)
        behind = event.time, event.id
    return {"events": found, "searchedLogStreams": []}


@operation
def test_metric_filter(context: Context, request: dict[str, Any]) -> dict[str, Any]:  # noqa: ARG001
    matches = patterns.read(request["filterPattern"])
    found = []
    for number, message in enumerate(request["logEventMessages"], 1):
        values = matches(message)
        if values is not None:
            found.append({"eventNumber": number, "eventMessage": message, "extractedValues": values})
    return {"matches": found}


def _streams(context: Context, group: str, request: dict[str, Any]) -> Sequence[LogStream]:
    names, prefix = request.get("logStreamNames"), request.get("logStreamNamePrefix", "")
    if names and prefix:
        raise Invalid("logStreamNames and logStreamNamePrefix are mutually exclusive parameters.")
    if not names:
        return context.logs.groups.streams(context.region, group, prefix)
    streams = [context.logs.groups.stream(context.region, group, name) for name in dict.fromkeys(names)]
    known = [stream for stream in streams if stream is not None]
    if len(known) < len(streams):
        raise stream_missing()
    return known


def _event(stream: LogStream, event: LogEvent) -> dict[str, Any]:
    return {
        "logStreamName": stream.name,
        "timestamp": event.time,
        "message": event.message,
        "ingestionTime": event.ingested,
        "eventId": str(event.id),
    }


def _read_token(token: str | None) -> tuple[int, int] | None:
    if not token:
        return None
    found = _TOKEN.fullmatch(token)
    if found is None:
        raise Invalid("The specified nextToken is invalid.")
    return int(found[1]), int(found[2])
