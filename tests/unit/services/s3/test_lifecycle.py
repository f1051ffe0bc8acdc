"""Lifecycle configurations: what is kept, what is refused, and what answers then say of an object."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from clary.errors import NotServed
from tests.unit.services.s3.conftest import Caller
from tests.unit.services.s3.test_objects import refused

DATE = datetime(2030, 1, 1, tzinfo=UTC)
TAG = {"Key": "k", "Value": "v"}


def rule(**given: Any) -> dict[str, Any]:
    return {"ID": "r", "Status": "Enabled", "Filter": {"Prefix": ""}, **given}


def put(s3: Caller, *rules: dict[str, Any]) -> dict[str, Any]:
    return s3.put_bucket_lifecycle_configuration(Bucket="ward", LifecycleConfiguration={"Rules": list(rules)})


def test_rules_come_back_as_they_were_put(s3: Caller) -> None:
    refused(s3.get_bucket_lifecycle_configuration, "NoSuchLifecycleConfiguration", Bucket="ward")
    both = {"Prefix": "a/", "Tags": [TAG], "ObjectSizeGreaterThan": 5}
    rules = [
        rule(Expiration={"Days": 3}, NoncurrentVersionExpiration={"NoncurrentDays": 1, "NewerNoncurrentVersions": 2}),
        rule(ID="dated", Filter={"And": both}, Expiration={"Date": DATE}, Status="Disabled"),
        rule(ID="uploads", AbortIncompleteMultipartUpload={"DaysAfterInitiation": 7}),
        rule(ID="markers", Expiration={"ExpiredObjectDeleteMarker": True}),
    ]
    put(s3, *rules)
    assert s3.get_bucket_lifecycle_configuration(Bucket="ward")["Rules"] == rules
    s3.delete_bucket_lifecycle(Bucket="ward")
    refused(s3.get_bucket_lifecycle_configuration, "NoSuchLifecycleConfiguration", Bucket="ward")


def test_a_rule_without_a_name_gets_one(s3: Caller) -> None:
    put(s3, {"Status": "Enabled", "Prefix": "", "Expiration": {"Days": 1}})
    (found,) = s3.get_bucket_lifecycle_configuration(Bucket="ward")["Rules"]
    assert len(found["ID"]) == 48


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({}, "InvalidRequest"),
        ({"Expiration": {"Days": 0}}, "InvalidArgument"),
        ({"Expiration": {"Days": 1, "Date": DATE}}, "MalformedXML"),
        ({"Expiration": {}}, "MalformedXML"),
        ({"Expiration": {"Date": DATE.replace(hour=1)}}, "InvalidArgument"),
        ({"Expiration": {"Days": 1}, "Status": "On"}, "MalformedXML"),
        ({"Expiration": {"Days": 1}, "Prefix": "a"}, "MalformedXML"),
        ({"Expiration": {"Days": 1}, "ID": "x" * 256}, "InvalidArgument"),
        ({"Expiration": {"Days": 1}, "Filter": {"Prefix": "a", "Tag": TAG}}, "MalformedXML"),
        ({"Expiration": {"Days": 1}, "Filter": {"And": {"Prefix": "a"}}}, "MalformedXML"),
        ({"Expiration": {"Days": 1}, "Filter": {"Tag": {"Key": "", "Value": ""}}}, "InvalidTag"),
        ({"Expiration": {"Days": 1}, "Filter": {"ObjectSizeLessThan": 0}}, "InvalidRequest"),
        (
            {"Expiration": {"Days": 1}, "Filter": {"And": {"ObjectSizeGreaterThan": 9, "ObjectSizeLessThan": 9}}},
            "InvalidRequest",
        ),
        ({"Expiration": {"ExpiredObjectDeleteMarker": True}, "Filter": {"Tag": TAG}}, "InvalidRequest"),
        ({"AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 1}, "Filter": {"Tag": TAG}}, "InvalidRequest"),
        ({"AbortIncompleteMultipartUpload": {}}, "MalformedXML"),
        ({"NoncurrentVersionExpiration": {"NoncurrentDays": 1, "NewerNoncurrentVersions": 101}}, "InvalidArgument"),
    ],
)
def test_what_is_no_rule(s3: Caller, given: dict[str, Any], code: str) -> None:
    def call(**_: Any) -> None:
        put(s3, rule(**given))

    refused(call, code)
    refused(s3.get_bucket_lifecycle_configuration, "NoSuchLifecycleConfiguration", Bucket="ward")


def test_two_rules_of_one_name_and_none_at_all(s3: Caller) -> None:
    same = rule(Expiration={"Days": 1})
    refused(lambda: put(s3, same, same), "InvalidArgument")
    refused(lambda: put(s3), "MalformedXML")


def test_transitions_are_not_promised(s3: Caller) -> None:
    with pytest.raises(NotServed, match="Transitions"):
        put(s3, rule(Transitions=[{"Days": 1, "StorageClass": "GLACIER"}]))


def test_answers_say_when_an_object_expires(s3: Caller) -> None:
    put(s3, rule(ID="a rule", Expiration={"Date": DATE}, Filter={"Prefix": "logs/"}))
    said = 'expiry-date="Tue, 01 Jan 2030 00:00:00 GMT", rule-id="a+rule"'
    assert s3.put_object(Bucket="ward", Key="logs/a", Body=b"x")["Expiration"] == said
    assert s3.head_object(Bucket="ward", Key="logs/a")["Expiration"] == said
    assert s3.copy_object(Bucket="ward", Key="logs/b", CopySource="ward/logs/a")["Expiration"] == said
    assert "Expiration" not in s3.put_object(Bucket="ward", Key="data/a", Body=b"x")


def test_answers_say_when_an_upload_is_aborted(s3: Caller) -> None:
    put(s3, rule(AbortIncompleteMultipartUpload={"DaysAfterInitiation": 1}))
    begun = s3.create_multipart_upload(Bucket="ward", Key="a")
    assert begun["AbortRuleId"] == "r"
    assert begun["AbortDate"] > datetime.now(UTC)
    parts = s3.list_parts(Bucket="ward", Key="a", UploadId=begun["UploadId"])
    assert parts["AbortDate"] == begun["AbortDate"]
