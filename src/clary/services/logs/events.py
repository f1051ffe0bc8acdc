"""Log events: put and get.

A token holds the id of the last event shown: forward tokens go on behind it, backward ones before it. The follower of
the SageMaker SDK asks until a page is empty, so an empty page is cheap: one look into an index.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import pairwise
from typing import Any

from clary.context import Context
from clary.services import operation
from clary.services.logs.errors import Invalid
from clary.services.logs.groups import group_name, require_group
from clary.services.logs.streams import require_stream
from clary.store.log_events import WEIGHT, LogEvent
from clary.store.log_groups import LogGroup

MOST = 10_000  # events of a page
BYTES = 1 << 20  # of a page, and of a batch
_DAY = 86_400_000
_POSITION = re.compile("[0-9]{1,18}")


@operation
def put_log_events(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    group = require_group(context, request["logGroupName"])
    name = require_stream(context, group.name, request["logStreamName"]).name
    events = [(event["timestamp"], event["message"]) for event in request["logEvents"]]
    if any(a[0] > b[0] for a, b in pairwise(events)):
        raise Invalid("Log events in a single PutLogEvents request must be in chronological order.")
    size = sum(weight(message) for _, message in events)
    if size > BYTES:
        raise Invalid(f"Upload too large: {size} bytes exceeds limit of {BYTES}")
    first, last, rejected = _accepted(context, group, events)
    taken = events[first:last]
    if taken and taken[-1][0] - taken[0][0] > _DAY:
        raise Invalid("The batch of log events in a single PutLogEvents request cannot span more than 24 hours.")
    context.logs.append(context.region, group.name, name, taken)
    answer: dict[str, Any] = {"nextSequenceToken": "0"}
    if rejected:
        answer["rejectedLogEventsInfo"] = rejected
    if request.get("entity"):  # the events are taken, their entity is not
        answer["rejectedEntityInfo"] = {"errorType": "UnsupportedLogGroupType"}
    return answer


@operation
def get_log_events(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    group = require_group(context, group_name(request))
    stream = require_stream(context, group.name, request["logStreamName"])
    token, limit = request.get("nextToken", ""), request.get("limit", MOST)
    side, _, position = token.partition("/")
    if token and (side not in {"f", "b"} or not _POSITION.fullmatch(position)):
        raise Invalid("The specified nextToken is invalid.")
    times: dict[str, Any] = {"start": max(request.get("startTime", 0), group.oldest(context.clock.ms()))}
    times["end"] = request.get("endTime")
    newest = side == "b" or (side != "f" and not request.get("startFromHead", False))
    events = context.logs.read(
        stream.id,
        after=int(position) if side == "f" else 0,
        before=int(position) if side == "b" else None,
        limit=limit,
        newest_first=newest,
        **times,
    )
    events = fitting(events[::-1])[::-1] if newest else fitting(events)
    # The same token again says that this is the end, for now.
    first = events[0].id if events else int(position or 0)
    last = events[-1].id if events else int(position or 0)
    return {
        "events": [{"timestamp": e.time, "message": e.message, "ingestionTime": e.ingested} for e in events],
        "nextForwardToken": f"f/{last}",
        "nextBackwardToken": f"b/{first}",
    }


def weight(message: str) -> int:
    """Bytes of an event, as AWS counts them."""
    return len(message.encode("utf-8", "replace")) + WEIGHT


def fitting(events: Iterable[LogEvent]) -> list[LogEvent]:
    """The first of them that fit into a page; at least one."""
    found: list[LogEvent] = []
    size = 0
    for event in events:
        size += weight(event.message)
        if found and size > BYTES:
            break
        found.append(event)
    return found


def _accepted(context: Context, group: LogGroup, events: list[tuple[int, str]]) -> tuple[int, int, dict[str, int]]:
    """Which of them (in the order of time) are neither too old nor too new, from and to, and what is told of the rest.

    Programs stamp by the machine's time alone, which Clary's may be ahead of.
    """
    now = context.clock.ms()
    expired = sum(time < group.oldest(now) for time, _ in events)
    old = sum(time < now - context.clock.offset - 14 * _DAY for time, _ in events)
    new = sum(time > now + _DAY // 12 for time, _ in events)
    told: dict[str, int] = {}
    if new:
        told["tooNewLogEventStartIndex"] = len(events) - new
    if old:
        told["tooOldLogEventEndIndex"] = old
    if expired:
        told["expiredLogEventEndIndex"] = expired
    return max(expired, old), len(events) - new, told
