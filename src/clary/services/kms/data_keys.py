"""Data keys, that clients encrypt with themselves, and random bytes."""

from __future__ import annotations

import secrets
from typing import Any

from clary.context import Context
from clary.errors import NotServed, ValidationException
from clary.services import operation
from clary.services.kms.ciphertexts import check, find, stop_dry_run

_BYTES = {"AES_256": 32, "AES_128": 16}


@operation
def generate_data_key(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    check(request)
    if ("KeySpec" in request) == ("NumberOfBytes" in request):
        raise ValidationException("Please specify either number of bytes or key spec.")
    key = find(context, request["KeyId"])
    plain = secrets.token_bytes(request.get("NumberOfBytes") or _BYTES[request["KeySpec"]])
    stop_dry_run(request)
    return {
        "CiphertextBlob": context.encryption_keys.encrypt(key, plain, request.get("EncryptionContext", {})),
        "Plaintext": plain,
        "KeyId": key.arn,
        "KeyMaterialId": key.body["CurrentKeyMaterialId"],
    }


@operation
def generate_data_key_without_plaintext(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in generate_data_key(context, request).items() if name != "Plaintext"}


@operation
def generate_random(_: Context, request: dict[str, Any]) -> dict[str, Any]:
    for name in ("CustomKeyStoreId", "Recipient"):
        if request.get(name):
            raise NotServed(f"Clary's KMS does not serve {name}: leave it away.")
    if "NumberOfBytes" not in request:
        raise ValidationException("NumberOfBytes is missing: it takes 1 to 1024.")
    return {"Plaintext": secrets.token_bytes(request["NumberOfBytes"])}
