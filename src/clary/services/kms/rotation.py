"""Rotation of keys: there is none, which can be asked."""

from __future__ import annotations

from typing import Any

from clary.context import Context
from clary.services import operation


@operation
def get_key_rotation_status(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    """No key is rotated by itself here."""
    return {"KeyId": context.encryption_keys.find(context.region, request["KeyId"]).arn, "KeyRotationEnabled": False}
