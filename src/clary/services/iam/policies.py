"""Policies of one's own, with their versions, and those that AWS manages (``clary.rights.managed``)."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from clary.context import Context
from clary.errors import ServiceError
from clary.keys import new_id
from clary.rights import managed
from clary.rights.managed import Managed
from clary.services import operation
from clary.services.iam import documents, entities
from clary.store.base import Conflict, Record

KIND = "Policy"
_KINDS = ("Group", "Role", "User")  # what policies are attached to
_VERSIONS = 5  # of a policy at most


def path(arn: str) -> str:
    """The path in a policy's ARN: ``/service-role/``."""
    return arn.partition(":policy")[2].rpartition("/")[0] + "/"


def require(context: Context, arn: str) -> None:
    """``NoSuchEntity`` unless the policy is there, or one of AWS's that Clary has."""
    if managed.find(arn) is None and _find(context, arn) is None:
        way = ""
        if arn.startswith(managed.PREFIX):
            way = (
                " Clary has the most common of AWS's policies (iam.list_policies(Scope='AWS') names them); make "
                "others with iam.create_policy."
            )
        raise entities.no_such_entity(f"Policy {arn} does not exist or is not attachable.{way}")


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
    if (found := managed.find(arn)) is not None:
        return {"Policy": _shown_managed(context, found)}
    return {"Policy": _shown(context, find(context, arn))}


@operation
def list_policies(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    prefix, scope = request.get("PathPrefix", "/"), request.get("Scope", "All")
    own = [] if scope == "AWS" else [_shown(context, p) for p in context.store.scan("", KIND)]
    aws = [] if scope == "Local" else [found for name in managed.names() if (found := managed.by_name(name))]
    wanted = [*own, *(_shown_managed(context, each) for each in aws)]
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
    if (aws := managed.find(arn)) is not None:
        if wanted != aws.version:
            raise _no_version(arn, wanted)
        return {"PolicyVersion": {**_managed_version(aws), "Document": documents.encode(aws.document)}}
    policy = find(context, arn)
    version = _version(policy, wanted)
    return {"PolicyVersion": {**_described(policy, version), "Document": documents.encode(version["Document"])}}


@operation
def list_policy_versions(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    if (aws := managed.find(request["PolicyArn"])) is not None:
        return {"Versions": [_managed_version(aws)], "IsTruncated": False}
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
    arn, wanted = request["PolicyArn"], request.get("EntityFilter")
    require(context, arn)
    prefix = request.get("PathPrefix", "/")
    found = [h for h in _holders(context, arn) if h.body["Path"].startswith(prefix) and wanted in {None, h.kind}]
    shown, more = entities.page(found, lambda h: f"{h.kind} {h.name}", request)
    answer: dict[str, Any] = {f"Policy{kind}s": [] for kind in _KINDS}
    for holder in shown:
        kind = holder.kind
        named = {f"{kind}Name": holder.name, f"{kind}Id": holder.body[f"{kind}Id"]}
        answer[f"Policy{kind}s"].append(named)
    return {**answer, **more}


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
    """The groups, roles and users that the policy is attached to."""
    found = [holder for kind in _KINDS for holder in context.store.scan("", kind)]
    return [holder for holder in found if any(p["PolicyArn"] == arn for p in holder.body["_attached"])]


def _version(policy: Record, wanted: str) -> dict[str, Any]:
    for version in policy.body["_versions"]:
        if version["VersionId"] == wanted:
            found: dict[str, Any] = version
            return found
    raise _no_version(policy.body["Arn"], wanted)


def _no_version(arn: str, wanted: str) -> ServiceError:
    return entities.no_such_entity(f"Policy {arn} version {wanted} does not exist or is not attachable.")


def _managed_version(found: Managed) -> dict[str, Any]:
    return {"VersionId": found.version, "IsDefaultVersion": True, "CreateDate": found.created}


def _described(policy: Record, version: dict[str, Any]) -> dict[str, Any]:
    return {**version, "IsDefaultVersion": version["VersionId"] == policy.body["DefaultVersionId"]}


def _shown(context: Context, policy: Record) -> dict[str, Any]:
    return {**policy.body, **_uses(context, policy.body["Arn"])}


def _shown_managed(context: Context, found: Managed) -> dict[str, Any]:
    return {
        "PolicyName": found.name,
        "PolicyId": "ANPA" + hashlib.sha256(found.arn.encode()).hexdigest()[:17].upper(),
        "Arn": found.arn,
        "Path": found.path,
        "DefaultVersionId": found.version,
        "IsAttachable": True,
        "CreateDate": found.created,
        "UpdateDate": found.created,
        **_uses(context, found.arn),
    }


def _uses(context: Context, arn: str) -> dict[str, int]:
    bounded = [
        holder
        for kind in ("Role", "User")
        for holder in context.store.scan("", kind)
        if holder.body.get("PermissionsBoundary", {}).get("PermissionsBoundaryArn") == arn
    ]
    return {"AttachmentCount": len(_holders(context, arn)), "PermissionsBoundaryUsageCount": len(bounded)}
