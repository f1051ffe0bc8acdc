"""What a kind of SageMaker's resources is: its name in records and ARNs, its words for one that is missing or taken.

A module names its kind once, ``MODELS = Kind(...)``; its operations are plain functions that work on it.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from clary.context import Context
from clary.errors import NotServed, ResourceInUse, ServiceError, ValidationException
from clary.services import resources
from clary.store.base import Conflict, Operator, Record

Words = tuple[type[ServiceError], str]
"""An error and its text, in which ``{name}`` and ``{arn}`` stand for the resource's."""

User = tuple[str, str, Operator, Any]
"""Records that use another one: their kind, and the condition that they fulfil."""

_MOST_TAGS = 50  # of a resource


@dataclass(frozen=True, kw_only=True)
class Kind:
    """``name`` is its records' kind, whose member ``<name>Arn`` holds the ARN; ``type`` is the word in that ARN.

    ``status`` names the member that tells a record's status, where there is one.
    """

    name: str
    type: str
    missing: Words
    taken: Words
    status: str = ""

    def arn(self, context: Context, name: str) -> str:
        return context.arn("sagemaker", self.type, name)

    def create(
        self,
        context: Context,
        name: str,
        body: Mapping[str, Any],
        *,
        status: str = "",
        arn: str = "",
        parent: tuple[Kind, str] | None = None,
    ) -> Record:
        """Write a new record with its times, its maker and its tags; ``taken`` if there is one of that name or ARN.

        ``parent``: the kind and name of a record that must outlive this one; its ``missing`` if it is gone.
        """
        arn = arn or self.arn(context, name)
        members = {**body, f"{self.name}Arn": arn, "CreatedBy": user(context), "LastModifiedBy": user(context)}
        if self.status:
            members[self.status] = status
        if "Tags" in members:
            members["Tags"] = merge_tags([], members["Tags"])
        taken = _error(self.taken, name, arn)
        record = resources.create(context, self.name, name, members, taken=taken, status=status)
        if parent is not None:
            kind, of = parent
            try:
                resources.hold(context, kind.name, of, missing=kind.absent(context, of))
            except ServiceError:
                context.store.delete(record)
                raise
        return record

    def find(self, context: Context, name: str) -> Record:
        """By its name, or its ARN; ``missing``."""
        return resources.find_named(context, self.name, name, missing=self.absent(context, name))

    def change(self, context: Context, name: str, edit: Callable[[Record], Record]) -> Record:
        """Edit it by its name; ``edit`` may refuse by raising."""
        return resources.change(context, self.name, name, edit, missing=self.absent(context, name))

    def update(self, context: Context, name: str, members: Mapping[str, Any]) -> Record:
        """Set these members, the time and who did."""
        return self.change(context, name, lambda record: self.edited(context, record, members))

    def edited(self, context: Context, record: Record, members: Mapping[str, Any], status: str = "") -> Record:
        """The record with these members and, if one is given, in this status: for ``change``."""
        members = {**members, "LastModifiedBy": user(context), **({self.status: status} if status else {})}
        return resources.with_members(record, context, status or None, **members)

    def delete(self, context: Context, name: str, check: Callable[[Record], None] | None = None) -> Record:
        """Remove it by its name; ``check`` may refuse by raising."""
        return resources.delete(context, self.name, name, missing=self.absent(context, name), check=check)

    def page(self, context: Context, request: dict[str, Any], **given: Any) -> tuple[list[Record], dict[str, str]]:
        """A page of a list; see ``resources.page``."""
        return resources.page(context, self.name, request, **given)

    def all(self, context: Context, *where: tuple[str, Operator, Any], limit: int = 1 << 30) -> list[Record]:
        """Those that fulfil the conditions, by name; see ``resources.matching``."""
        return resources.matching(context, self.name, *where, limit=limit)

    def absent(self, context: Context, name: str) -> ServiceError:
        """What to raise where there is none of that name, or of that ARN."""
        if name.startswith("arn:"):
            return _error(self.missing, name.rpartition("/")[2], name)
        return _error(self.missing, name, self.arn(context, name))


def merge_tags(present: list[dict[str, str]], new: list[dict[str, str]]) -> list[dict[str, str]]:
    """Tags with the new ones set, by key; ``ValidationException`` for a key given twice, one of AWS's own, or too many."""
    keys = [tag["Key"] for tag in new]
    if len(set(keys)) != len(keys):
        raise ValidationException("Duplicate tag keys found in the request: give each key once.")
    if reserved := [key for key in keys if key.lower().startswith("aws:")]:
        raise ValidationException(
            f"The tag key {reserved[0]!r} begins with aws:, which is reserved for AWS's own tags."
        )
    merged = {tag["Key"]: tag["Value"] for tag in (*present, *new)}
    if len(merged) > _MOST_TAGS:
        raise ValidationException(f"A resource has {_MOST_TAGS} tags at most; this would make {len(merged)}.")
    return [{"Key": key, "Value": merged[key]} for key in sorted(merged)]


def refuse(request: Mapping[str, Any], operation: str, instead: Mapping[str, str]) -> None:
    """``NotServed`` for a member that the request holds: asked for and not done would be a lie."""
    for member, way in instead.items():
        if request.get(member):
            raise NotServed(f"{operation} with {member} is not served yet: {way}.")


def refuse_used(context: Context, record: Record, *users: User) -> None:
    """``ResourceInUse`` if there is such a user of the record: a check for ``delete``."""
    for kind, field, operator, value in users:
        if resources.matching(context, kind, (field, operator, value), limit=1):
            raise ResourceInUse(
                f"Unable to delete {record.kind} [{record.arn}] because {kind}(s) are associated with it."
            )


def delete_all(context: Context, users: User) -> None:
    """Remove the records that go with another one."""
    kind, field, operator, value = users
    while found := resources.matching(context, kind, (field, operator, value)):
        for record in found:
            with contextlib.suppress(Conflict):
                context.store.delete(record)


def user(context: Context) -> dict[str, Any]:
    """Who asks, as a UserContext."""
    return {"IamIdentity": {"Arn": context.identity.arn, "PrincipalId": context.identity.user_id}}


def _error(words: Words, name: str, arn: str) -> ServiceError:
    error, text = words
    return error(text.format(name=name, arn=arn))
