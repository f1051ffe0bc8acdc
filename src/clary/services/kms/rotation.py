"""Rotation: a key gets new material, once or at intervals. What was encrypted before stays readable."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

from clary.context import Context
from clary.encryption_keys import PENDING_DELETION, usable
from clary.errors import ServiceError
from clary.services import operation
from clary.services.kms import own_keys
from clary.services.kms.lists import page
from clary.store.base import Record

_PERIOD = 365  # days, where none is asked for
_MOST = 25  # rotations on demand of a key


@operation
def enable_key_rotation(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    """The next one is a period from now."""
    plan = context.encryption_keys.rotation(request.get("RotationPeriodInDays", _PERIOD))
    own_keys.change(context, request, lambda key: replace(usable(key), body={**key.body, "_rotation": plan}))
    return {}


@operation
def disable_key_rotation(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    own_keys.change(context, request, lambda key: replace(usable(key), body={**key.body, "_rotation": None}))
    return {}


@operation
def get_key_rotation_status(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    key = context.encryption_keys.find(context.region, request["KeyId"])
    plan = key.body["_rotation"]
    if plan is None or key.status == PENDING_DELETION:
        return {"KeyId": key.name, "KeyRotationEnabled": False}
    return {
        "KeyId": key.name,
        "KeyRotationEnabled": True,
        "RotationPeriodInDays": plan["RotationPeriodInDays"],
        "NextRotationDate": datetime.fromisoformat(plan["NextRotationDate"]),
    }


@operation
def rotate_key_on_demand(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    def rotated(key: Record) -> Record:
        before = [each for each in key.body["_rotations"] if each["RotationType"] == "ON_DEMAND"]
        if len(before) >= _MOST:
            raise ServiceError(f"A key is rotated on demand {_MOST} times at most.", code="LimitExceededException")
        return context.encryption_keys.rotated(usable(key), "ON_DEMAND")

    return {"KeyId": own_keys.change(context, request, rotated).name}


@operation
def list_key_rotations(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    """The rotations done, oldest first; with ALL_KEY_MATERIAL the first material too."""
    key = context.encryption_keys.find(context.region, request["KeyId"])
    done = {each["KeyMaterialId"]: each for each in key.body["_rotations"]}
    wanted = key.body["_materials"] if request.get("IncludeKeyMaterial") == "ALL_KEY_MATERIAL" else done
    shown, more = page(enumerate(wanted), lambda place: f"{place[0]:09}", request, size=100)
    return {"Rotations": [_told(key, material, done.get(material)) for _, material in shown], **more}


def _told(key: Record, material: str, rotation: dict[str, str] | None) -> dict[str, Any]:
    is_current = material == key.body["CurrentKeyMaterialId"]
    told = {
        "KeyId": key.name,
        "KeyMaterialId": material,
        "KeyMaterialState": "CURRENT" if is_current else "NON_CURRENT",
    }
    if rotation is None:  # the first
        return told
    date = datetime.fromisoformat(rotation["RotationDate"])
    return {**told, "RotationDate": date, "RotationType": rotation["RotationType"]}
