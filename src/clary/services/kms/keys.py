"""Keys: made, described, listed, enabled, disabled, and deleted once a time to think it over is past."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from clary.context import Context
from clary.encryption_keys import DISABLED, ENABLED, PENDING_DELETION, invalid_state
from clary.errors import NotServed, ValidationException
from clary.services import operation
from clary.services.kms import policies, tags
from clary.services.kms.lists import page
from clary.services.kms.own_keys import change
from clary.store.base import Record

_SPEC, _USAGE = "SYMMETRIC_DEFAULT", "ENCRYPT_DECRYPT"
_WINDOW, _SHORTEST, _LONGEST = 30, 7, 30  # days to think a deletion over
_NOT_SERVED = ("CustomKeyStoreId", "XksKeyId", "MultiRegion")


@operation
def create_key(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    _check_kind(request)
    policies.check(context, request.get("Policy"))
    key = context.encryption_keys.create(
        context.region, description=request.get("Description", ""), tags=tags.merge([], request.get("Tags", []))
    )
    return {"KeyMetadata": _metadata(context, key)}


@operation
def describe_key(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    return {"KeyMetadata": _metadata(context, context.encryption_keys.find(context.region, request["KeyId"]))}


@operation
def list_keys(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    own = "SELF" in request.get("ResourceOwners", ["SELF"])
    keys = context.encryption_keys.all(context.region) if own else ()
    shown, more = page(keys, lambda key: key.name, request, size=100)
    return {"Keys": [{"KeyId": key.name, "KeyArn": key.arn} for key in shown], **more}


@operation
def enable_key(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    change(context, request, lambda key: replace(key, status=ENABLED))
    return {}


@operation
def disable_key(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    change(context, request, lambda key: replace(key, status=DISABLED))
    return {}


@operation
def update_key_description(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    text = request["Description"]
    change(context, request, lambda key: replace(key, body={**key.body, "Description": text}))
    return {}


@operation
def schedule_key_deletion(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    days = request.get("PendingWindowInDays", _WINDOW)
    if not _SHORTEST <= days <= _LONGEST:
        raise ValidationException(f"PendingWindowInDays is {days}; it takes {_SHORTEST} to {_LONGEST} days.")
    end = context.now() + timedelta(days=days)
    told = {"DeletionDate": end.isoformat(), "PendingDeletionWindowInDays": days}
    key = change(context, request, lambda key: replace(key, status=PENDING_DELETION, body={**key.body, **told}))
    return {"KeyId": key.arn, "DeletionDate": end, "KeyState": PENDING_DELETION, "PendingWindowInDays": days}


@operation
def cancel_key_deletion(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    def save(key: Record) -> Record:
        if key.status != PENDING_DELETION:
            raise invalid_state(f"{key.arn} is not pending deletion.")
        left = {n: v for n, v in key.body.items() if n not in {"DeletionDate", "PendingDeletionWindowInDays"}}
        return replace(key, status=DISABLED, body=left)

    return {"KeyId": change(context, request, save, pending=True).arn}


def _check_kind(request: dict[str, Any]) -> None:
    spec = request.get("KeySpec", request.get("CustomerMasterKeySpec", _SPEC))
    if request.get("CustomerMasterKeySpec", spec) != spec:
        raise ValidationException("KeySpec and CustomerMasterKeySpec differ; give KeySpec alone.")
    usage, origin = request.get("KeyUsage", _USAGE), request.get("Origin", "AWS_KMS")
    if spec != _SPEC or usage != _USAGE:
        raise NotServed(
            f"Clary's KMS has no keys of KeySpec {spec} for {usage}: it has {_SPEC} for {_USAGE}. Make others with a "
            "library, as cryptography."
        )
    if origin != "AWS_KMS":
        raise NotServed(f"Clary's KMS makes the material of its keys itself: Origin {origin} is not served.")
    for name in _NOT_SERVED:
        if request.get(name):
            raise NotServed(f"Clary's KMS does not serve {name}: leave it away.")


def _metadata(context: Context, key: Record) -> dict[str, Any]:
    shown = {
        "AWSAccountId": context.account,
        "KeyId": key.name,
        "Arn": key.arn,
        "CreationDate": key.created,
        "Enabled": key.status == ENABLED,
        "Description": key.body["Description"],
        "KeyUsage": _USAGE,
        "KeyState": key.status,
        "Origin": "AWS_KMS",
        "KeyManager": key.body["KeyManager"],
        "CustomerMasterKeySpec": _SPEC,
        "KeySpec": _SPEC,
        "EncryptionAlgorithms": [_SPEC],
        "MultiRegion": False,
        "CurrentKeyMaterialId": key.body["CurrentKeyMaterialId"],
    }
    if key.status == PENDING_DELETION:  # the window is told of multi-region keys alone
        shown["DeletionDate"] = datetime.fromisoformat(key.body["DeletionDate"])
    return shown
