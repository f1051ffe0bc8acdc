"""What a bucket is asked about by tools that look before they act: each answer is what holds of Clary's buckets.

There are no access lists but the owner's, no policies, rules or events, and nothing is encrypted.
"""

from __future__ import annotations

from typing import Any

from clary.context import Context
from clary.errors import ServiceError
from clary.services import operation
from clary.services.s3.access import OWNER, open_bucket
from clary.services.s3.objects import find

_FULL_CONTROL = {
    "Owner": OWNER,
    "Grants": [{"Grantee": {"Type": "CanonicalUser", **OWNER}, "Permission": "FULL_CONTROL"}],
}


@operation
def get_bucket_acl(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    open_bucket(context, request)
    return _FULL_CONTROL


@operation
def get_object_acl(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    find(context, request)
    return _FULL_CONTROL


@operation
def get_bucket_ownership_controls(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    open_bucket(context, request)
    return {"OwnershipControls": {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}}


@operation
def get_bucket_encryption(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    raise _none(
        context,
        request,
        "ServerSideEncryptionConfigurationNotFoundError",
        "The server side encryption configuration was not found",
    )


@operation
def get_bucket_policy(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    raise _none(context, request, "NoSuchBucketPolicy", "The bucket policy does not exist")


@operation
def get_bucket_policy_status(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    raise _none(context, request, "NoSuchBucketPolicy", "The bucket policy does not exist")


@operation
def get_bucket_lifecycle_configuration(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    raise _none(context, request, "NoSuchLifecycleConfiguration", "The lifecycle configuration does not exist")


@operation
def get_bucket_cors(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    raise _none(context, request, "NoSuchCORSConfiguration", "The CORS configuration does not exist")


@operation
def get_public_access_block(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    raise _none(
        context,
        request,
        "NoSuchPublicAccessBlockConfiguration",
        "The public access block configuration was not found",
    )


@operation
def get_bucket_notification_configuration(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    open_bucket(context, request)
    return {}


def _none(context: Context, request: dict[str, Any], code: str, message: str) -> ServiceError:
    bucket = open_bucket(context, request)
    return ServiceError(message, code=code, status=404, BucketName=bucket.name)
