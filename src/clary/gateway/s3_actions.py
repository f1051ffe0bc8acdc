"""Which actions of IAM a call of S3 is: they have names of their own, and an object's version has others."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import unquote

# Operation → action, where it is not the operation's own name.
_RENAMED = {
    "ListBuckets": "ListAllMyBuckets",
    "HeadBucket": "ListBucket",
    "ListObjects": "ListBucket",
    "ListObjectsV2": "ListBucket",
    "ListObjectVersions": "ListBucketVersions",
    "ListMultipartUploads": "ListBucketMultipartUploads",
    "ListParts": "ListMultipartUploadParts",
    "HeadObject": "GetObject",
    "SelectObjectContent": "GetObject",
    "CopyObject": "PutObject",
    "CreateMultipartUpload": "PutObject",
    "UploadPart": "PutObject",
    "UploadPartCopy": "PutObject",
    "CompleteMultipartUpload": "PutObject",
    "DeleteObjects": "DeleteObject",
    "GetObjectLockConfiguration": "GetBucketObjectLockConfiguration",
    "PutObjectLockConfiguration": "PutBucketObjectLockConfiguration",
    "DeleteBucketTagging": "PutBucketTagging",
    "DeleteBucketOwnershipControls": "PutBucketOwnershipControls",
    "GetPublicAccessBlock": "GetBucketPublicAccessBlock",
    "PutPublicAccessBlock": "PutBucketPublicAccessBlock",
    "DeletePublicAccessBlock": "PutBucketPublicAccessBlock",
}
# A bucket's configurations: Get, Put and Delete are two actions, of this name.
_CONFIGURATIONS = {
    "Lifecycle": "LifecycleConfiguration",
    "LifecycleConfiguration": "LifecycleConfiguration",
    "Encryption": "EncryptionConfiguration",
    "Cors": "BucketCORS",
    "Replication": "ReplicationConfiguration",
    "Notification": "BucketNotification",
    "NotificationConfiguration": "BucketNotification",
    "AccelerateConfiguration": "AccelerateConfiguration",
    "AnalyticsConfiguration": "AnalyticsConfiguration",
    "InventoryConfiguration": "InventoryConfiguration",
    "MetricsConfiguration": "MetricsConfiguration",
    "IntelligentTieringConfiguration": "IntelligentTieringConfiguration",
}
_BUCKET_OPERATION = re.compile(r"(Get|Put|Delete|List)Bucket(\w+)")
# Actions on one version have names of their own.
_VERSIONED = {
    "GetObject": "GetObjectVersion",
    "GetObjectAcl": "GetObjectVersionAcl",
    "PutObjectAcl": "PutObjectVersionAcl",
    "GetObjectTagging": "GetObjectVersionTagging",
    "PutObjectTagging": "PutObjectVersionTagging",
    "DeleteObjectTagging": "DeleteObjectVersionTagging",
    "GetObjectAttributes": "GetObjectVersionAttributes",
    "DeleteObject": "DeleteObjectVersion",
}
# Members of a write that are further actions on the object.
_BESIDE = {
    "Tagging": "PutObjectTagging",
    "ACL": "PutObjectAcl",
    "ObjectLockLegalHoldStatus": "PutObjectLegalHold",
    "ObjectLockMode": "PutObjectRetention",
}


def asks(operation: str, request: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The actions with the ARNs that they are on. DeleteObjects asks of each key by itself."""
    bucket, key, version = request.get("Bucket", ""), request.get("Key"), request.get("VersionId", "")
    if operation == "DeleteObjects":
        objects = (request.get("Delete") or {}).get("Objects", [])
        return [_delete(bucket, item) for item in objects] or [("s3:DeleteObject", arn(bucket, "*"))]
    name = _name(operation)
    found = [(_at(name, version), arn(bucket, key))]
    if operation == "GetObjectAttributes":
        found.insert(0, (_at("GetObject", version), arn(bucket, key)))
    if name == "PutObject" and operation in {"PutObject", "CopyObject", "CreateMultipartUpload"}:
        found += [(f"s3:{beside}", arn(bucket, key)) for member, beside in _BESIDE.items() if request.get(member)]
    return [*found, *_source(request)]


def delete_of(bucket: str, item: Mapping[str, Any]) -> tuple[str, str]:
    """What the deletion of one of DeleteObjects' objects needs."""
    return _delete(bucket, item)


def arn(bucket: str, key: str | None = None) -> str:
    if not bucket:
        return "*"
    return f"arn:aws:s3:::{bucket}" if key is None else f"arn:aws:s3:::{bucket}/{key}"


def _delete(bucket: str, item: Mapping[str, Any]) -> tuple[str, str]:
    return _at("DeleteObject", item.get("VersionId", "")), arn(bucket, item.get("Key", ""))


def _at(name: str, version: str) -> str:
    return f"s3:{_VERSIONED.get(name, name) if version else name}"


def _name(operation: str) -> str:
    if operation in _RENAMED:
        return _RENAMED[operation]
    match = _BUCKET_OPERATION.fullmatch(operation)
    noun = match.group(2) if match is not None else ""
    noun = noun if noun in _CONFIGURATIONS else noun.removesuffix("s")  # ListBucketInventoryConfigurations
    if match is not None and noun in _CONFIGURATIONS:
        verb = "Put" if match.group(1) == "Delete" else "Get" if match.group(1) == "List" else match.group(1)
        return verb + _CONFIGURATIONS[noun]
    return operation


def _source(request: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """What reading the source of a copy needs."""
    source = request.get("CopySource")
    if not isinstance(source, str):
        return
    path, _, query = source.removeprefix("/").partition("?")
    bucket, _, key = unquote(path).partition("/")
    version = query.removeprefix("versionId=") if query.startswith("versionId=") else ""
    yield _at("GetObject", version), arn(bucket, key)
