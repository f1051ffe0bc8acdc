"""Who holds policies: roles and users, as the store has them.

A user's keys answer as an assumed role of the user's name, so that clients that ask "which role am I?" find one. That
role is the user: it has no record of its own and the user's policies.

Records (written by ``clary.services.iam``): ``Role``, ``User`` and ``Group`` with ``_attached`` [{PolicyName,
PolicyArn}], ``_inline`` {name: document} and ``PermissionsBoundary``; ``User`` with ``_groups`` [name]; ``Policy`` with
``_versions``.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

from clary.rights import documents, managed
from clary.rights.documents import MalformedPolicy, Policy
from clary.rights.evaluation import Caller
from clary.store.base import GLOBAL, Record, Store

KINDS = frozenset({"Role", "User", "Group", "Policy"})
"""The kinds of records that say what somebody may do."""


@dataclass(frozen=True)
class Holder:
    """A role or a user. ``role_arn`` is the role that it is, or answers as; ``trust`` who may be it."""

    kind: Literal["Role", "User"]
    name: str
    arn: str
    id: str
    role_arn: str
    policies: tuple[Policy, ...]
    boundary: Policy | None
    trust: Policy
    tags: Mapping[str, str] = field(default_factory=dict)

    def session_arn(self, session: str) -> str:
        return f"arn:aws:sts::{self.arn.split(':')[4]}:assumed-role/{self.name}/{session}"

    def caller(self, session_arn: str) -> Caller:
        """By which names a session of this holder may be meant in a resource's policy."""
        own = (session_arn, self.arn) if self.kind == "User" else (session_arn,)
        return Caller(own=own, role=self.role_arn, account=self.arn.split(":")[4])


def find(store: Store, name: str) -> Holder | None:
    """The role of this name, or the user; names are given out once."""
    if (role := store.get(GLOBAL, "Role", name)) is not None:
        return _holder(
            store, "Role", role, role.body["Arn"], role.body["RoleId"], role.body["AssumeRolePolicyDocument"]
        )
    if (user := store.get(GLOBAL, "User", name)) is not None:
        return _holder(store, "User", user, role_arn(user), user.body["UserId"], trust(user))
    return None


def role_arn(user: Record) -> str:
    """Of the role that a user answers as."""
    return str(user.body["Arn"]).replace(":user/", ":role/", 1)


def trust(user: Record) -> str:
    """Who may be that role: jobs, and the user."""
    principal = {"Service": "sagemaker.amazonaws.com", "AWS": user.body["Arn"]}
    statement = {"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def _holder(
    store: Store, kind: Literal["Role", "User"], record: Record, role: str, identifier: str, trusted: str
) -> Holder:
    boundary = record.body.get("PermissionsBoundary")
    return Holder(
        kind=kind,
        name=record.name,
        arn=record.body["Arn"],
        id=identifier,
        role_arn=role,
        policies=tuple(_policies(store, record)),
        boundary=document(store, boundary["PermissionsBoundaryArn"]) or _NOTHING if boundary else None,
        trust=_kept(trusted, "trust", record.name),
        tags={tag["Key"]: tag["Value"] for tag in record.body.get("Tags", [])},
    )


def _policies(store: Store, record: Record) -> Iterator[Policy]:
    yield from own(store, record)
    for name in record.body.get("_groups", []):
        if (group := store.get(GLOBAL, "Group", name)) is not None:
            yield from own(store, group)


def own(store: Store, record: Record) -> Iterator[Policy]:
    """The policies written into a role, a user or a group, and those attached to it."""
    for name, text in record.body["_inline"].items():
        yield _kept(text, "identity", f"{record.kind.lower()}_{record.name}_{name}")
    for attached in record.body["_attached"]:
        if (found := document(store, attached["PolicyArn"])) is not None:
            yield found


def document(store: Store, arn: str) -> Policy | None:
    """A policy that can be attached, in its default version; None if there is none such."""
    text = text_of(store, arn)
    return None if text is None else _kept(text, "identity", arn.rpartition("/")[2])


def text_of(store: Store, arn: str) -> str | None:
    if (found := managed.find(arn)) is not None:
        return found.document
    record = store.get(GLOBAL, "Policy", arn.rpartition("/")[2])
    if record is None or record.body["Arn"] != arn:
        return None
    default = record.body["DefaultVersionId"]
    return next(str(v["Document"]) for v in record.body["_versions"] if v["VersionId"] == default)


_NOTHING = Policy(())


def _kept(text: str, kind: documents.Kind, name: str) -> Policy:
    """A document of the store. One that an older Clary took and that cannot be read allows nothing."""
    try:
        return documents.read(text, kind, name)
    except MalformedPolicy:
        return _NOTHING
