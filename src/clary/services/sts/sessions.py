"""Temporary keys: AssumeRole, GetSessionToken. They sign later calls and end when they say.

Whether the role trusts the caller is decided at the gateway, as every right is.
"""

from __future__ import annotations

from typing import Any

from clary import keys
from clary.context import Context, Identity
from clary.errors import NotServed, ServiceError
from clary.keys import Key
from clary.rights import documents, holders
from clary.services import operation

_CHAINED = 3600  # seconds that a role may be held that an assumed role assumes
_LONGEST = 43200  # seconds that a user's own role may be held
_PACKED = 2048  # characters of a session's policy at most


@operation
def assume_role(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    for member in ("TransitiveTagKeys", "ProvidedContexts"):
        if request.get(member):
            raise NotServed(f"AssumeRole with {member} is not served yet: leave it away.")
    if request.get("SerialNumber") or request.get("TokenCode"):
        raise NotServed("AssumeRole with a second factor is not served: no key here has one.")
    arn, session, seconds = request["RoleArn"], request["RoleSessionName"], request.get("DurationSeconds", 3600)
    holder = context.rights.holder_of(arn)
    if holder is None:
        raise ServiceError(
            f"User: {context.identity.arn} is not authorized to perform: sts:AssumeRole on resource: {arn} "
            "(there is no such role here; iam.list_roles names those that are)",
            code="AccessDenied",
            status=403,
        )
    role = context.store.get("", "Role", holder.name)
    if seconds > (role.body["MaxSessionDuration"] if role is not None else _LONGEST):
        raise _invalid("The requested DurationSeconds exceeds the MaxSessionDuration set for this role.")
    if _is_temporary(context) and seconds > _CHAINED:
        raise _invalid(
            "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining."
        )
    policies = _session_policies(context, request)
    who = Identity(
        holder.session_arn(session),
        f"{holder.id}:{session}",
        session=policies,
        tags={tag["Key"]: tag["Value"] for tag in request.get("Tags", [])},
    )
    key = keys.issue(context.store, context.clock, who, seconds, session)
    packed = 100 * sum(map(len, policies or ())) // (_PACKED * 2)
    return {
        "Credentials": _credentials(context, key),
        "AssumedRoleUser": {"AssumedRoleId": who.user_id, "Arn": who.arn},
        **({"PackedPolicySize": min(100, max(1, packed))} if policies else {}),
        **({"SourceIdentity": request["SourceIdentity"]} if "SourceIdentity" in request else {}),
    }


@operation
def get_session_token(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    if _is_temporary(context):
        raise ServiceError("Cannot call GetSessionToken with session credentials", code="AccessDenied", status=403)
    if request.get("SerialNumber") or request.get("TokenCode"):
        raise NotServed("GetSessionToken with a second factor is not served: no key here has one.")
    seconds = request.get("DurationSeconds", _LONGEST)
    key = keys.issue(context.store, context.clock, context.identity, seconds, "", parent=context.identity.access_key)
    return {"Credentials": _credentials(context, key)}


def _session_policies(context: Context, request: dict[str, Any]) -> tuple[str, ...] | None:
    """The policies that limit the session; None if none were given."""
    found = []
    if policy := request.get("Policy"):
        if len(policy) > _PACKED:
            raise ServiceError(
                f"Packed size of session policy is above the limit of {_PACKED} characters.",
                code="PackedPolicyTooLarge",
            )
        try:
            documents.read(policy)
        except documents.MalformedPolicy as error:
            raise ServiceError(str(error), code="MalformedPolicyDocument") from None
        found.append(policy)
    for each in request.get("PolicyArns", []):
        text = holders.text_of(context.store, each["arn"])
        if text is None:
            raise _invalid(f"The specified session policy {each['arn']} does not exist or is not attachable.")
        found.append(text)
    return tuple(found) or None


def _is_temporary(context: Context) -> bool:
    return context.identity.access_key.startswith("ASIA")


def _credentials(context: Context, key: Key) -> dict[str, Any]:
    assert key.expires is not None  # issued keys end
    return {
        "AccessKeyId": key.access_key,
        "SecretAccessKey": key.secret,
        "SessionToken": key.token,
        "Expiration": context.clock.on_machine(key.expires),  # clients renew them by their own clock
    }


def _invalid(message: str) -> ServiceError:
    return ServiceError(message, code="ValidationError")
