"""A role's policies: the operations, each as ``attachments`` does it."""

from __future__ import annotations

from typing import Any

from clary.context import Context
from clary.services import operation
from clary.services.iam.attachments import Attachments

_ROLES = Attachments("Role")


@operation
def attach_role_policy(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    return _ROLES.attach(context, request)


@operation
def detach_role_policy(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    return _ROLES.detach(context, request)


@operation
def list_attached_role_policies(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    return _ROLES.list_attached(context, request)


@operation
def put_role_policy(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    return _ROLES.put(context, request)


@operation
def get_role_policy(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    return _ROLES.get(context, request)


@operation
def list_role_policies(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    return _ROLES.list_written(context, request)


@operation
def delete_role_policy(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    return _ROLES.delete(context, request)


@operation
def put_role_permissions_boundary(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    return _ROLES.bound(context, request)


@operation
def delete_role_permissions_boundary(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    return _ROLES.unbound(context, request)
