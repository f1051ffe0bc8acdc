"""What experiments and lineage entities share: who made them, how lists show them, what forbids their deletion."""

from __future__ import annotations

from typing import Any

from clary.context import Context
from clary.errors import ValidationException
from clary.services.sagemaker.kinds import user
from clary.store.base import Record


def first(context: Context) -> dict[str, Any]:
    """The members of a new entity that say who made it."""
    return {"CreatedBy": user(context), "LastModifiedBy": user(context)}


def last(context: Context) -> dict[str, Any]:
    """The members of a changed one."""
    return {"LastModifiedBy": user(context)}


def summary(record: Record, source: str) -> dict[str, Any]:
    """The body as lists show it, where Describe's ``Source`` has another name."""
    return record.body | ({source: record.body["Source"]} if "Source" in record.body else {})


def with_properties(record: Record, request: dict[str, Any]) -> dict[str, Any]:
    """The request's members, its Properties merged into those that are there and PropertiesToRemove taken out."""
    gone = set(request.get("PropertiesToRemove", []))
    kept = {key: value for key, value in record.body.get("Properties", {}).items() if key not in gone}
    merged = kept | request.get("Properties", {})
    if len(merged) > 30:
        raise ValidationException(f"An entity has 30 properties at most; this would make {len(merged)}.")
    given = {member: value for member, value in request.items() if member != "PropertiesToRemove"}
    return given | {"Properties": merged}


def refuse_associated(context: Context, record: Record) -> None:
    """``ValidationException`` while the lineage graph leads to or from the entity."""
    if context.associations.touches(record.arn):
        raise ValidationException(
            f"{record.arn} cannot be deleted while it has associations: delete them first (DeleteAssociation)."
        )
