"""Buckets through boto3, and their settings as tools ask for them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.conftest import Studio
from tests.waiting import until


@pytest.fixture(autouse=True)
def empty(boto: Callable[..., Any]) -> Iterator[None]:
    yield
    s3 = boto("s3")
    for bucket in s3.list_buckets()["Buckets"]:
        for item in s3.list_objects_v2(Bucket=bucket["Name"]).get("Contents", []):
            s3.delete_object(Bucket=bucket["Name"], Key=item["Key"])
        s3.delete_bucket(Bucket=bucket["Name"])


def code(error: pytest.ExceptionInfo[ClientError]) -> tuple[str, int]:
    answer = error.value.response
    return answer["Error"]["Code"], answer["ResponseMetadata"]["HTTPStatusCode"]


def test_create_find_delete(boto: Callable[..., Any]) -> None:
    s3 = boto("s3")
    assert s3.create_bucket(Bucket="ward")["Location"] == "/ward"
    s3.create_bucket(Bucket="ward")
    s3.get_waiter("bucket_exists").wait(Bucket="ward", WaiterConfig={"Delay": 1, "MaxAttempts": 1})
    head = s3.head_bucket(Bucket="ward", ExpectedBucketOwner="000000000000")
    assert (head["BucketRegion"], head["AccessPointAlias"]) == ("us-east-1", False)
    listed = s3.list_buckets()
    assert [bucket["Name"] for bucket in listed["Buckets"]] == ["ward"]
    assert listed["Buckets"][0]["BucketArn"] == "arn:aws:s3:::ward"
    s3.put_object(Bucket="ward", Key="a", Body=b"")
    with pytest.raises(ClientError) as error:
        s3.delete_bucket(Bucket="ward")
    assert code(error) == ("BucketNotEmpty", 409)
    s3.delete_object(Bucket="ward", Key="a")
    s3.delete_bucket(Bucket="ward")
    with pytest.raises(ClientError) as error:
        s3.head_bucket(Bucket="ward")
    assert code(error) == ("404", 404)


def test_regions(boto: Callable[..., Any]) -> None:
    home, west = boto("s3"), boto("s3", region_name="eu-west-1")
    with pytest.raises(ClientError) as error:
        west.create_bucket(Bucket="abroad")
    assert code(error) == ("IllegalLocationConstraintException", 400)
    there = {"LocationConstraint": "eu-west-1"}
    west.create_bucket(Bucket="abroad", CreateBucketConfiguration=there)
    with pytest.raises(west.exceptions.BucketAlreadyOwnedByYou):
        west.create_bucket(Bucket="abroad", CreateBucketConfiguration=there)
    assert home.get_bucket_location(Bucket="abroad")["LocationConstraint"] == "eu-west-1"
    home.put_object(Bucket="abroad", Key="a", Body=b"from anywhere")
    assert west.get_object(Bucket="abroad", Key="a")["Body"].read() == b"from anywhere"
    home.create_bucket(Bucket="ward")
    assert home.get_bucket_location(Bucket="ward")["LocationConstraint"] is None


@pytest.mark.parametrize("name", ["ab", "Ward", "a_b", "192.168.0.1", "a" * 64])
def test_bad_names(boto: Callable[..., Any], name: str) -> None:
    with pytest.raises(ClientError) as error:
        boto("s3").create_bucket(Bucket=name)
    assert code(error) == ("InvalidBucketName", 400)


def test_another_owner_is_expected(boto: Callable[..., Any]) -> None:
    s3 = boto("s3")
    s3.create_bucket(Bucket="ward")
    with pytest.raises(ClientError) as error:
        s3.head_bucket(Bucket="ward", ExpectedBucketOwner="123456789012")
    assert code(error) == ("403", 403)
    with pytest.raises(ClientError) as error:
        s3.list_objects_v2(Bucket="ward", ExpectedBucketOwner="123456789012")
    assert code(error) == ("AccessDenied", 403)


def test_settings_tell_what_holds(boto: Callable[..., Any]) -> None:
    s3 = boto("s3")
    s3.create_bucket(Bucket="ward")
    assert "Status" not in s3.get_bucket_versioning(Bucket="ward")
    assert s3.get_bucket_acl(Bucket="ward")["Grants"][0]["Permission"] == "FULL_CONTROL"
    controls = s3.get_bucket_ownership_controls(Bucket="ward")["OwnershipControls"]
    assert controls == {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}
    for call, expected in [
        (s3.get_bucket_policy, "NoSuchBucketPolicy"),
        (s3.get_bucket_lifecycle_configuration, "NoSuchLifecycleConfiguration"),
        (s3.get_bucket_tagging, "NoSuchTagSet"),
        (s3.get_bucket_website, "NoSuchWebsiteConfiguration"),
        (s3.get_bucket_replication, "ReplicationConfigurationNotFoundError"),
        (s3.get_object_lock_configuration, "ObjectLockConfigurationNotFoundError"),
    ]:
        with pytest.raises(ClientError) as error:
            call(Bucket="ward")
        assert code(error) == (expected, 404)
    assert s3.get_bucket_request_payment(Bucket="ward")["Payer"] == "BucketOwner"
    assert "LoggingEnabled" not in s3.get_bucket_logging(Bucket="ward")
    assert set(s3.get_public_access_block(Bucket="ward")["PublicAccessBlockConfiguration"].values()) == {True}


def test_a_setting_that_holds_can_be_put_and_no_other(boto: Callable[..., Any]) -> None:
    s3 = boto("s3")
    s3.create_bucket(Bucket="ward")
    blocks = dict.fromkeys(["BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets"], True)
    s3.put_public_access_block(Bucket="ward", PublicAccessBlockConfiguration=blocks)
    s3.put_bucket_ownership_controls(
        Bucket="ward", OwnershipControls={"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}
    )
    s3.put_bucket_acl(Bucket="ward", ACL="private")
    acl = s3.get_bucket_acl(Bucket="ward")
    s3.put_bucket_acl(Bucket="ward", AccessControlPolicy={"Grants": acl["Grants"], "Owner": acl["Owner"]})
    s3.put_bucket_notification_configuration(Bucket="ward", NotificationConfiguration={})
    s3.put_object(Bucket="ward", Key="a", Body=b"x")
    s3.put_object_acl(Bucket="ward", Key="a", ACL="bucket-owner-full-control")
    with pytest.raises(ClientError) as error:
        s3.put_object_acl(Bucket="ward", Key="a", ACL="public-read")
    assert code(error) == ("AccessControlListNotSupported", 400)
    with pytest.raises(ClientError) as error:
        s3.put_bucket_acl(Bucket="ward")
    assert code(error) == ("MissingSecurityHeader", 400)
    queue = {"QueueArn": "arn:aws:sqs:us-east-1:000000000000:q", "Events": ["s3:ObjectCreated:*"]}
    refused = [
        (s3.put_public_access_block, {"PublicAccessBlockConfiguration": {**blocks, "BlockPublicPolicy": False}}),
        (
            s3.put_bucket_ownership_controls,
            {"OwnershipControls": {"Rules": [{"ObjectOwnership": "ObjectWriter"}]}},
        ),
        (s3.put_bucket_notification_configuration, {"NotificationConfiguration": {"QueueConfigurations": [queue]}}),
        (s3.put_bucket_website, {"WebsiteConfiguration": {"IndexDocument": {"Suffix": "index.html"}}}),
        (s3.put_bucket_logging, {"BucketLoggingStatus": {}}),
        (s3.put_object_lock_configuration, {"ObjectLockConfiguration": {"ObjectLockEnabled": "Enabled"}}),
    ]
    for call, given in refused:
        with pytest.raises(ClientError) as error:
            call(Bucket="ward", **given)
        assert code(error) == ("NotImplemented", 501)


def test_a_lifecycle_rule_takes_what_is_due(boto: Callable[..., Any]) -> None:
    s3 = boto("s3")
    s3.create_bucket(Bucket="expiring")
    for key in ("old/a", "old/b", "kept"):
        s3.put_object(Bucket="expiring", Key=key, Body=b"x")
    rule = {
        "ID": "past",
        "Status": "Enabled",
        "Filter": {"Prefix": "old/"},
        "Expiration": {"Date": datetime(2020, 1, 1, tzinfo=UTC)},
    }
    s3.put_bucket_lifecycle_configuration(Bucket="expiring", LifecycleConfiguration={"Rules": [rule]})
    assert s3.get_bucket_lifecycle_configuration(Bucket="expiring")["Rules"] == [rule]
    until(lambda: s3.list_objects_v2(Bucket="expiring")["KeyCount"] <= 1)
    assert s3.list_objects_v2(Bucket="expiring")["Contents"][0]["Key"] == "kept"
    s3.delete_bucket_lifecycle(Bucket="expiring")


def test_tags(boto: Callable[..., Any]) -> None:
    s3 = boto("s3")
    s3.create_bucket(Bucket="ward")
    tags = [{"Key": "unit", "Value": "icu"}, {"Key": "ä b", "Value": ""}]
    s3.put_bucket_tagging(Bucket="ward", Tagging={"TagSet": tags})
    assert s3.get_bucket_tagging(Bucket="ward")["TagSet"] == tags
    s3.delete_bucket_tagging(Bucket="ward")


def test_the_resource_interface(boto: Callable[..., Any], studio: Studio) -> None:
    """boto3.resource, as older notebooks use it."""
    import boto3

    keys = json.loads((studio.data / "keys.json").read_text())
    s3 = boto3.resource(
        "s3",
        endpoint_url=studio.url,
        region_name="us-east-1",
        aws_access_key_id=keys["AccessKeyId"],
        aws_secret_access_key=keys["SecretAccessKey"],
    )
    bucket = s3.create_bucket(Bucket="ward")
    bucket.put_object(Key="a/b", Body=b"x")
    bucket.put_object(Key="a/c", Body=b"y")
    assert [item.key for item in bucket.objects.filter(Prefix="a/")] == ["a/b", "a/c"]
    assert bucket.creation_date is not None
    bucket.objects.all().delete()
    assert list(bucket.objects.all()) == []
    bucket.delete()
    s3.meta.client.close()
