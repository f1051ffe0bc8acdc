"""CloudWatch Logs by boto3: groups, streams, events, retention, tags, filters."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.conftest import Studio

DAY = 86_400_000
_numbers = itertools.count()


@pytest.fixture(scope="module")
def logs(studio: Studio) -> Any:
    return studio.client("logs")


@pytest.fixture
def group(logs: Any) -> str:
    """A new group with one stream, ``s``."""
    name = f"/ward/{next(_numbers)}"
    logs.create_log_group(logGroupName=name)
    logs.create_log_stream(logGroupName=name, logStreamName="s")
    return name


def now() -> int:
    return time.time_ns() // 1_000_000


def put(logs: Any, group: str, stream: str, *events: tuple[int, str]) -> dict[str, Any]:
    found: dict[str, Any] = logs.put_log_events(
        logGroupName=group, logStreamName=stream, logEvents=[{"timestamp": t, "message": m} for t, m in events]
    )
    return found


def refused(call: Callable[..., Any], **request: Any) -> tuple[str, str]:
    with pytest.raises(ClientError) as error:
        call(**request)
    found = error.value.response["Error"]
    return found["Code"], found["Message"]


def messages(found: dict[str, Any]) -> list[str]:
    return [event["message"] for event in found["events"]]


def test_events_are_read_from_either_end_page_by_page(logs: Any, group: str) -> None:
    start = now() - 60_000
    put(logs, group, "s", *((start + n, f"event {n}") for n in range(10)))
    where = {"logGroupName": group, "logStreamName": "s", "limit": 4}
    assert messages(logs.get_log_events(**where)) == ["event 6", "event 7", "event 8", "event 9"]
    found, token = [], None
    while True:
        page = logs.get_log_events(**where, startFromHead=True, **({"nextToken": token} if token else {}))
        if page["nextForwardToken"] == token:
            break
        token = page["nextForwardToken"]
        found += messages(page)
    assert found == [f"event {n}" for n in range(10)]
    put(logs, group, "s", (now(), "later"))
    assert messages(logs.get_log_events(**where, nextToken=token)) == ["later"]
    back = logs.get_log_events(**where, nextToken=logs.get_log_events(**where)["nextBackwardToken"])
    assert messages(back) == ["event 3", "event 4", "event 5", "event 6"]
    assert messages(logs.get_log_events(**where, startTime=start + 2, endTime=start + 4)) == ["event 2", "event 3"]
    by_arn = {"logGroupIdentifier": f"arn:aws:logs:us-east-1:000000000000:log-group:{group}", "logStreamName": "s"}
    assert len(messages(logs.get_log_events(**by_arn, startFromHead=True))) == 11
    assert refused(logs.get_log_events, **where, nextToken="made up")[0] == "InvalidParameterException"
    assert refused(logs.get_log_events, **where, logGroupIdentifier=group)[0] == "InvalidParameterException"


def test_a_page_holds_a_mebibyte(logs: Any, group: str) -> None:
    for _ in range(3):
        put(logs, group, "s", (now(), "x" * 600_000))
    page = logs.get_log_events(logGroupName=group, logStreamName="s", startFromHead=True)
    assert len(page["events"]) == 1
    rest = logs.get_log_events(logGroupName=group, logStreamName="s", nextToken=page["nextForwardToken"])
    assert len(rest["events"]) == 1
    pages = logs.get_paginator("filter_log_events").paginate(logGroupName=group)
    assert [len(p["events"]) for p in pages] == [1, 1, 1]


def test_what_a_batch_may_not_be_is_refused(logs: Any, group: str) -> None:
    at = now()

    def refusal(*events: tuple[int, str]) -> str:
        code, text = refused(lambda: put(logs, group, "s", *events))
        assert code == "InvalidParameterException"
        return text

    assert "chronological order" in refusal((at, "b"), (at - 1, "a"))
    assert "cannot span more than 24 hours" in refusal((at - DAY - 1, "a"), (at, "b"))
    limit = 1_048_576 - 26
    assert refusal((at, "x" * (limit + 1))) == "Upload too large: 1048577 bytes exceeds limit of 1048576"
    put(logs, group, "s", (at, "x" * limit))
    where = {"logGroupName": group, "logStreamName": "none"}
    code, text = refused(logs.put_log_events, **where, logEvents=[{"timestamp": at, "message": "m"}])
    assert (code, text) == ("ResourceNotFoundException", "The specified log stream does not exist.")
    assert refused(logs.get_log_events, logGroupName="/none", logStreamName="s") == (
        "ResourceNotFoundException",
        "The specified log group does not exist.",
    )


def test_events_too_old_or_too_new_are_told_and_left_out(logs: Any, group: str) -> None:
    at = now()
    told = put(logs, group, "s", (at - 15 * DAY, "old"), (at, "now"), (at + DAY // 8, "new"))
    assert told["rejectedLogEventsInfo"] == {"tooOldLogEventEndIndex": 1, "tooNewLogEventStartIndex": 2}
    assert messages(logs.get_log_events(logGroupName=group, logStreamName="s")) == ["now"]
    logs.put_retention_policy(logGroupName=group, retentionInDays=3)
    told = put(logs, group, "s", (at - 4 * DAY, "expired"), (at - 4 * DAY, "expired"))
    assert told["rejectedLogEventsInfo"] == {"expiredLogEventEndIndex": 2}
    assert "rejectedLogEventsInfo" not in put(logs, group, "s", (at, "fine"))


def test_retention_hides_at_once_and_removes_from_the_disk(logs: Any, group: str) -> None:
    at = now()
    put(logs, group, "s", (at - 5 * DAY, "old"))
    put(logs, group, "s", (at, "young"))
    assert refused(logs.put_retention_policy, logGroupName=group, retentionInDays=2)[0] == "InvalidParameterException"
    logs.put_retention_policy(logGroupName=group, retentionInDays=3)
    [described] = logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"]
    assert described["retentionInDays"] == 3
    assert messages(logs.get_log_events(logGroupName=group, logStreamName="s")) == ["young"]
    assert messages(logs.filter_log_events(logGroupName=group)) == ["young"]
    deadline = time.monotonic() + 90
    while time.monotonic() < deadline:
        [described] = logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"]
        if described["storedBytes"] == len("young") + 26:
            break
    assert described["storedBytes"] == len("young") + 26
    logs.delete_retention_policy(logGroupName=group)
    assert messages(logs.get_log_events(logGroupName=group, logStreamName="s")) == ["young"]  # gone for good
    assert "retentionInDays" not in logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"][0]
    assert refused(logs.delete_retention_policy, logGroupName="/none")[0] == "ResourceNotFoundException"


def test_events_of_all_streams_are_filtered_by_pattern_and_time(logs: Any, group: str) -> None:
    start = now() - 60_000
    for stream in ("a1", "a2", "b1"):
        logs.create_log_stream(logGroupName=group, logStreamName=stream)
    put(logs, group, "a1", (start, "ERROR one"), (start + 4, "fine"))
    put(logs, group, "a2", (start + 2, "ERROR two"), (start + 5, '{"level": "error", "code": 5}'))
    put(logs, group, "b1", (start + 1, "ERROR three"))

    def found(**given: Any) -> list[str]:
        return messages(logs.filter_log_events(logGroupName=group, **given))

    everything = ["ERROR one", "ERROR three", "ERROR two", "fine", '{"level": "error", "code": 5}']
    assert found() == everything
    assert found(startFromHead=False) == everything[::-1]
    assert found(filterPattern="ERROR -two") == ["ERROR one", "ERROR three"]
    assert found(filterPattern='{ $.level = "error" && $.code > 4 }') == everything[4:]
    assert found(filterPattern="[level = ERROR, number = t*]") == ["ERROR three", "ERROR two"]
    assert found(logStreamNamePrefix="a", filterPattern="ERROR") == ["ERROR one", "ERROR two"]
    assert found(logStreamNames=["b1", "a1"]) == ["ERROR one", "ERROR three", "fine"]
    assert found(startTime=start + 1, endTime=start + 2) == ["ERROR three", "ERROR two"]  # the end belongs to it
    for order in (True, False):
        pages = logs.get_paginator("filter_log_events").paginate(
            logGroupName=group, startFromHead=order, PaginationConfig={"PageSize": 2}
        )
        joined = [messages(page) for page in pages]
        assert [len(page) for page in joined] == [2, 2, 1]
        assert [m for page in joined for m in page] == (everything if order else everything[::-1])
    assert refused(found, filterPattern="{ nonsense }")[0] == "InvalidParameterException"
    assert refused(found, nextToken="made up")[0] == "InvalidParameterException"
    assert refused(found, logStreamNames=["a1"], logStreamNamePrefix="a")[0] == "InvalidParameterException"
    assert refused(found, logStreamNames=["none"])[0] == "ResourceNotFoundException"


def test_a_pattern_can_be_tried_out(logs: Any) -> None:
    found = logs.test_metric_filter(
        filterPattern="[level = ERROR, code > 400]", logEventMessages=["ERROR 401", "WARN 500", "ERROR 400"]
    )["matches"]
    assert found == [
        {"eventNumber": 1, "eventMessage": "ERROR 401", "extractedValues": {"$level": "ERROR", "$code": "401"}}
    ]


def test_groups_are_described_with_every_filter_and_page(logs: Any) -> None:
    for name in ("A", "b", "B/Two", "b/one"):
        logs.create_log_group(logGroupName=f"/list/{name}", tags={"team": name} if name != "A" else {"x": "y"})

    def described(**given: Any) -> list[str]:
        pages = logs.get_paginator("describe_log_groups").paginate(**given)
        return [g["logGroupName"].removeprefix("/list/") for page in pages for g in page["logGroups"]]

    assert described(logGroupNamePrefix="/list/") == ["A", "B/Two", "b", "b/one"]
    assert described(logGroupNamePrefix="/list/", PaginationConfig={"PageSize": 1}) == ["A", "B/Two", "b", "b/one"]
    assert described(logGroupNamePattern="list/B") == ["B/Two", "b", "b/one"]
    arn = "arn:aws:logs:us-east-1:000000000000:log-group:/list/A"
    assert described(logGroupIdentifiers=["/list/b", arn]) == ["A", "b"]
    assert described(logGroupNamePrefix="/list/", accountIdentifiers=["111111111111"], includeLinkedAccounts=True) == []
    assert described(logGroupNamePrefix="/list/", logGroupClass="INFREQUENT_ACCESS") == []
    code, _ = refused(logs.describe_log_groups, logGroupNamePrefix="a", logGroupNamePattern="b")
    assert code == "InvalidParameterException"
    [one] = logs.describe_log_groups(logGroupNamePrefix="/list/A")["logGroups"]
    assert (one["arn"], one["logGroupArn"]) == (f"{arn}:*", arn)
    assert (one["logGroupClass"], one["storedBytes"], one["deletionProtectionEnabled"]) == ("STANDARD", 0, False)

    def listed(**given: Any) -> list[str]:
        found = [g["logGroupName"] for g in logs.list_log_groups(**given)["logGroups"]]
        return [name.removeprefix("/list/") for name in found]

    assert listed(logGroupNamePattern="^/list/b|/Two") == ["B/Two", "b", "b/one"]
    assert listed(logGroupTags=[{"key": "team"}]) == ["B/Two", "b", "b/one"]
    assert listed(logGroupTags=[{"key": "team", "values": ["B*"]}]) == ["B/Two"]
    assert listed(logGroupTags=[{"key": "team", "values": ["!B*"]}, {"key": "team"}]) == ["b", "b/one"]


def test_streams_are_described_by_name_and_by_last_event(logs: Any, group: str) -> None:
    at = now()
    for number, name in enumerate(["c", "a", "b"]):
        logs.create_log_stream(logGroupName=group, logStreamName=name)
        put(logs, group, name, (at - 10 * number, "m"))

    def described(size: int = 2, **given: Any) -> list[str]:
        pages = logs.get_paginator("describe_log_streams").paginate(
            logGroupName=group, **given, PaginationConfig={"PageSize": size}
        )
        return [s["logStreamName"] for page in pages for s in page["logStreams"]]

    assert described() == ["a", "b", "c", "s"]
    assert described(descending=True) == ["s", "c", "b", "a"]
    assert described(orderBy="LastEventTime", descending=True) == ["c", "a", "b", "s"]
    assert described(orderBy="LastEventTime", size=1) == ["s", "b", "a", "c"]
    assert described(logStreamNamePrefix="b") == ["b"]
    [stream] = logs.describe_log_streams(logGroupName=group, logStreamNamePrefix="c")["logStreams"]
    assert (stream["firstEventTimestamp"], stream["lastEventTimestamp"]) == (at, at)
    assert stream["arn"].endswith(f":log-group:{group}:log-stream:c")
    where = {"logGroupName": group, "orderBy": "LastEventTime", "logStreamNamePrefix": "a"}
    assert refused(logs.describe_log_streams, **where)[0] == "InvalidParameterException"


def test_a_deleted_stream_or_group_takes_its_events_along(logs: Any, group: str) -> None:
    put(logs, group, "s", (now(), "first"))
    logs.delete_log_stream(logGroupName=group, logStreamName="s")
    assert refused(logs.delete_log_stream, logGroupName=group, logStreamName="s")[0] == "ResourceNotFoundException"
    logs.create_log_stream(logGroupName=group, logStreamName="s")
    assert messages(logs.get_log_events(logGroupName=group, logStreamName="s")) == []
    put(logs, group, "s", (now(), "second"))
    assert messages(logs.filter_log_events(logGroupName=group)) == ["second"]
    logs.delete_log_group(logGroupName=group)
    assert refused(logs.delete_log_group, logGroupName=group)[0] == "ResourceNotFoundException"
    logs.create_log_group(logGroupName=group)
    assert logs.describe_log_streams(logGroupName=group)["logStreams"] == []


def test_names_are_taken_once_and_classes_are_one(logs: Any, group: str) -> None:
    assert refused(logs.create_log_group, logGroupName=group)[0] == "ResourceAlreadyExistsException"
    assert refused(logs.create_log_group, logGroupName="aws/x")[0] == "InvalidParameterException"
    code, text = refused(logs.create_log_group, logGroupName="/c", logGroupClass="INFREQUENT_ACCESS")
    assert (code, "INFREQUENT_ACCESS" in text) == ("NotImplemented", True)
    assert refused(logs.create_log_group, logGroupName="/k", kmsKeyId="alias/k")[0] == "NotImplemented"
    stream = {"logGroupName": group, "logStreamName": "s"}
    assert refused(logs.create_log_stream, **stream)[0] == "ResourceAlreadyExistsException"


def test_a_protected_group_is_not_deleted(logs: Any) -> None:
    logs.create_log_group(logGroupName="/safe", deletionProtectionEnabled=True)
    assert refused(logs.delete_log_group, logGroupName="/safe")[0] == "ValidationException"
    logs.put_log_group_deletion_protection(logGroupIdentifier="/safe", deletionProtectionEnabled=False)
    logs.delete_log_group(logGroupName="/safe")


def test_groups_have_tags_by_arn_and_by_name(logs: Any, group: str) -> None:
    arn = f"arn:aws:logs:us-east-1:000000000000:log-group:{group}"
    logs.tag_resource(resourceArn=arn, tags={"a": "1", "b": "2"})
    logs.tag_log_group(logGroupName=group, tags={"b": "3", "c": "4"})
    assert logs.list_tags_for_resource(resourceArn=arn)["tags"] == {"a": "1", "b": "3", "c": "4"}
    logs.untag_resource(resourceArn=arn, tagKeys=["a", "none"])
    logs.untag_log_group(logGroupName=group, tags=["c"])
    assert logs.list_tags_log_group(logGroupName=group)["tags"] == {"b": "3"}
    many = {f"k{n}": "v" for n in range(50)}
    assert refused(logs.tag_resource, resourceArn=arn, tags=many)[0] == "TooManyTagsException"
    assert refused(logs.tag_resource, resourceArn=arn, tags={"aws:x": "v"})[0] == "InvalidParameterException"
    assert refused(logs.list_tags_for_resource, resourceArn=f"{arn}none")[0] == "ResourceNotFoundException"


def test_rules_of_the_model_are_told_as_logs_tells_them(logs: Any) -> None:
    code, text = refused(logs.create_log_group, logGroupName="no spaces")
    assert code == "InvalidParameterException"
    assert text.startswith("1 validation error detected: Value 'no spaces' at 'logGroupName' failed to satisfy")
