"""Which actions a call of KMS is, on which keys and aliases, and what its condition keys are for each.

A key is asked for by its ARN, whatever name it was called by; that of a ciphertext by what the ciphertext says. Source:
AWS's service authorization reference, and the KMS developer guide on condition keys.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from clary.context import Context
from clary.errors import ServiceError
from clary.rights.facts import Known

Found = tuple[str, str, dict[str, Known]]
"""(action, resource, what is known of it)."""

_ANY = "*"


def asks(context: Context, operation: str, request: Mapping[str, Any]) -> Iterator[Found]:
    """All that a call needs."""
    match operation:
        case "ReEncrypt":
            yield _of_key(context, "kms:ReEncryptFrom", request, "SourceKeyId", "SourceEncryptionContext")
            yield _of_key(context, "kms:ReEncryptTo", request, "DestinationKeyId", "DestinationEncryptionContext")
        case "CreateAlias" | "UpdateAlias" | "DeleteAlias":
            action, name = f"kms:{operation}", request["AliasName"]
            yield action, f"arn:aws:kms:{context.region}:{context.account}:{name}", {}
            if operation != "CreateAlias":  # the key that it names so far
                yield _of_key(context, action, {"KeyId": name})
            if operation != "DeleteAlias":
                yield _of_key(context, action, request, "TargetKeyId")
        case "CreateKey":
            yield "kms:CreateKey", _ANY, {}
            if request.get("Tags"):
                yield "kms:TagResource", _ANY, {}
        case "ListAliases":  # of one key, too
            yield "kms:ListAliases", _ANY, {}
        case _:
            yield _of_key(context, f"kms:{operation}", request)


def _of_key(
    context: Context,
    action: str,
    request: Mapping[str, Any],
    member: str = "KeyId",
    bound: str = "EncryptionContext",
) -> Found:
    wish, blob = request.get(member), request.get("CiphertextBlob")
    if wish is None and blob is not None:
        try:
            wish = context.encryption_keys.key_of(blob)
        except ServiceError:  # of no key that could be asked for
            return action, _ANY, {}
    if wish is None:
        return action, _ANY, {}
    arn, key = context.encryption_keys.meant(context.region, wish)
    pairs: Mapping[str, str] = request.get(bound) or {}
    known: dict[str, Known] = {
        "kms:CallerAccount": context.account,
        "kms:EncryptionContextKeys": [*pairs] or None,
        "kms:RequestAlias": f"alias/{wish.partition('alias/')[2]}" if "alias/" in wish else None,
    }
    known |= {f"kms:EncryptionContext:{name}": value for name, value in pairs.items()}
    if key is not None:
        known |= {f"aws:ResourceTag/{tag['TagKey']}": tag["TagValue"] for tag in key.body["Tags"]}
    return action, arn, known
