"""What a bucket is asked about by tools that look before they act: each answer is what holds of Clary's buckets.

There are no access lists but the owner's and no events, and nothing is public.
A setting that says just that can be put; any other is refused.
"""

from __future__ import annotations

from typing import Any

from clary.context import Context
from clary.errors import NotServed, ServiceError
from clary.services import operation
from clary.services.s3.access import OWNER, check_served, open_bucket
from clary.services.s3.errors import MalformedXML
from clary.services.s3.objects import find

_FULL_CONTROL = {
    "Owner": OWNER,
    "Grants": [{"Grantee": {"Type": "CanonicalUser", **OWNER}, "Permission": "FULL_CONTROL"}],
}
_BLOCKS = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")
_OWNER_ALONE = "BucketOwnerEnforced"


@operation
def get_bucket_acl(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    open_bucket(context, request)
    return _FULL_CONTROL


@operation
def put_bucket_acl(context: Context, request: dict[str, Any]) -> None:
    open_bucket(context, request)
    _check_acl(request)


@operation
def get_object_acl(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    find(context, request)
    return _FULL_CONTROL


@operation
def put_object_acl(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    find(context, request)
    _check_acl(request)
    return {}


@operation
def get_bucket_ownership_controls(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    open_bucket(context, request)
    return {"OwnershipControls": {"Rules": [{"ObjectOwnership": _OWNER_ALONE}]}}


@operation
def put_bucket_ownership_controls(context: Context, request: dict[str, Any]) -> None:
    open_bucket(context, request)
    rules = request["OwnershipControls"].get("Rules") or []
    if len(rules) != 1 or "ObjectOwnership" not in rules[0]:
        raise MalformedXML
    if (wanted := rules[0]["ObjectOwnership"]) != _OWNER_ALONE:
        raise NotServed(f"Clary's buckets belong to their owner alone: ObjectOwnership {_OWNER_ALONE}, not {wanted}.")


@operation
def get_public_access_block(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    open_bucket(context, request)
    return {"PublicAccessBlockConfiguration": dict.fromkeys(_BLOCKS, True)}


@operation
def put_public_access_block(context: Context, request: dict[str, Any]) -> None:
    """Nothing is public here, so all that can be asked for is that it stays so."""
    open_bucket(context, request)
    wanted = request["PublicAccessBlockConfiguration"]
    if open_ones := [name for name in _BLOCKS if not wanted.get(name, False)]:
        raise NotServed(f"Clary's buckets cannot be made public: {', '.join(open_ones)} must be true.")


@operation
def put_bucket_notification_configuration(context: Context, request: dict[str, Any]) -> None:
    open_bucket(context, request)
    if wanted := [name for name in request["NotificationConfiguration"] if name != "EventBridgeConfiguration"]:
        raise NotServed(f"Clary does not send notifications of buckets yet ({', '.join(wanted)}).")
    if "EventBridgeConfiguration" in request["NotificationConfiguration"]:
        raise NotServed("Clary does not send notifications of buckets to EventBridge yet.")


@operation
def get_bucket_notification_configuration(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    open_bucket(context, request)
    return {}


@operation
def get_bucket_request_payment(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    open_bucket(context, request)
    return {"Payer": "BucketOwner"}


@operation
def get_bucket_accelerate_configuration(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    open_bucket(context, request)
    return {}


@operation
def get_bucket_logging(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    open_bucket(context, request)
    return {}


@operation
def get_bucket_website(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    raise _none(
        context,
        request,
        "NoSuchWebsiteConfiguration",
        "The specified bucket does not have a website configuration",
    )


@operation
def get_bucket_replication(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    raise _none(
        context,
        request,
        "ReplicationConfigurationNotFoundError",
        "The replication configuration was not found",
    )


@operation
def get_object_lock_configuration(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    raise _none(
        context,
        request,
        "ObjectLockConfigurationNotFoundError",
        "Object Lock configuration does not exist for this bucket",
    )


def _check_acl(request: dict[str, Any]) -> None:
    """Only the list that holds in any case is taken: full control for the owner."""
    check_served(request)
    policy = request.get("AccessControlPolicy")
    if policy is None:
        if "ACL" not in request:
            raise ServiceError("Your request was missing a required header", code="MissingSecurityHeader")
        return
    grants = [(grant.get("Grantee", {}).get("ID"), grant.get("Permission")) for grant in policy.get("Grants", [])]
    if grants != [(OWNER["ID"], "FULL_CONTROL")]:
        check_served({"GrantRead": ""})


def _none(context: Context, request: dict[str, Any], code: str, message: str) -> ServiceError:
    bucket = open_bucket(context, request)
    return ServiceError(message, code=code, status=404, BucketName=bucket.name)
