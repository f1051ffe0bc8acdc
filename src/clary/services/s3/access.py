"""Who may ask for a bucket, and which forms of a request are served."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from clary.context import ACCOUNT, Context
from clary.errors import NotServed, ServiceError
from clary.services.s3.errors import InvalidArgument, KeyTooLong
from clary.store.buckets import NEVER, Bucket
from clary.store.keys import NULL

OWNER = {"ID": "c1a4" + ACCOUNT * 5}
"""The canonical user that owns every bucket and object: 64 hex digits, as S3 names users."""

# Keys that come with the request (SSE-C). Those of KMS are served: clary.services.s3.encryption.
_CUSTOMER_KEYS = (
    "SSECustomerAlgorithm SSECustomerKey SSECustomerKeyMD5"
    " CopySourceSSECustomerAlgorithm CopySourceSSECustomerKey CopySourceSSECustomerKeyMD5"
).split()
_GRANTS = "GrantFullControl GrantRead GrantReadACP GrantWrite GrantWriteACP".split()
_OTHER = (
    "SSEKMSEncryptionContext"
    " WebsiteRedirectLocation WriteOffsetBytes ObjectLockMode ObjectLockRetainUntilDate ObjectLockLegalHoldStatus"
    " ObjectLockEventHold ObjectLockEventHoldDurationDays ObjectLockEventHoldDurationYears MFA"
    " IfMatchLastModifiedTime IfMatchSize IfMatchInitiatedTime AnnotationDirective"
).split()
_VERSION = re.compile(r"[0-9A-Za-z]{32}")
# Classes whose promise (there at once, by the same calls) a local disk keeps.
_CLASSES = ("STANDARD", "REDUCED_REDUNDANCY", "STANDARD_IA", "ONEZONE_IA", "INTELLIGENT_TIERING", "GLACIER_IR")


def open_bucket(context: Context, request: Mapping[str, Any]) -> Bucket:
    """The bucket of the request. ``NoSuchBucket``; ``AccessDenied`` if the caller expects another owner."""
    check_owner(request.get("ExpectedBucketOwner"))
    return context.buckets.bucket(request["Bucket"])


def check_owner(expected: str | None) -> None:
    if expected is None or expected == ACCOUNT:
        return
    if not re.fullmatch(r"\d{12}", expected):
        raise ServiceError(
            "The value of the expected bucket owner parameter must be an AWS account ID",
            code="InvalidBucketOwnerAWSAccountID",
        )
    raise ServiceError("Access Denied", code="AccessDenied", status=403)


def check_served(request: Mapping[str, Any]) -> None:
    """``NotServed`` for what would otherwise be promised and not kept."""
    for name in _CUSTOMER_KEYS:
        if name in request:
            raise NotServed(
                f"Clary does not encrypt with a key that comes with the request ({name}): ask for "
                "ServerSideEncryption aws:kms, with a key of KMS."
            )
    for name in _OTHER:
        if name in request:
            raise NotServed(f"Clary does not serve {name}.")
    if (kind := request.get("StorageClass", "STANDARD")) not in _CLASSES:
        raise NotServed(f"Clary has no storage class {kind}; it has {', '.join(_CLASSES)}, all on the same disk.")
    # As S3 answers since its buckets belong to their owner alone, which Clary's do.
    if any(name in request for name in _GRANTS) or request.get("ACL", "private") not in {
        "private",
        "bucket-owner-full-control",
    }:
        raise ServiceError("The bucket does not allow ACLs", code="AccessControlListNotSupported")


def named_version(request: Mapping[str, Any]) -> str:
    """The version that is asked for, "" for the current one; ``InvalidArgument`` if there can be none such."""
    version = request.get("VersionId")
    if version is None:
        return ""
    if version == "":
        raise InvalidArgument("Version id cannot be the empty string", "versionId", version)
    if version != NULL and not _VERSION.fullmatch(version):
        raise InvalidArgument("Invalid version id specified", "versionId", version)
    return str(version)


def shown_version(bucket: Bucket, version: str) -> str | None:
    """What an answer calls it: nothing where the bucket never kept versions."""
    return None if bucket.versioning == NEVER else version


def check_key(key: str) -> str:
    if (size := len(key.encode())) > 1024:
        raise KeyTooLong(size)
    return key


def seconds(at: datetime) -> datetime:
    """S3's times of objects are whole seconds."""
    return at.replace(microsecond=0)
