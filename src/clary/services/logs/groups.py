"""Log groups: create, describe, list, protect, delete."""

from __future__ import annotations

import re
from itertools import islice
from typing import Any

from clary.context import Context
from clary.errors import NotServed, ServiceError
from clary.services import operation
from clary.services.logs import tags
from clary.services.logs.errors import Invalid, group_missing
from clary.store.log_groups import LogGroup

_CLASS = "STANDARD"


@operation
def create_log_group(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    name = request["logGroupName"]
    if name.lower().startswith("aws/"):
        raise Invalid("Log groups starting with AWS/ are reserved for AWS.")
    if request.get("kmsKeyId"):
        raise NotServed("A KMS key for a log group is not served: its events lie in Clary's data folder as all else.")
    if request.get("logGroupClass", _CLASS) != _CLASS:
        raise NotServed(f"Log groups of class {request['logGroupClass']} are not served; {_CLASS} can do all they can.")
    given = tags.checked({}, request.get("tags", {}))
    protected = request.get("deletionProtectionEnabled", False)
    if not context.logs.groups.create(context.region, name, given, protected=protected):
        raise ServiceError("The specified log group already exists", code="ResourceAlreadyExistsException")
    return {}


@operation
def delete_log_group(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    group = require_group(context, request["logGroupName"])
    if group.protected:
        raise ServiceError(
            f"The log group {group.name} is protected from deletion: call PutLogGroupDeletionProtection first.",
            code="ValidationException",
        )
    context.logs.groups.delete(context.region, group.name)
    return {}


@operation
def put_log_group_deletion_protection(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    group = group_name(request)
    if not context.logs.groups.set(context.region, group, protected=request["deletionProtectionEnabled"]):
        raise group_missing()
    return {}


@operation
def describe_log_groups(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    prefix, pattern = request.get("logGroupNamePrefix", ""), request.get("logGroupNamePattern", "")
    if prefix and pattern:
        raise Invalid("LogGroup name prefix and LogGroup name pattern are mutually exclusive parameters.")
    if request.get("logGroupIdentifiers") and (prefix or pattern):
        raise Invalid("logGroupIdentifiers and a prefix or pattern are mutually exclusive parameters.")
    if not _is_asked(context, request):
        return {"logGroups": []}
    names = {name_of(identifier) for identifier in request.get("logGroupIdentifiers", [])}
    groups = (
        group
        for group in context.logs.groups.all(context.region, prefix, request.get("nextToken", ""))
        if pattern.lower() in group.name.lower() and (not names or group.name in names)
    )
    shown, more = page(groups, request.get("limit", 50))
    return {"logGroups": [_description(context, group) for group in shown], **more}


@operation
def list_log_groups(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    for member in ("dataSources", "fieldIndexNames"):
        if request.get(member):
            raise NotServed(f"ListLogGroups with {member} is not served.")
    if not _is_asked(context, request):
        return {"logGroups": []}
    # The service model's pattern lets through nothing but names, ^ and |.
    pattern = re.compile(request.get("logGroupNamePattern", ""))
    groups = (
        group
        for group in context.logs.groups.all(context.region, after=request.get("nextToken", ""))
        if pattern.search(group.name) and all(_has_tag(group, f) for f in request.get("logGroupTags", []))
    )
    shown, more = page(groups, request.get("limit", 50))
    summaries = [{"logGroupName": g.name, "logGroupArn": arn(context, g.name), "logGroupClass": _CLASS} for g in shown]
    return {"logGroups": summaries, **more}


def require_group(context: Context, name: str) -> LogGroup:
    group = context.logs.groups.get(context.region, name)
    if group is None:
        raise group_missing()
    return group


def group_name(request: dict[str, Any]) -> str:
    """A group is named by its name, or by its name or ARN as identifier; not by both."""
    name, identifier = request.get("logGroupName"), request.get("logGroupIdentifier")
    if name and identifier:
        raise Invalid("LogGroup name and LogGroup ARN are mutually exclusive parameters.")
    if not name and not identifier:
        raise Invalid("Exactly one of logGroupName and logGroupIdentifier must be given.")
    return str(name) if name else name_of(str(identifier))


def name_of(identifier: str) -> str:
    """The name in an ARN, with or without ``:*``; a name is its own."""
    return identifier.partition(":log-group:")[2].removesuffix(":*") or identifier


def arn(context: Context, group: str) -> str:
    return f"arn:aws:logs:{context.region}:{context.account}:log-group:{group}"


def page(items: Any, limit: int) -> tuple[list[Any], dict[str, str]]:
    """The first of them, and the token that goes on behind the last: its name."""
    found = list(islice(items, limit + 1))
    shown = found[:limit]
    return shown, ({"nextToken": shown[-1].name} if len(found) > limit else {})


def _is_asked(context: Context, request: dict[str, Any]) -> bool:
    """Whether the filters by account and class leave anything: there is one account, and one class."""
    accounts = request.get("accountIdentifiers", [])
    return (not accounts or context.account in accounts) and request.get("logGroupClass", _CLASS) == _CLASS


def _has_tag(group: LogGroup, wanted: dict[str, Any]) -> bool:
    """A filter names a tag, and perhaps values: ``!`` before one turns it round, ``*`` at its ends stands for anything."""
    value = group.tags.get(wanted["key"])
    if value is None or not wanted.get("values"):
        return value is not None
    return any(_is_like(value, pattern) for pattern in wanted["values"])


def _is_like(value: str, pattern: str) -> bool:
    word = pattern.removeprefix("!")
    expression = ".*".join(re.escape(part) for part in word.split("*"))
    return (re.fullmatch(expression, value) is not None) != pattern.startswith("!")


def _description(context: Context, group: LogGroup) -> dict[str, Any]:
    return {
        "logGroupName": group.name,
        "creationTime": group.created,
        "retentionInDays": group.retention,
        "metricFilterCount": 0,
        "arn": f"{arn(context, group.name)}:*",
        "logGroupArn": arn(context, group.name),
        "logGroupClass": _CLASS,
        "storedBytes": group.size,
        "deletionProtectionEnabled": group.protected,
    }
