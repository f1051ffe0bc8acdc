"""Roles: what a job runs as. One is always there."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from clary.context import Context
from clary.errors import NotServed, ServiceError, ValidationException
from clary.keys import FIRST_ROLE, FIRST_ROLE_ARN, FIRST_ROLE_ID, new_id
from clary.services import operation, resources
from clary.services.iam import documents, entities
from clary.store.base import Conflict, Record

KIND = "Role"
FULL_ACCESS = {
    "PolicyName": "AmazonSageMakerFullAccess",
    "PolicyArn": "arn:aws:iam::aws:policy/AmazonSageMakerFullAccess",
}


def ensure_first_role(context: Context) -> str:
    """Make the role that is always there, once; returns its ARN."""
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
    record = _record(context, request, FIRST_ROLE_ID, attached=[FULL_ACCESS])
    with contextlib.suppress(Conflict):
        context.store.create(record)
    return FIRST_ROLE_ARN


def find_by_arn(context: Context, arn: str) -> Record | None:
    """The role of this very ARN, path included."""
    record = context.store.get("", KIND, arn.rpartition("/")[2])
    return record if record is not None and record.body["Arn"] == arn else None


def require(context: Context, arn: str) -> Record:
    """The role that a service is handed; ``ValidationException`` if it is not there or not of this account."""
    parts = arn.split(":")
    if len(parts) != 6 or not parts[5].startswith("role/"):
        raise ValidationException(f"{arn!r} is not the ARN of a role.")
    if parts[4] != context.account:
        raise ValidationException("RoleArn: Cross-account pass role is not allowed.")
    role = find_by_arn(context, arn)
    if role is None:
        namesake = context.store.get("", KIND, arn.rpartition("/")[2])
        way = f"You may mean {namesake.body['Arn']}." if namesake else f"One is always there: {FIRST_ROLE_ARN}"
        raise ValidationException(
            f"Could not assume role {arn}. Please ensure that the role exists and allows principal "
            f"'sagemaker.amazonaws.com' to assume the role. {way}"
        )
    return role


@operation
def create_role(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    if request.get("PermissionsBoundary"):
        raise NotServed("CreateRole with PermissionsBoundary is not served: policies are not evaluated here.")
    documents.check(request["AssumeRolePolicyDocument"])
    request = {**request, "Tags": entities.merge_tags([], request.get("Tags", []))}
    record = _record(context, request, new_id("AROA"))
    try:
        context.store.create(record)
    except Conflict:
        raise entities.already_exists(f"Role with name {record.name} already exists.") from None
    return {"Role": _shown(record)}


@operation
def get_role(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    return {"Role": _shown(find(context, request["RoleName"]))}


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
    document = documents.check(request["PolicyDocument"])
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


def _shown(role: Record) -> dict[str, Any]:
    document = documents.encode(role.body["AssumeRolePolicyDocument"])
    return {**role.body, "AssumeRolePolicyDocument": document, "RoleLastUsed": {}}
