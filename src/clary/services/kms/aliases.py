"""Aliases: names of keys that may be moved from one key to another."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

from clary.context import Context
from clary.encryption_keys import ALIAS, PENDING_DELETION, invalid_state, not_found
from clary.errors import ServiceError, ValidationException
from clary.services import operation, resources
from clary.services.kms import own_keys
from clary.services.kms.errors import not_authorized
from clary.services.kms.lists import page
from clary.store.base import Conflict, Record


@operation
def create_alias(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    name = _checked(request["AliasName"])
    body = {"TargetKeyId": _target(context, request)}
    try:
        context.store.create(Record(region=context.region, kind=ALIAS, name=name, body=body))
    except Conflict:
        raise ServiceError(
            f"An alias with the name {_arn(context, name)} already exists", code="AlreadyExistsException"
        ) from None
    return {}


@operation
def update_alias(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    name, now = _checked(request["AliasName"]), context.now()
    body = {"TargetKeyId": _target(context, request)}
    missing = _missing(context, name)
    resources.change(context, ALIAS, name, lambda alias: replace(alias, body=body, modified=now), missing=missing)
    return {}


@operation
def delete_alias(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    name = _checked(request["AliasName"])
    resources.delete(context, ALIAS, name, missing=_missing(context, name))
    return {}


@operation
def list_aliases(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    """Those that are there; AWS also lists the names of keys that it would make at first use."""
    names = {key.name for key in context.encryption_keys.all(context.region)}
    if (wish := request.get("KeyId")) is not None:
        names = {context.encryption_keys.find(context.region, wish).name}
    found = (a for a in context.store.scan(context.region, ALIAS) if a.body["TargetKeyId"] in names)
    shown, more = page(found, lambda alias: alias.name, request, size=50)
    return {"Aliases": [_shown(context, alias) for alias in shown], **more}


def _shown(context: Context, alias: Record) -> dict[str, Any]:
    return {
        "AliasName": alias.name,
        "AliasArn": _arn(context, alias.name),
        "TargetKeyId": alias.body["TargetKeyId"],
        "CreationDate": alias.created,
        "LastUpdatedDate": alias.modified,
    }


def _checked(name: str) -> str:
    if not name.startswith("alias/"):
        raise ValidationException(
            'Alias must start with the prefix "alias/". Please see '
            "https://docs.aws.amazon.com/kms/latest/developerguide/kms-alias.html"
        )
    if not re.fullmatch(r"alias/[a-zA-Z0-9/_-]+", name):
        raise ServiceError(
            f"{name} is no name of an alias: after alias/ come letters, digits, /, _ and -.",
            code="InvalidAliasNameException",
        )
    if name.startswith("alias/aws/"):
        raise not_authorized(f"{name} is kept for AWS managed keys: alias/aws/ begins the names of these alone.")
    return name


def _target(context: Context, request: dict[str, Any]) -> str:
    if "alias/" in request["TargetKeyId"]:
        raise ValidationException("Aliases must refer to keys. Not aliases")
    key = own_keys.find(context, request["TargetKeyId"])
    if key.status == PENDING_DELETION:
        raise invalid_state(f"{key.arn} is pending deletion.")
    return key.name


def _missing(context: Context, name: str) -> ServiceError:
    return not_found(f"Alias {_arn(context, name)} is not found.")


def _arn(context: Context, name: str) -> str:
    return f"arn:aws:kms:{context.region}:{context.account}:{name}"
