"""Groups: policies that several users have. A user's record names its groups."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from typing import Any

from clary.context import Context
from clary.keys import new_id
from clary.services import operation, resources
from clary.services.iam import entities, users
from clary.store.base import Conflict, Record

KIND = "Group"


@operation
def create_group(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    name, path, now = request["GroupName"], request.get("Path", "/"), context.now()
    body = {
        "Path": path,
        "GroupName": name,
        "GroupId": new_id("AGPA"),
        "Arn": entities.arn(context, "group", path, name),
        "CreateDate": now,
        "_attached": [],
        "_inline": {},
    }
    try:
        context.store.create(Record(kind=KIND, name=name, body=body, created=now, modified=now))
    except Conflict:
        raise entities.already_exists(f"Group with name {name} already exists.") from None
    return {"Group": body}


@operation
def get_group(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    group = _find(context, request)
    shown, more = entities.page(_users(context, group.name), lambda user: user.name, request)
    return {"Group": group.body, "Users": [{**user.body, "Tags": None} for user in shown], **more}


@operation
def list_groups(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    prefix = request.get("PathPrefix", "/")
    groups = (group for group in context.store.scan("", KIND) if group.body["Path"].startswith(prefix))
    shown, more = entities.page(groups, lambda group: group.name, request)
    return {"Groups": [group.body for group in shown], **more}


@operation
def list_groups_for_user(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    names = users.find(context, request["UserName"]).body["_groups"]
    groups = [group for name in names if (group := context.store.get("", KIND, name)) is not None]
    shown, more = entities.page(groups, lambda group: group.name, request)
    return {"Groups": [group.body for group in shown], **more}


@operation
def add_user_to_group(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    name = _find(context, request).name

    def add(user: Record) -> Record:
        groups = user.body["_groups"]
        return user if name in groups else replace(user, body={**user.body, "_groups": [*groups, name]})

    users.edit(context, request["UserName"], add)
    return {}


@operation
def remove_user_from_group(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    name = _find(context, request).name

    def remove(user: Record) -> Record:
        return replace(user, body={**user.body, "_groups": [g for g in user.body["_groups"] if g != name]})

    users.edit(context, request["UserName"], remove)
    return {}


@operation
def delete_group(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    while True:
        group = _find(context, request)
        obstacles = {
            "remove users from group": _users(context, group.name),
            "detach all policies": group.body["_attached"],
            "delete policies": group.body["_inline"],
        }
        for what, there in obstacles.items():
            if there:
                raise entities.delete_conflict(f"Cannot delete entity, must {what} first.")
        with contextlib.suppress(Conflict):
            context.store.delete(group)
            return {}


def _find(context: Context, request: dict[str, Any]) -> Record:
    name = request["GroupName"]
    missing = entities.no_such_entity(f"The group with name {name} cannot be found.")
    return resources.find(entities.everywhere(context), KIND, name, missing=missing)


def _users(context: Context, group: str) -> list[Record]:
    return [user for user in context.store.scan("", users.KIND) if group in user.body["_groups"]]
