"""Values between documents and the shapes of a model: the walk that JSON and CBOR share. Plain values differ by format."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from botocore.model import ListShape, MapShape, Shape, StructureShape

from clary.errors import ServiceError
from clary.gateway.protocols import numbers

Reader = Callable[[Shape, Any, str], Any]
"""A plain value of a document as Python has it; its path is for errors."""
Writer = Callable[[Shape, Any], Any]

TYPES: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "character": (str,),
    "boolean": (bool,),
    "integer": (int,),
    "long": (int,),
    "float": (int, float),
    "double": (int, float),
}
"""What may stand for a plain type, in JSON and in CBOR."""


def malformed(what: str) -> ServiceError:
    return ServiceError(what, code="SerializationException")


def read(shape: Shape, value: Any, scalar: Reader, path: str = "") -> Any:
    """The value as Python has it; unknown members, of a newer client, are left out.

    ``SerializationException`` where the document is not what the model says.
    """
    match shape:
        case StructureShape():
            if shape.is_document_type:
                return value
            _expect(value, dict, "structure", path)
            return {
                name: read(member, value[wire], scalar, f"{path}{name}.")
                for name, member in shape.members.items()
                if value.get(wire := member.serialization.get("name", name)) is not None
            }
        case ListShape():
            _expect(value, list, "list", path)
            return [read(shape.member, item, scalar, path) for item in value if item is not None]
        case MapShape():
            _expect(value, dict, "map", path)
            return {
                text(key, path): read(shape.value, item, scalar, path)
                for key, item in value.items()
                if item is not None
            }
    return scalar(shape, value, path.rstrip("."))


def write(shape: Shape, value: Any, scalar: Writer) -> Any:
    """The value as the document holds it: members that the shape lacks and Nones are left out."""
    match shape:
        case StructureShape():
            if shape.is_document_type:
                return value
            return {
                member.serialization.get("name", name): write(member, value[name], scalar)
                for name, member in shape.members.items()
                if value.get(name) is not None
            }
        case ListShape():
            return [write(shape.member, item, scalar) for item in value]
        case MapShape():
            return {key: write(shape.value, item, scalar) for key, item in value.items()}
    return scalar(shape, value)


def checked(shape: Shape, value: Any, path: str) -> Any:
    """The value, if its type may stand for the shape's."""
    allowed: tuple[type[Any], ...] = TYPES.get(shape.type_name, (object,))
    if not isinstance(value, allowed) or (isinstance(value, bool) and bool not in allowed):
        raise malformed(f"{type(value).__name__} at {path!r} can not be converted to {shape.type_name}")
    if shape.type_name in {"integer", "long"}:
        try:
            numbers.fitting(value, shape.type_name)
        except ValueError as error:
            raise malformed(f"{error} at {path!r}") from None
    return value


def text(key: Any, path: str) -> str:
    if not isinstance(key, str):
        raise malformed(f"{type(key).__name__} at {path.rstrip('.')!r} can not be converted to a map's key")
    return key


def _expect(value: Any, kind: type, name: str, path: str) -> None:
    if not isinstance(value, kind):
        where = path.rstrip(".") or "the top"
        raise malformed(f"{type(value).__name__} at {where!r} can not be converted to {name}")
