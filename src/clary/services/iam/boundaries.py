"""Permissions boundaries of roles and users: the policy that says the most that they may do."""

from __future__ import annotations

from typing import Any

from clary.context import Context
from clary.rights import holders
from clary.services.iam import entities


def given(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    """The member of the record for the boundary that a request names; nothing if it names none."""
    arn = request.get("PermissionsBoundary")
    if arn is None:
        return {}
    if holders.text_of(context.store, arn) is None:
        raise entities.no_such_entity(f"Scope ARN: {arn} does not exist or is not attachable.")
    return {"PermissionsBoundary": {"PermissionsBoundaryType": "Policy", "PermissionsBoundaryArn": arn}}
