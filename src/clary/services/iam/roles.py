"""Roles: what a job runs as. One is always there."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from clary.context import Context
from clary.errors import ServiceError, ValidationException
from clary.keys import FIRST_ROLE, FIRST_ROLE_ARN, FIRST_ROLE_ID, new_id
from clary.rights import holders, managed
from clary.rights.facts import Facts
from clary.services import operation, resources
from clary.services.iam import boundaries, documents, entities
from clary.store.base import Conflict, Record

KIND = "Role"
FIRST_POLICIES = ("AmazonSageMakerFullAccess", "AmazonS3FullAccess")
"""What the role that is always there may do: all of SageMaker, and every bucket's objects."""


def ensure_first_role(context: Context) -> str:
    """Make the role that is always there, once; returns its ARN.

    One that an older Clary made, when policies were not evaluated, gets the policy that it lacks; what its owner takes
    away later stays away.
    """
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "sagemaker.amazonaws.com", "AWS": f"arn:aws:iam::{context.account}:root"},
        "Action": "sts:AssumeRole",
    }
    request = {
        "RoleName": FIRST_ROLE,
        "Path": "/service-role/",
        "Description": "The role that Clary's jobs run as where no other is named.",
        "MaxSessionDuration": 43200,
        "AssumeRolePolicyDocument": json.dumps({"Version": "2012-10-17", "Statement": [statement]}),
    }
    attached = [{"PolicyName": name, "PolicyArn": managed.PREFIX + name} for name in FIRST_POLICIES]
    record = _record(context, request, FIRST_ROLE_ID, attached=attached)
    record.body["_evaluated"] = True
    try:
        context.store.create(record)
    except Conflict:

        def upgrade(role: Record) -> Record:
            if "_evaluated" in role.body:
                return role
            added = [p for p in attached if p not in role.body["_attached"]]
            return with_members(role, _attached=[*role.body["_attached"], *added], _evaluated=True)

        edit(context, FIRST_ROLE, upgrade)
    return FIRST_ROLE_ARN


def require(context: Context, arn: str, service: str = "sagemaker.amazonaws.com") -> None:
    """The role that a service is handed must be there, of this account, and trust the service.

    ``ValidationException`` says what is amiss.
    """
    parts = arn.split(":")
    if len(parts) != 6 or not parts[5].startswith("role/"):
        raise ValidationException(f"{arn!r} is not the ARN of a role.")
    if parts[4] != context.account:
        raise ValidationException("RoleArn: Cross-account pass role is not allowed.")
    if context.rights.holder_of(arn) is None:
        namesake = context.rights.holder(arn.rpartition("/")[2])
        way = f"You may mean {namesake.role_arn}." if namesake else f"One is always there: {FIRST_ROLE_ARN}"
    elif not context.rights.trusts(arn, service, Facts({"aws:SourceAccount": context.account})):
        way = "Its trust policy does not name the service: iam.update_assume_role_policy changes it."
    else:
        return
    raise ValidationException(
        f"Could not assume role {arn}. Please ensure that the role exists and allows principal "
        f"'{service}' to assume the role. {way}"
    )


