"""Log groups and streams: create, describe, delete."""

from __future__ import annotations

from typing import Any

from clary.context import Context
from clary.errors import ServiceError
from clary.services import operation
from clary.store.log_events import LogStream


@operation
def create_log_group(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    if not context.logs.create_group(context.region, request["logGroupName"]):
        raise ServiceError("The specified log group already exists", code="ResourceAlreadyExistsException")
    return {}


@operation
def delete_log_group(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    if not context.logs.delete_group(context.region, request["logGroupName"]):
        raise missing_group()
    return {}


@operation
def describe_log_groups(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    groups = [
        group
        for group in context.logs.groups(context.region, request.get("logGroupNamePrefix", ""))
        if request.get("logGroupNamePattern", "") in group[0] and group[0] > request.get("nextToken", "")
    ]
    shown, more = _page(groups, request.get("limit", 50), lambda group: group[0])
    return {
        "logGroups": [
            {
                "logGroupName": name,
                "creationTime": created,
                "retentionInDays": retention,
                "arn": f"{_arn(context, name)}:*",
                "logGroupArn": _arn(context, name),
                "metricFilterCount": 0,
            }
            for name, created, retention in shown
        ],
        **more,
    }


@operation
def create_log_stream(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    group, stream = request["logGroupName"], request["logStreamName"]
    require_group(context, group)
    if not context.logs.create_stream(context.region, group, stream):
        raise ServiceError("The specified log stream already exists", code="ResourceAlreadyExistsException")
    return {}


@operation
def describe_log_streams(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    group = group_name(request)
    require_group(context, group)
    streams = context.logs.streams(context.region, group, request.get("logStreamNamePrefix", ""))
    key = _by_name if request.get("orderBy", "LogStreamName") == "LogStreamName" else _by_time
    streams.sort(key=key, reverse=request.get("descending", False))
    token = request.get("nextToken")
    if token is not None:
        names = [stream.name for stream in streams]
        streams = streams[names.index(token) + 1 :] if token in names else []
    shown, more = _page(streams, request.get("limit", 50), _by_name)
    return {"logStreams": [_stream(context, group, stream) for stream in shown], **more}


def require_group(context: Context, group: str) -> None:
    if not context.logs.has_group(context.region, group):
        raise missing_group()


def missing_group() -> ServiceError:
    return ServiceError("The specified log group does not exist.", code="ResourceNotFoundException")


def group_name(request: dict[str, Any]) -> str:
    """A group is named by its name or by its ARN."""
    if name := request.get("logGroupName"):
        return str(name)
    if arn := request.get("logGroupIdentifier"):
        return str(arn).partition(":log-group:")[2].removesuffix(":*") or str(arn)
    raise ServiceError(
        "At least one of logGroupName and logGroupIdentifier must be given.", code="InvalidParameterException"
    )


def _by_name(stream: LogStream) -> str:
    return stream.name


def _by_time(stream: LogStream) -> str:
    return f"{stream.last or 0:020d}/{stream.name}"


def _page(items: list[Any], limit: int, key: Any) -> tuple[list[Any], dict[str, str]]:
    shown = items[:limit]
    return shown, ({"nextToken": key(shown[-1])} if len(items) > limit else {})


def _stream(context: Context, group: str, stream: LogStream) -> dict[str, Any]:
    return {
        "logStreamName": stream.name,
        "creationTime": stream.created,
        "firstEventTimestamp": stream.first,
        "lastEventTimestamp": stream.last,
        "lastIngestionTime": stream.ingested,
        "uploadSequenceToken": str(stream.id),
        "arn": f"{_arn(context, group)}:log-stream:{stream.name}",
        "storedBytes": 0,  # as AWS answers since 2019
    }


def _arn(context: Context, group: str) -> str:
    return f"arn:aws:logs:{context.region}:{context.account}:log-group:{group}"
