"""Encrypt, Decrypt and ReEncrypt: up to 4 KiB under a key; a ciphertext names its key itself."""

from __future__ import annotations

from typing import Any

from clary.context import Context
from clary.encryption_keys import Opened, invalid_ciphertext, usable
from clary.errors import NotServed, ServiceError, ValidationException
from clary.services import operation
from clary.services.kms.errors import managed
from clary.store.base import Record

_ALGORITHM = "SYMMETRIC_DEFAULT"


@operation
def encrypt(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    check(request, "EncryptionAlgorithm")
    key = find(context, request["KeyId"])
    stop_dry_run(request)
    sealed = context.encryption_keys.encrypt(key, request["Plaintext"], request.get("EncryptionContext", {}))
    return {"CiphertextBlob": sealed, "KeyId": key.arn, "EncryptionAlgorithm": _ALGORITHM}


@operation
def decrypt(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    check(request, "EncryptionAlgorithm")
    opened = _open(context, request, request.get("KeyId"), request.get("EncryptionContext", {}))
    stop_dry_run(request)
    return {
        "KeyId": opened.key.arn,
        "Plaintext": opened.plaintext,
        "EncryptionAlgorithm": _ALGORITHM,
        "KeyMaterialId": opened.material,
    }


@operation
def re_encrypt(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    check(request, "SourceEncryptionAlgorithm", "DestinationEncryptionAlgorithm")
    opened = _open(context, request, request.get("SourceKeyId"), request.get("SourceEncryptionContext", {}))
    key = find(context, request["DestinationKeyId"])
    stop_dry_run(request)
    bound = request.get("DestinationEncryptionContext", {})
    return {
        "CiphertextBlob": context.encryption_keys.encrypt(key, opened.plaintext, bound),
        "SourceKeyId": opened.key.arn,
        "KeyId": key.arn,
        "SourceEncryptionAlgorithm": _ALGORITHM,
        "DestinationEncryptionAlgorithm": _ALGORITHM,
        "SourceKeyMaterialId": opened.material,
        "DestinationKeyMaterialId": key.body["CurrentKeyMaterialId"],
    }


def find(context: Context, wish: str) -> Record:
    """A key that the caller may use by any of its names, and that is in a state to be used."""
    key = usable(context.encryption_keys.find(context.region, wish))
    if key.body["KeyManager"] == "AWS":
        raise managed(key.arn)
    return key


def check(request: dict[str, Any], *algorithms: str) -> None:
    """Refuse what a request may hold and Clary does not do."""
    for name in algorithms:
        if request.get(name, _ALGORITHM) != _ALGORITHM:
            raise ServiceError(
                f"Algorithm {request[name]} is incompatible with key spec {_ALGORITHM}.",
                code="InvalidKeyUsageException",
            )
    if request.get("GrantTokens"):
        raise ServiceError("Clary's KMS gives no grants, so this token is of none.", code="InvalidGrantTokenException")
    for name in ("Recipient", "DryRunModifiers"):
        if request.get(name):
            raise NotServed(f"Clary's KMS does not serve {name}: leave it away.")


def stop_dry_run(request: dict[str, Any]) -> None:
    """Where all that could go wrong has been looked at."""
    if request.get("DryRun"):
        raise ServiceError(
            "The request would have succeeded, but the DryRun option is set.", code="DryRunOperationException"
        )


def _open(context: Context, request: dict[str, Any], wish: str | None, bound: dict[str, str]) -> Opened:
    blob = request.get("CiphertextBlob")
    if blob is None:
        raise ValidationException("CiphertextBlob is missing: give what Encrypt or GenerateDataKey answered.")
    arn = context.encryption_keys.key_of(blob)
    if wish is not None and find(context, wish).arn != arn:
        raise ServiceError(
            "The key ID in the request does not identify a CMK that can perform this operation.",
            code="IncorrectKeyException",
        )
    if arn.split(":")[3] != context.region:
        raise invalid_ciphertext()
    find(context, arn)
    return context.encryption_keys.decrypt(blob, bound)
