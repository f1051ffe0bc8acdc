"""Log events: put, get, filter.

A token holds the id of the last event shown: forward tokens go on behind it, backward ones before it. The follower of
the SageMaker SDK asks until a page is empty, so an empty page is cheap: one look into an index.
"""

from __future__ import annotations

import re
import shlex
from itertools import pairwise
from typing import Any

from clary.context import Context
from clary.errors import NotServed, ServiceError
from clary.services import operation
from clary.services.logs.groups import group_name, require_group
from clary.store.log_events import LogEvent, LogStream

_MOST = 10_000


@operation
def put_log_events(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    group, name = request["logGroupName"], request["logStreamName"]
    _find(context, group, name)
    events = [(event["timestamp"], event["message"]) for event in request["logEvents"]]
    if any(a[0] > b[0] for a, b in pairwise(events)):
        raise ServiceError(
            "Log events in a single PutLogEvents request must be in chronological order.",
            code="InvalidParameterException",
        )
    context.logs.append(context.region, group, name, events)
    return {"nextSequenceToken": "0"}


@operation
def get_log_events(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    group = group_name(request)
    stream = _find(context, group, request["logStreamName"])
    token, limit = request.get("nextToken", ""), request.get("limit", _MOST)
    side, _, position = token.partition("/")
    if token and (side not in {"f", "b"} or not position.isdigit()):
        raise ServiceError("The specified nextToken is invalid.", code="InvalidParameterException")
    times: dict[str, Any] = {"start": request.get("startTime"), "end": request.get("endTime")}
    if side == "f":
        events = context.logs.read(stream.id, after=int(position), limit=limit, **times)
    elif side == "b":
        events = context.logs.read(stream.id, before=int(position), limit=limit, newest_first=True, **times)
    else:
        newest = not request.get("startFromHead", False)
        events = context.logs.read(stream.id, limit=limit, newest_first=newest, **times)
    # The same token again says that this is the end, for now.
    first = events[0].id if events else int(position or 0)
    last = events[-1].id if events else int(position or 0)
    return {
        "events": [{"timestamp": e.time, "message": e.message, "ingestionTime": e.ingested} for e in events],
        "nextForwardToken": f"f/{last}",
        "nextBackwardToken": f"b/{first}",
    }


@operation
def filter_log_events(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    group = group_name(request)
    require_group(context, group)
    matches = _pattern(request.get("filterPattern", ""))
    streams = context.logs.streams(context.region, group, request.get("logStreamNamePrefix", ""))
    if names := request.get("logStreamNames"):
        streams = [stream for stream in streams if stream.name in names]
    after, limit = int(request.get("nextToken", "0") or 0), request.get("limit", _MOST)
    found: list[tuple[LogEvent, str]] = []
    for stream in streams:
        start, end = request.get("startTime"), request.get("endTime")
        events = context.logs.read(stream.id, after=after, start=start, end=end and end + 1)
        found += [(event, stream.name) for event in events if matches(event.message)]
    found.sort(key=lambda pair: pair[0].id)
    shown = found[:limit]
    return {
        "events": [
            {
                "logStreamName": name,
                "timestamp": e.time,
                "message": e.message,
                "ingestionTime": e.ingested,
                "eventId": str(e.id),
            }
            for e, name in shown
        ],
        "searchedLogStreams": [],
        **({"nextToken": str(shown[-1][0].id)} if len(found) > limit else {}),
    }


def _find(context: Context, group: str, name: str) -> LogStream:
    require_group(context, group)
    stream = context.logs.stream(context.region, group, name)
    if stream is None:
        raise ServiceError("The specified log stream does not exist.", code="ResourceNotFoundException")
    return stream


def _pattern(text: str) -> Any:
    """Terms of a filter pattern: all must occur; ``-term`` must not, of ``?term`` one must."""
    if text.lstrip().startswith(("{", "[")):
        raise NotServed("FilterLogEvents with JSON or column patterns is not served yet: use terms.")
    if regex := re.fullmatch(r"\s*%(.*)%\s*", text):
        compiled = re.compile(regex.group(1))
        return lambda message: compiled.search(message) is not None
    try:
        terms = shlex.split(text)
    except ValueError:
        raise ServiceError(f"Invalid filter pattern {text!r}", code="InvalidParameterException") from None
    never = [t[1:] for t in terms if t.startswith("-") and len(t) > 1]
    some = [t[1:] for t in terms if t.startswith("?") and len(t) > 1]
    every = [t for t in terms if not t.startswith(("-", "?"))]
    return lambda message: (
        all(t in message for t in every)
        and not any(t in message for t in never)
        and (not some or any(t in message for t in some))
    )
