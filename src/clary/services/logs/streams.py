"""Log streams: create, describe, delete."""

from __future__ import annotations

import re
from typing import Any

from clary.context import Context
from clary.errors import ServiceError
from clary.services import operation
from clary.services.logs.errors import Invalid, stream_missing
from clary.services.logs.groups import arn, group_name, page, require_group
from clary.store.log_groups import LogStream


@operation
def create_log_stream(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    group = require_group(context, request["logGroupName"])
    if not context.logs.groups.create_stream(context.region, group.name, request["logStreamName"]):
        raise ServiceError("The specified log stream already exists", code="ResourceAlreadyExistsException")
    return {}


@operation
def delete_log_stream(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    group = require_group(context, request["logGroupName"])
    if not context.logs.groups.delete_stream(context.region, group.name, request["logStreamName"]):
        raise stream_missing()
    return {}


@operation
def describe_log_streams(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    group = require_group(context, group_name(request)).name
    prefix, by_time = request.get("logStreamNamePrefix", ""), request.get("orderBy") == "LastEventTime"
    if prefix and by_time:
        raise Invalid("Cannot order by LastEventTime with a logStreamNamePrefix.")
    descending = request.get("descending", False)
    streams = context.logs.groups.streams(context.region, group, prefix)

    def key(stream: LogStream) -> tuple[int, str]:
        return (stream.last or 0) if by_time else 0, stream.name

    streams.sort(key=key, reverse=descending)
    if token := request.get("nextToken"):
        last, _, name = token.partition("/")
        if not re.fullmatch("[0-9]{1,18}", last):
            raise Invalid("The specified nextToken is invalid.")
        shown = (int(last), name)
        streams = [s for s in streams if (key(s) < shown if descending else key(s) > shown)]
    found, more = page(streams, request.get("limit", 50))
    if more:
        more = {"nextToken": "{}/{}".format(*key(found[-1]))}
    return {"logStreams": [_description(context, group, stream) for stream in found], **more}


def require_stream(context: Context, group: str, name: str) -> LogStream:
    stream = context.logs.groups.stream(context.region, group, name)
    if stream is None:
        raise stream_missing()
    return stream


def _description(context: Context, group: str, stream: LogStream) -> dict[str, Any]:
    return {
        "logStreamName": stream.name,
        "creationTime": stream.created,
        "firstEventTimestamp": stream.first,
        "lastEventTimestamp": stream.last,
        "lastIngestionTime": stream.ingested,
        "uploadSequenceToken": str(stream.id),
        "arn": f"{arn(context, group)}:log-stream:{stream.name}",
        "storedBytes": 0,  # as AWS answers since 2019
    }
