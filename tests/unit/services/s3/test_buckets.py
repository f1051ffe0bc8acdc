"""Buckets: create, find, list, delete, tags."""

from __future__ import annotations

from typing import Any

import pytest

from clary.errors import NotServed, ServiceError
from tests.unit.services.s3.conftest import Caller
from tests.unit.services.s3.test_objects import refused


def test_create_again_is_harmless_in_us_east_1_alone(s3: Caller) -> None:
    assert s3.create_bucket(Bucket="new-one") == {"Location": "/new-one", "BucketArn": "arn:aws:s3:::new-one"}
    s3.put_object(Bucket="new-one", Key="a", Body=b"x")
    s3.create_bucket(Bucket="new-one")
    assert s3.content(Bucket="new-one", Key="a") == b"x"
    abroad = {"Bucket": "new-one", "CreateBucketConfiguration": {"LocationConstraint": "eu-west-1"}}
    assert refused(s3.at("eu-west-1").create_bucket, "BucketAlreadyOwnedByYou", **abroad).status == 409


def test_the_region(s3: Caller) -> None:
    west = s3.at("eu-west-1")
    refused(west.create_bucket, "IllegalLocationConstraintException", Bucket="abroad")
    other = {"LocationConstraint": "eu-central-1"}
    refused(west.create_bucket, "IllegalLocationConstraintException", Bucket="abroad", CreateBucketConfiguration=other)
    home = {"LocationConstraint": "us-east-1"}
    refused(s3.create_bucket, "InvalidLocationConstraint", Bucket="abroad", CreateBucketConfiguration=home)
    west.create_bucket(Bucket="abroad", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    assert s3.get_bucket_location(Bucket="abroad") == {"LocationConstraint": "eu-west-1"}
    assert s3.get_bucket_location(Bucket="ward") == {}
    assert s3.head_bucket(Bucket="abroad")["BucketRegion"] == "eu-west-1"


@pytest.mark.parametrize(
    "name",
    [
        "ab",
        "a" * 64,
        "Ward",
        "a_b",
        "-ab",
        "ab-",
        "a..b",
        "192.168.0.1",
        "xn--a",
        "a-s3alias",
        "v20180820",
        "ä" * 3,
        "_",
    ],
)
def test_a_bad_name(s3: Caller, name: str) -> None:
    error = refused(s3.create_bucket, "InvalidBucketName", Bucket=name)
    assert (error.message, error.status) == ("The specified bucket is not valid.", 400)


def test_list(s3: Caller) -> None:
    s3.create_bucket(Bucket="alpha")
    west = {"LocationConstraint": "eu-west-1"}
    s3.create_bucket(Bucket="beta", CreateBucketConfiguration=west)

    def names(**request: Any) -> list[str]:
        return [bucket["Name"] for bucket in s3.list_buckets(**request)["Buckets"]]

    assert names() == ["alpha", "beta", "ward"]
    assert names(Prefix="b") == names(BucketRegion="eu-west-1") == ["beta"]
    page = s3.list_buckets(MaxBuckets=2)
    assert [bucket["Name"] for bucket in page["Buckets"]] == ["alpha", "beta"]
    assert names(MaxBuckets=2, ContinuationToken=page["ContinuationToken"]) == ["ward"]
    assert "ContinuationToken" not in s3.list_buckets(MaxBuckets=3)
    assert len(s3.list_buckets()["Owner"]["ID"]) == 64


def test_delete_only_when_empty(s3: Caller) -> None:
    s3.put_object(Bucket="ward", Key="a", Body=b"x")
    assert refused(s3.delete_bucket, "BucketNotEmpty", Bucket="ward").status == 409
    s3.delete_object(Bucket="ward", Key="a")
    s3.create_multipart_upload(Bucket="ward", Key="unfinished")
    s3.delete_bucket(Bucket="ward")
    refused(s3.head_bucket, "NoSuchBucket", Bucket="ward")
    s3.create_bucket(Bucket="ward")
    assert s3.list_multipart_uploads(Bucket="ward")["Uploads"] == []


def test_the_expected_owner(s3: Caller) -> None:
    s3.head_bucket(Bucket="ward", ExpectedBucketOwner="000000000000")
    assert refused(s3.head_bucket, "AccessDenied", Bucket="ward", ExpectedBucketOwner="123456789012").status == 403


def test_tags(s3: Caller) -> None:
    assert refused(s3.get_bucket_tagging, "NoSuchTagSet", Bucket="ward").status == 404
    tags = [{"Key": "unit", "Value": "icu"}]
    s3.put_bucket_tagging(Bucket="ward", Tagging={"TagSet": tags})
    assert s3.get_bucket_tagging(Bucket="ward") == {"TagSet": tags}
    s3.delete_bucket_tagging(Bucket="ward")
    refused(s3.get_bucket_tagging, "NoSuchTagSet", Bucket="ward")


def test_what_buckets_do_not_have(s3: Caller) -> None:
    assert s3.get_bucket_versioning(Bucket="ward") == {}
    assert s3.get_bucket_acl(Bucket="ward")["Grants"][0]["Permission"] == "FULL_CONTROL"
    for call, code in [
        (s3.get_bucket_policy, "NoSuchBucketPolicy"),
        (s3.get_bucket_encryption, "ServerSideEncryptionConfigurationNotFoundError"),
    ]:
        assert refused(call, code, Bucket="ward").status == 404
        refused(call, "NoSuchBucket", Bucket="nowhere")


@pytest.mark.parametrize(
    "given", [{"ObjectLockEnabledForBucket": True}, {"CreateBucketConfiguration": {"Bucket": {"Type": "Directory"}}}]
)
def test_other_kinds_of_buckets_are_not_promised(s3: Caller, given: dict[str, Any]) -> None:
    with pytest.raises(NotServed):
        s3.create_bucket(Bucket="special", **given)
    with pytest.raises(ServiceError):
        s3.head_bucket(Bucket="special")
