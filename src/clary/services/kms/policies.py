"""Key policies: each key has AWS's default one, which leaves all to the policies of the account's users and roles.

That is what happens here (``clary.gateway.authorization``); another policy would not be enforced, so it is not taken.
"""

from __future__ import annotations

import json
from typing import Any

from clary.context import Context
from clary.errors import NotServed, ServiceError
from clary.rights.documents import MalformedPolicy, read
from clary.services import operation
from clary.services.kms import own_keys

_NAME = "default"


@operation
def get_key_policy(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    own_keys.find(context, request["KeyId"])
    if request.get("PolicyName", _NAME) != _NAME:
        raise ServiceError("No such policy exists", code="NotFoundException")
    return {"Policy": json.dumps(_default(context), indent=2), "PolicyName": _NAME}


@operation
def list_key_policies(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    own_keys.find(context, request["KeyId"])
    return {"PolicyNames": [_NAME], "Truncated": False}


@operation
def put_key_policy(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    """Takes the default policy alone, which every key has."""
    check(context, request["Policy"])
    own_keys.change(context, request, lambda key: key)
    return {}


def check(context: Context, text: str | None) -> None:
    """``NotServed`` for another policy than the default one, in whatever words that is written."""
    if text is None:
        return
    try:
        found, default = read(text, "resource"), read(json.dumps(_default(context)), "resource")
    except MalformedPolicy as problem:
        raise ServiceError(str(problem), code="MalformedPolicyDocumentException") from None
    if found.statements != default.statements:
        raise NotServed(
            "Clary's keys have AWS's default key policy, which leaves it to the policies of users and roles who may use "
            "them: allow kms:Decrypt and others there (iam.put_user_policy), and leave Policy away."
        )


def _default(context: Context) -> dict[str, Any]:
    statement = {
        "Sid": "Enable IAM User Permissions",
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:aws:iam::{context.account}:root"},
        "Action": "kms:*",
        "Resource": "*",
    }
    return {"Version": "2012-10-17", "Id": "key-default-1", "Statement": [statement]}
