"""Policies of one's own, with their versions; those that AWS manages count as there, by their ARN."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from clary.context import Context
from clary.errors import NotServed
from clary.keys import new_id
from clary.services import operation
from clary.services.iam import documents, entities
from clary.services.iam.roles import KIND as ROLE
from clary.store.base import Conflict, Record

KIND = "Policy"
_MANAGED = re.compile(r"arn:aws:iam::aws:policy(/(?:[\w+=,.@-]+/)*)([\w+=,.@-]+)", re.ASCII)
_VERSIONS = 5  # of a policy at most


def path(arn: str) -> str:
    """The path in a policy's ARN: ``/service-role/``."""
    return arn.partition(":policy")[2].rpartition("/")[0] + "/"


def require(context: Context, arn: str) -> None:
    """``NoSuchEntity`` unless the policy is there, or AWS's."""
    if not _MANAGED.fullmatch(arn) and _find(context, arn) is None:
        raise entities.no_such_entity(f"Policy {arn} does not exist or is not attachable.")


@operation
def create_policy(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    document = documents.check(request["PolicyDocument"])
    name, where, now = request["PolicyName"], request.get("Path", "/"), context.now()
    body = {
        "PolicyName": name,
        "PolicyId": new_id("ANPA"),
        "Arn": entities.arn(context, "policy", where, name),
        "Path": where,
        "DefaultVersionId": "v1",
        "IsAttachable": True,
        "CreateDate": now,
        "UpdateDate": now,
        "Tags": entities.merge_tags([], request.get("Tags", [])),
        **({"Description": request["Description"]} if "Description" in request else {}),
        "_versions": [{"VersionId": "v1", "CreateDate": now, "Document": document}],
        "_next": 2,
    }
    record = Record(kind=KIND, name=name, body=body, created=now, modified=now)
    try:
        context.store.create(record)
    except Conflict:
        raise entities.already_exists(
            f"A policy called {name} already exists. Duplicate names are not allowed."
        ) from None
    return {"Policy": {**_shown(context, record), "Description": None}}


@operation
def get_policy(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    arn = request["PolicyArn"]
    if match := _MANAGED.fullmatch(arn):
        managed = {
            "PolicyName": match.group(2),
            "Arn": arn,
            "Path": match.group(1),
            "DefaultVersionId": "v1",
            "IsAttachable": True,
            "AttachmentCount": len(_holders(context, arn)),
            "Description": "Managed by AWS; Clary knows its name only.",
        }
        return {"Policy": managed}
    return {"Policy": _shown(context, find(context, arn))}


@operation
def list_policies(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    """Those that AWS manages are listed where they are attached."""
    prefix, scope = request.get("PathPrefix", "/"), request.get("Scope", "All")
    own = [] if scope == "AWS" else [_shown(context, p) for p in context.store.scan("", KIND)]
    attached = {p["PolicyArn"] for role in context.store.scan("", ROLE) for p in role.body["_attached"]}
    managed = [] if scope == "Local" else [a for a in attached if _MANAGED.fullmatch(a)]
    wanted = [*own, *(get_policy(context, {"PolicyArn": arn})["Policy"] for arn in managed)]
    if request.get("OnlyAttached"):
        wanted = [p for p in wanted if p["AttachmentCount"]]
    shown, more = entities.page((p for p in wanted if p["Path"].startswith(prefix)), lambda p: p["Arn"], request)
    hidden = {"Description": None, "Tags": None}  # GetPolicy alone tells these
    return {"Policies": [{**policy, **hidden} for policy in shown], **more}


@operation
def delete_policy(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    arn = request["PolicyArn"]
    while True:
        policy = find(context, arn)
        if _holders(context, arn):
            raise entities.delete_conflict("Cannot delete a policy attached to entities.")
        if len(policy.body["_versions"]) > 1:
            raise entities.delete_conflict(
                "This policy has more than one version. Before you delete a policy, you must delete the policy's "
                "versions. The default version is deleted with the policy."
            )
        with contextlib.suppress(Conflict):
            context.store.delete(policy)
            return {}


@operation
def get_policy_version(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    arn, wanted = request["PolicyArn"], request["VersionId"]
    if _MANAGED.fullmatch(arn):
        raise NotServed(f"The text of {arn} is AWS's; Clary knows its name only.")
    policy = find(context, arn)
    version = _version(policy, wanted)
    return {"PolicyVersion": {**_described(policy, version), "Document": documents.encode(version["Document"])}}


@operation
def list_policy_versions(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    policy = find(context, request["PolicyArn"])
    shown, more = entities.page(policy.body["_versions"], lambda v: v["VersionId"], request)
    return {"Versions": [{**_described(policy, version), "Document": None} for version in shown], **more}


@operation
def create_policy_version(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    document = documents.check(request["PolicyDocument"])

    def add(policy: Record) -> Record:
        versions, number = policy.body["_versions"], policy.body["_next"]
        if len(versions) == _VERSIONS:
            raise entities.limit_exceeded(
                "A managed policy can have up to 5 versions. Before you create a new version, you must delete an "
                "existing version."
            )
        new = {"VersionId": f"v{number}", "CreateDate": context.now(), "Document": document}
        body = {**policy.body, "_versions": [*versions, new], "_next": number + 1, "UpdateDate": context.now()}
        if request.get("SetAsDefault"):
            body["DefaultVersionId"] = new["VersionId"]
        return replace(policy, body=body)

    policy = _edit(context, request["PolicyArn"], add)
    return {"PolicyVersion": {**_described(policy, policy.body["_versions"][-1]), "Document": None}}


@operation
def set_default_policy_version(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    def choose(policy: Record) -> Record:
        version = _version(policy, request["VersionId"])
        return replace(policy, body={**policy.body, "DefaultVersionId": version["VersionId"]})

    _edit(context, request["PolicyArn"], choose)
    return {}


@operation
def delete_policy_version(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    def drop(policy: Record) -> Record:
        version = _version(policy, request["VersionId"])
        if version["VersionId"] == policy.body["DefaultVersionId"]:
            raise entities.delete_conflict("Cannot delete the default version of a policy.")
        kept = [v for v in policy.body["_versions"] if v is not version]
        return replace(policy, body={**policy.body, "_versions": kept})

    _edit(context, request["PolicyArn"], drop)
    return {}


@operation
def list_entities_for_policy(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    arn = request["PolicyArn"]
    require(context, arn)
    holders = [] if request.get("EntityFilter", "Role") != "Role" else _holders(context, arn)
    holders = [role for role in holders if role.body["Path"].startswith(request.get("PathPrefix", "/"))]
    shown, more = entities.page(holders, lambda role: role.name, request)
    roles = [{"RoleName": role.name, "RoleId": role.body["RoleId"]} for role in shown]
    return {"PolicyRoles": roles, "PolicyGroups": [], "PolicyUsers": [], **more}


def find(context: Context, arn: str) -> Record:
    policy = _find(context, arn)
    if policy is None:
        raise entities.no_such_entity(f"Policy {arn} was not found.")
    return policy


def _find(context: Context, arn: str) -> Record | None:
    policy = context.store.get("", KIND, arn.rpartition("/")[2])
    return policy if policy is not None and policy.body["Arn"] == arn else None


def _edit(context: Context, arn: str, how: Callable[[Record], Record]) -> Record:
    while True:
        with contextlib.suppress(Conflict):
            return context.store.put(how(find(context, arn)))


def _holders(context: Context, arn: str) -> list[Record]:
    """The roles that the policy is attached to."""
    roles = context.store.scan("", ROLE)
    return [role for role in roles if any(p["PolicyArn"] == arn for p in role.body["_attached"])]


def _version(policy: Record, wanted: str) -> dict[str, Any]:
    for version in policy.body["_versions"]:
        if version["VersionId"] == wanted:
            found: dict[str, Any] = version
            return found
    raise entities.no_such_entity(f"Policy {policy.body['Arn']} version {wanted} does not exist or is not attachable.")


def _described(policy: Record, version: dict[str, Any]) -> dict[str, Any]:
    return {**version, "IsDefaultVersion": version["VersionId"] == policy.body["DefaultVersionId"]}


def _shown(context: Context, policy: Record) -> dict[str, Any]:
    holders = len(_holders(context, policy.body["Arn"]))
    return {**policy.body, "AttachmentCount": holders, "PermissionsBoundaryUsageCount": 0}
