"""Temporary keys: AssumeRole, GetSessionToken. They sign later calls and end when they say."""

from __future__ import annotations

from typing import Any

from clary import keys
from clary.context import Context
from clary.errors import NotServed, ServiceError
from clary.keys import Key
from clary.services import operation
from clary.services.iam import roles

_CHAINED = 3600  # seconds that a role may be held that an assumed role assumes


@operation
def assume_role(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    for member in ("Policy", "PolicyArns"):
        if request.get(member):
            raise NotServed(
                f"AssumeRole with {member} is not served yet: policies are not evaluated here, so the session would "
                "have more rights than you ask for. Leave it away."
            )
    arn, session, seconds = request["RoleArn"], request["RoleSessionName"], request.get("DurationSeconds", 3600)
    role = roles.find_by_arn(context, arn)
    if role is None:
        raise ServiceError(
            f"User: {context.identity.arn} is not authorized to perform: sts:AssumeRole on resource: {arn} "
            "(there is no such role here; iam.list_roles names those that are)",
            code="AccessDenied",
            status=403,
        )
    if seconds > role.body["MaxSessionDuration"]:
        raise _invalid("The requested DurationSeconds exceeds the MaxSessionDuration set for this role.")
    if _is_temporary(context) and seconds > _CHAINED:
        raise _invalid(
            "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining."
        )
    user_id = f"{role.body['RoleId']}:{session}"
    principal = f"arn:aws:sts::{context.account}:assumed-role/{role.name}/{session}"
    key = keys.issue(context.store, principal, user_id, seconds, session)
    return {
        "Credentials": _credentials(key),
        "AssumedRoleUser": {"AssumedRoleId": user_id, "Arn": principal},
        **({"SourceIdentity": request["SourceIdentity"]} if "SourceIdentity" in request else {}),
    }


@operation
def get_session_token(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    if _is_temporary(context):
        raise ServiceError("Cannot call GetSessionToken with session credentials", code="AccessDenied", status=403)
    if request.get("SerialNumber") or request.get("TokenCode"):
        raise NotServed("GetSessionToken with a second factor is not served: the owner's key has none.")
    seconds = request.get("DurationSeconds", 43200)
    key = keys.issue(context.store, context.identity.arn, context.identity.user_id, seconds, "")
    return {"Credentials": _credentials(key)}


def _is_temporary(context: Context) -> bool:
    return context.identity.access_key.startswith("ASIA")


def _credentials(key: Key) -> dict[str, Any]:
    return {
        "AccessKeyId": key.access_key,
        "SecretAccessKey": key.secret,
        "SessionToken": key.token,
        "Expiration": key.expires,
    }


def _invalid(message: str) -> ServiceError:
    return ServiceError(message, code="ValidationError")
