"""A group's policies: the operations, each as ``attachments`` does it."""

from __future__ import annotations

from typing import Any

from clary.context import Context
from clary.services import operation
from clary.services.iam.attachments import Attachments

_GROUPS = Attachments("Group")


@operation
def attach_group_policy(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    return _GROUPS.attach(context, request)


@operation
def detach_group_policy(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    return _GROUPS.detach(context, request)


@operation
def list_attached_group_policies(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    return _GROUPS.list_attached(context, request)


@operation
def put_group_policy(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    return _GROUPS.put(context, request)


@operation
def get_group_policy(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    return _GROUPS.get(context, request)


@operation
def list_group_policies(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    return _GROUPS.list_written(context, request)


@operation
def delete_group_policy(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    return _GROUPS.delete(context, request)
