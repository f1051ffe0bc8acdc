"""Users' access keys: create, list, make inactive, delete; when each was last used."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from typing import Any

from clary import keys
from clary.context import Context
from clary.services import operation
from clary.services.iam import entities, users
from clary.store.base import Conflict, Record

_MOST = 2  # of a user


@operation
def create_access_key(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    user = users.find(context, request.get("UserName") or users.own_name(context))
    if len(keys.of_user(context.store, user.name)) >= _MOST:
        raise entities.limit_exceeded(f"Cannot exceed quota for AccessKeysPerUser: {_MOST}")
    arn = f"arn:aws:sts::{context.account}:assumed-role/{user.name}/{user.name}"
    key = keys.create(context.store, user.name, arn, f"{user.body['UserId']}:{user.name}")
    return {"AccessKey": {**_shown(key), "SecretAccessKey": key.body["SecretAccessKey"]}}


@operation
def list_access_keys(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    user = users.find(context, request.get("UserName") or users.own_name(context))
    shown, more = entities.page(keys.of_user(context.store, user.name), lambda key: key.name, request)
    return {"AccessKeyMetadata": [_shown(key) for key in shown], **more}


@operation
def update_access_key(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    if request["Status"] not in {"Active", "Inactive"}:
        raise entities.invalid(f"Status is {request['Status']!r}; a key is made Active or Inactive, or deleted.")
    while True:
        with contextlib.suppress(Conflict):
            context.store.put(replace(_find(context, request), status=request["Status"]))
            return {}


@operation
def delete_access_key(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    key = _find(context, request)
    keys.void(context.store, key.name)
    keys.forget_use(context.store, key.name)
    return {}


@operation
def get_access_key_last_used(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    """To the minute: a key's use is written down once in a while."""
    identifier = request["AccessKeyId"]
    key = context.store.get("", keys.KIND, identifier)
    if key is None or "UserName" not in key.body:
        raise _missing(identifier)
    used = context.store.get("", keys.USE, identifier)
    never = {"ServiceName": "N/A", "Region": "N/A"}
    return {"UserName": key.body["UserName"], "AccessKeyLastUsed": used.body if used is not None else never}


def _find(context: Context, request: dict[str, Any]) -> Record:
    name = users.find(context, request.get("UserName") or users.own_name(context)).name
    key = context.store.get("", keys.KIND, request["AccessKeyId"])
    if key is None or key.body.get("UserName") != name:
        raise _missing(request["AccessKeyId"])
    return key


def _missing(identifier: str) -> Exception:
    return entities.no_such_entity(f"The Access Key with id {identifier} cannot be found.")


def _shown(key: Record) -> dict[str, Any]:
    return {
        "UserName": key.body["UserName"],
        "AccessKeyId": key.name,
        "Status": key.status,
        "CreateDate": key.created,
    }
