"""The keys that are the caller's own to change: all but AWS managed ones, by id or ARN."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from clary.context import Context
from clary.encryption_keys import PENDING_DELETION, invalid_state, not_found
from clary.root_key import KIND
from clary.services import resources
from clary.services.kms.errors import managed
from clary.store.base import Record

Edit = Callable[[Record], Record]


def find(context: Context, key_id: str) -> Record:
    """A key by its id or ARN, no alias; ``AccessDenied`` for an AWS managed one."""
    if "alias/" in key_id:
        raise not_found(f"Invalid keyId {key_id}: this operation takes a key's id or ARN, no alias.")
    key = context.encryption_keys.find(context.region, key_id)
    if key.body["KeyManager"] == "AWS":
        raise managed(key.arn)
    return key


def change(context: Context, request: dict[str, Any], edit: Edit, *, pending: bool = False) -> Record:
    """Change the key that the request names; ``KMSInvalidStateException`` if it is to be deleted and not ``pending``."""

    def checked(key: Record) -> Record:
        if key.status == PENDING_DELETION and not pending:
            raise invalid_state(f"{key.arn} is pending deletion.")
        return edit(key)

    key = find(context, request["KeyId"])
    missing = not_found(f"Key '{key.arn}' does not exist")
    return resources.change(context, KIND, key.name, checked, missing=missing)
