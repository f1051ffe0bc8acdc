"""The request that made something, out of what its Describe tells: for the boto3 call and for a copy of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from botocore.model import Shape

from clary.context import Context


def made_by(context: Context, service: str, operation: str, found: Mapping[str, Any]) -> dict[str, Any]:
    """The members of ``found`` that the operation takes, however deep; empty ones and those it does not know left out."""
    shape = context.model(service).operation_model(operation).input_shape
    made = _taken(shape, found)
    assert isinstance(made, dict)
    return made


def _taken(shape: Shape | None, value: Any) -> Any:
    if shape is None:
        return value
    match shape.type_name:
        case "structure":
            known = {name: _taken(member, value[name]) for name, member in shape.members.items() if name in value}
            return {name: member for name, member in known.items() if member not in (None, "", [], {})}
        case "list":
            return [_taken(shape.member, each) for each in value]
        case "map":
            return dict(value)
    return value
