"""A user's policies: the operations, each as ``attachments`` does it."""

from __future__ import annotations

from typing import Any

from clary.context import Context
from clary.services import operation
from clary.services.iam.attachments import Attachments

_USERS = Attachments("User")


@operation
def attach_user_policy(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    return _USERS.attach(context, request)


@operation
def detach_user_policy(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    return _USERS.detach(context, request)


@operation
def list_attached_user_policies(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    return _USERS.list_attached(context, request)


@operation
def put_user_policy(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    return _USERS.put(context, request)


@operation
def get_user_policy(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    return _USERS.get(context, request)


@operation
def list_user_policies(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    return _USERS.list_written(context, request)


@operation
def delete_user_policy(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    return _USERS.delete(context, request)


@operation
def put_user_permissions_boundary(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    return _USERS.bound(context, request)


@operation
def delete_user_permissions_boundary(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    return _USERS.unbound(context, request)