@operation
def create_role(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    documents.check(request["AssumeRolePolicyDocument"], "trust")
    request = {**request, "Tags": entities.merge_tags([], request.get("Tags", []))}
    record = _record(context, request, new_id("AROA"))
    record.body.update(boundaries.given(context, request))
    if context.store.get("", "User", record.name) is not None:
        raise entities.already_exists(
            f"A user with name {record.name} already exists, and answers as the role of this name."
        )
    try:
        context.store.create(record)
    except Conflict:
        raise entities.already_exists(f"Role with name {record.name} already exists.") from None
    return {"Role": _shown(record)}


@operation
def get_role(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    name = request["RoleName"]
    user = None if context.store.get("", KIND, name) is not None else context.store.get("", "User", name)
    return {"Role": _shown(find(context, name) if user is None else _answering(user))}


@operation
def list_roles(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    prefix = request.get("PathPrefix", "/")
    roles = (r for r in context.store.scan("", KIND) if r.body["Path"].startswith(prefix))
    shown, more = entities.page(roles, lambda r: r.name, request)
    hidden = {"RoleLastUsed": None, "Tags": None}  # GetRole alone tells these
    return {"Roles": [{**_shown(role), **hidden} for role in shown], **more}


@operation
def update_role(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    given = {name: request[name] for name in ("Description", "MaxSessionDuration") if name in request}
    change(context, request["RoleName"], **given)
    return {}


@operation
def update_role_description(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    return {"Role": _shown(change(context, request["RoleName"], Description=request["Description"]))}


@operation
def update_assume_role_policy(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    document = documents.check(request["PolicyDocument"], "trust")
    change(context, request["RoleName"], AssumeRolePolicyDocument=document)
    return {}


@operation
def delete_role(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    name = request["RoleName"]
    while True:
        role = find(context, name)
        if name == FIRST_ROLE:
            raise ServiceError(
                f"Cannot perform the operation on the protected role '{name}' - this role is always there",
                code="UnmodifiableEntity",
            )
        if role.body["_attached"]:
            raise entities.delete_conflict("Cannot delete entity, must detach all policies first.")
        if role.body["_inline"]:
            raise entities.delete_conflict("Cannot delete entity, must delete policies first.")
        with contextlib.suppress(Conflict):
            context.store.delete(role)
            return {}


@operation
def tag_role(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    def tag(role: Record) -> Record:
        return with_members(role, Tags=entities.merge_tags(role.body["Tags"], request["Tags"]))

    edit(context, request["RoleName"], tag)
    return {}


@operation
def untag_role(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    gone = {key.lower() for key in request["TagKeys"]}

    def untag(role: Record) -> Record:
        return with_members(role, Tags=[tag for tag in role.body["Tags"] if tag["Key"].lower() not in gone])

    edit(context, request["RoleName"], untag)
    return {}


@operation
def list_role_tags(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    shown, more = entities.page(find(context, request["RoleName"]).body["Tags"], lambda t: t["Key"], request)
    return {"Tags": shown, **more}


def find(context: Context, name: str) -> Record:
    return resources.find(entities.everywhere(context), KIND, name, missing=missing(name))


def change(context: Context, name: str, **members: Any) -> Record:
    return edit(context, name, lambda role: with_members(role, **members))


def edit(context: Context, name: str, how: Callable[[Record], Record]) -> Record:
    return resources.change(entities.everywhere(context), KIND, name, how, missing=missing(name))


def missing(name: str) -> ServiceError:
    return entities.no_such_entity(f"The role with name {name} cannot be found.")


def with_members(role: Record, **members: Any) -> Record:
    return replace(role, body={**role.body, **members})


def _record(
    context: Context, request: dict[str, Any], identifier: str, attached: list[dict[str, str]] | None = None
) -> Record:
    name, path, now = request["RoleName"], request.get("Path", "/"), context.now()
    body = {
        "Path": path,
        "RoleName": name,
        "RoleId": identifier,
        "Arn": entities.arn(context, "role", path, name),
        "CreateDate": now,
        "AssumeRolePolicyDocument": request["AssumeRolePolicyDocument"],
        "MaxSessionDuration": request.get("MaxSessionDuration", 3600),
        "Tags": request.get("Tags", []),
        **({"Description": request["Description"]} if "Description" in request else {}),
        "_attached": attached or [],  # [{PolicyName, PolicyArn}]
        "_inline": {},  # name → document
    }
    return Record(kind=KIND, name=name, body=body, created=now, modified=now)


def _answering(user: Record) -> Record:
    """The role that a user's keys answer as."""
    body = {
        "Path": user.body["Path"],
        "RoleName": user.name,
        "RoleId": user.body["UserId"],
        "Arn": holders.role_arn(user),
        "CreateDate": user.body["CreateDate"],
        "AssumeRolePolicyDocument": holders.trust(user),
        "Description": f"The role that the user {user.name} answers as; it has the user's policies.",
        "MaxSessionDuration": 43200,
    }
    return replace(user, kind=KIND, body=body)


def _shown(role: Record) -> dict[str, Any]:
    document = documents.encode(role.body["AssumeRolePolicyDocument"])
    return {**role.body, "AssumeRolePolicyDocument": document, "RoleLastUsed": {}}
