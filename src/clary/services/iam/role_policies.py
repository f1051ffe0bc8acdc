"""A role's policies: those attached to it, and those written into it."""

from __future__ import annotations

from typing import Any

from clary.context import Context
from clary.errors import ServiceError
from clary.services import operation
from clary.services.iam import documents, entities, policies, roles
from clary.store.base import Record

_ATTACHED = 20  # policies attached to a role at most; AWS allows 10, and 20 on request


@operation
def attach_role_policy(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    arn = request["PolicyArn"]

    def attach(role: Record) -> Record:
        attached = role.body["_attached"]
        if any(p["PolicyArn"] == arn for p in attached):
            return role
        if len(attached) == _ATTACHED:
            raise entities.limit_exceeded(f"Cannot exceed quota for PoliciesPerRole: {_ATTACHED}")
        new = {"PolicyName": arn.rpartition("/")[2], "PolicyArn": arn}
        return roles.with_members(role, _attached=[*attached, new])

    roles.find(context, request["RoleName"])
    policies.require(context, arn)
    roles.edit(context, request["RoleName"], attach)
    return {}


@operation
def detach_role_policy(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    arn = request["PolicyArn"]

    def detach(role: Record) -> Record:
        kept = [p for p in role.body["_attached"] if p["PolicyArn"] != arn]
        if len(kept) == len(role.body["_attached"]):
            raise entities.no_such_entity(f"Policy {arn} was not found.")
        return roles.with_members(role, _attached=kept)

    roles.edit(context, request["RoleName"], detach)
    return {}


@operation
def list_attached_role_policies(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    attached = roles.find(context, request["RoleName"]).body["_attached"]
    prefix = request.get("PathPrefix", "/")
    wanted = [p for p in attached if policies.path(p["PolicyArn"]).startswith(prefix)]
    shown, more = entities.page(wanted, lambda p: f"{p['PolicyName']} {p['PolicyArn']}", request)
    return {"AttachedPolicies": shown, **more}


@operation
def put_role_policy(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    name, document = request["PolicyName"], documents.check(request["PolicyDocument"])

    def put(role: Record) -> Record:
        return roles.with_members(role, _inline={**role.body["_inline"], name: document})

    roles.edit(context, request["RoleName"], put)
    return {}


@operation
def get_role_policy(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    role, name = roles.find(context, request["RoleName"]), request["PolicyName"]
    document = role.body["_inline"].get(name)
    if document is None:
        raise _missing(name)
    return {"RoleName": role.name, "PolicyName": name, "PolicyDocument": documents.encode(document)}


@operation
def list_role_policies(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    shown, more = entities.page(roles.find(context, request["RoleName"]).body["_inline"], str, request)
    return {"PolicyNames": shown, **more}


@operation
def delete_role_policy(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    name = request["PolicyName"]

    def delete(role: Record) -> Record:
        if name not in role.body["_inline"]:
            raise _missing(name)
        kept = {other: document for other, document in role.body["_inline"].items() if other != name}
        return roles.with_members(role, _inline=kept)

    roles.edit(context, request["RoleName"], delete)
    return {}


def _missing(name: str) -> ServiceError:
    return entities.no_such_entity(f"The role policy with name {name} cannot be found.")
