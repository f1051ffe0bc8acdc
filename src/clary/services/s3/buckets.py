"""Buckets: create, find, list, delete; their tags. Any scope's region sees every bucket."""

from __future__ import annotations

from typing import Any

from clary.context import Context
from clary.errors import NotServed, ServiceError
from clary.services import operation
from clary.services.s3 import bucket_policies
from clary.services.s3.access import OWNER, check_served, open_bucket, seconds
from clary.services.s3.descriptions import check_tags, pairs, tag_set, tags_of_set
from clary.store.buckets import Bucket

HOME = "us-east-1"
"""The region whose name S3 leaves out, for it is older than the notion."""


@operation
def create_bucket(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    check_served(request)
    if request.get("ObjectLockEnabledForBucket"):
        raise NotServed("Clary does not serve object lock.")
    if request.get("ObjectOwnership", "BucketOwnerEnforced") != "BucketOwnerEnforced":
        raise NotServed("Clary's buckets belong to their owner alone: ObjectOwnership BucketOwnerEnforced.")
    settings = request.get("CreateBucketConfiguration") or {}
    if settings.get("Location") or settings.get("Bucket"):
        raise NotServed("Clary does not serve directory buckets.")
    name, region = request["Bucket"], _region(context, settings.get("LocationConstraint"))
    tags = check_tags(pairs(settings.get("Tags", [])), 50)
    if not context.buckets.exists_bucket(name):
        bucket_policies.forget(context, name)  # of a bucket whose deletion a crash cut short
    if not context.buckets.create_bucket(name, region, tags) and context.region != HOME:
        raise ServiceError(
            "Your previous request to create the named bucket succeeded and you already own it.",
            code="BucketAlreadyOwnedByYou",
            status=409,
            BucketName=name,
        )
    return {"Location": f"/{name}", "BucketArn": _arn(name)}


@operation
def head_bucket(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    bucket = open_bucket(context, request)
    return {"BucketRegion": bucket.region, "BucketArn": _arn(bucket.name), "AccessPointAlias": False}


@operation
def list_buckets(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    """Pages only if ``MaxBuckets`` was sent, as S3 does."""
    prefix, after = request.get("Prefix", ""), request.get("ContinuationToken", "")
    most = request.get("MaxBuckets")
    found = [
        bucket
        for bucket in context.buckets.index.all()
        if bucket.name.startswith(prefix)
        and bucket.name > after
        and bucket.region == request.get("BucketRegion", bucket.region)
    ]
    page = found if most is None else found[:most]
    answer: dict[str, Any] = {"Buckets": [_shown(bucket) for bucket in page], "Owner": OWNER}
    if "Prefix" in request:
        answer["Prefix"] = prefix
    if page and len(page) < len(found):
        answer["ContinuationToken"] = page[-1].name
    return answer


@operation
def delete_bucket(context: Context, request: dict[str, Any]) -> None:
    name = open_bucket(context, request).name
    context.buckets.delete_bucket(name)
    bucket_policies.forget(context, name)


@operation
def get_bucket_location(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    region = open_bucket(context, request).region
    return {"LocationConstraint": None if region == HOME else region}


@operation
def get_bucket_tagging(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    bucket = open_bucket(context, request)
    if not bucket.tags:
        raise ServiceError("The TagSet does not exist", code="NoSuchTagSet", status=404, BucketName=bucket.name)
    return {"TagSet": tag_set(bucket.tags)}


@operation
def put_bucket_tagging(context: Context, request: dict[str, Any]) -> None:
    bucket = open_bucket(context, request)
    context.buckets.index.set_tags(bucket.name, tags_of_set(request["Tagging"], 50))


@operation
def delete_bucket_tagging(context: Context, request: dict[str, Any]) -> None:
    context.buckets.index.set_tags(open_bucket(context, request).name, {})


def _region(context: Context, constraint: str | None) -> str:
    """Where the bucket is to be: the region of the call, which the constraint must repeat (but us-east-1)."""
    if constraint is None:
        if context.region == HOME:
            return HOME
        raise _illegal_location("unspecified")
    if constraint == HOME:
        raise ServiceError(
            "The specified location-constraint is not valid",
            code="InvalidLocationConstraint",
            LocationConstraint=constraint,
        )
    region = "eu-west-1" if constraint == "EU" else constraint
    if context.region not in {HOME, region}:
        raise _illegal_location(constraint)
    return region


def _illegal_location(constraint: str) -> ServiceError:
    return ServiceError(
        f"The {constraint} location constraint is incompatible for the region specific endpoint this request was "
        "sent to.",
        code="IllegalLocationConstraintException",
    )


def _arn(name: str) -> str:
    return f"arn:aws:s3:::{name}"


def _shown(bucket: Bucket) -> dict[str, Any]:
    return {
        "Name": bucket.name,
        "CreationDate": seconds(bucket.created),
        "BucketRegion": bucket.region,
        "BucketArn": _arn(bucket.name),
    }
