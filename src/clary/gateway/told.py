"""An operation's answer as boto3 tells it: its times as aware datetimes, whatever form the operation gave them in."""

from __future__ import annotations

from functools import cache
from typing import Any

from botocore.model import Shape

from clary.gateway.protocols import timestamps


def told(shape: Shape | None, value: Any) -> Any:
    """``value`` with every member that the shape calls a timestamp as one."""
    if shape is None or value is None or not _holds_times(shape):
        return value
    match shape.type_name:
        case "timestamp":
            return timestamps.parse(value)
        case "structure":
            members = shape.members
            return {name: told(members.get(name), item) for name, item in value.items()}
        case "list":
            return [told(shape.member, item) for item in value]
        case "map":
            return {name: told(shape.value, item) for name, item in value.items()}
    return value


def _holds_times(shape: Shape) -> bool:
    return _search(shape, ())


@cache
def _search(shape: Shape, above: tuple[str, ...]) -> bool:
    if shape.type_name == "timestamp":
        return True
    if shape.name in above:  # a shape that holds itself
        return False
    inner = (*above, shape.name)
    match shape.type_name:
        case "structure":
            return any(_search(member, inner) for member in shape.members.values())
        case "list":
            return _search(shape.member, inner)
        case "map":
            return _search(shape.value, inner)
    return False
