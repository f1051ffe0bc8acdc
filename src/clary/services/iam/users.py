"""Users: people and programs with keys of their own, and no more rights than their policies give.

A user's keys answer as an assumed role of the user's name (``clary.rights.holders``), so one name is a role's or a
user's, never both's.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from clary import keys
from clary.context import Context
from clary.errors import ServiceError
from clary.keys import new_id
from clary.services import operation, resources
from clary.services.iam import boundaries, entities
from clary.store.base import Conflict, Record

KIND = "User"


@operation
def create_user(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    name, path, now = request["UserName"], request.get("Path", "/"), context.now()
    if context.store.get("", "Role", name) is not None:
        raise entities.already_exists(
            f"A role with name {name} already exists, and a user answers as a role of its name."
        )
    body = {
        "Path": path,
        "UserName": name,
        "UserId": new_id("AIDA"),
        "Arn": entities.arn(context, "user", path, name),
        "CreateDate": now,
        "Tags": entities.merge_tags([], request.get("Tags", [])),
        "_attached": [],  # [{PolicyName, PolicyArn}]
        "_inline": {},  # name → document
        "_groups": [],  # names
        **boundaries.given(context, request),
    }
    try:
        context.store.create(Record(kind=KIND, name=name, body=body, created=now, modified=now))
    except Conflict:
        raise entities.already_exists(f"User with name {name} already exists.") from None
    return {"User": body}


@operation
def get_user(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    return {"User": find(context, request.get("UserName") or own_name(context)).body}


@operation
def list_users(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    prefix = request.get("PathPrefix", "/")
    users = (user for user in context.store.scan("", KIND) if user.body["Path"].startswith(prefix))
    shown, more = entities.page(users, lambda user: user.name, request)
    hidden = {"Tags": None, "PermissionsBoundary": None}  # GetUser alone tells these
    return {"Users": [{**user.body, **hidden} for user in shown], **more}


@operation
def update_user(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    """A user of a new name keeps its keys; the sessions that they began end."""
    user = find(context, request["UserName"])
    name, path = request.get("NewUserName", user.name), request.get("NewPath", user.body["Path"])
    moved = {"UserName": name, "Path": path, "Arn": entities.arn(context, "user", path, name)}
    if name == user.name:
        edit(context, name, lambda record: replace(record, body={**record.body, **moved}))
        return {}
    if any(context.store.get("", kind, name) is not None for kind in (KIND, "Role")):
        raise entities.already_exists(f"User with name {name} already exists.")
    with contextlib.suppress(Conflict):
        context.store.create(replace(user, name=name, body={**user.body, **moved}))
    _rename_keys(context, user, name)
    context.store.delete(user)
    _end_sessions(context, user)
    return {}


@operation
def delete_user(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    while True:
        user = find(context, request["UserName"])
        for reason in _obstacles(context, user):
            raise entities.delete_conflict(f"Cannot delete entity, must {reason} first.")
        with contextlib.suppress(Conflict):
            context.store.delete(user)
            _end_sessions(context, user)
            return {}


@operation
def tag_user(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    def tag(user: Record) -> Record:
        return replace(user, body={**user.body, "Tags": entities.merge_tags(user.body["Tags"], request["Tags"])})

    edit(context, request["UserName"], tag)
    return {}


@operation
def untag_user(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    gone = {key.lower() for key in request["TagKeys"]}

    def untag(user: Record) -> Record:
        kept = [tag for tag in user.body["Tags"] if tag["Key"].lower() not in gone]
        return replace(user, body={**user.body, "Tags": kept})

    edit(context, request["UserName"], untag)
    return {}


@operation
def list_user_tags(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    shown, more = entities.page(find(context, request["UserName"]).body["Tags"], lambda tag: tag["Key"], request)
    return {"Tags": shown, **more}


def find(context: Context, name: str) -> Record:
    return resources.find(entities.everywhere(context), KIND, name, missing=missing(name))


def edit(context: Context, name: str, how: Callable[[Record], Record]) -> Record:
    return resources.change(entities.everywhere(context), KIND, name, how, missing=missing(name))


def missing(name: str) -> ServiceError:
    return entities.no_such_entity(f"The user with name {name} cannot be found.")


def own_name(context: Context) -> str:
    """The user who asks; ``ValidationError`` if it is none."""
    holder = context.rights.holder(context.identity.name)
    if holder is None or holder.kind != KIND or context.identity.owner:
        raise entities.invalid("Must specify userName when calling with non-User credentials")
    return holder.name


def _obstacles(context: Context, user: Record) -> list[str]:
    found = {
        "delete access keys": keys.of_user(context.store, user.name),
        "detach all policies": user.body["_attached"],
        "delete policies": user.body["_inline"],
        "remove users from group": user.body["_groups"],
    }
    return [what for what, there in found.items() if there]


def _rename_keys(context: Context, user: Record, name: str) -> None:
    arn = f"arn:aws:sts::{context.account}:assumed-role/{name}/{name}"
    for key in keys.of_user(context.store, user.name):
        members = {"UserName": name, "Arn": arn, "UserId": f"{user.body['UserId']}:{name}"}
        context.store.put(replace(key, body={**key.body, **members}))


def _end_sessions(context: Context, user: Record) -> None:
    for session in keys.sessions_of(context.store, user.body["UserId"]):
        keys.void(context.store, session.name)
