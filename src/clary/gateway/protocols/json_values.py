"""Values between JSON and the shapes of a model: for the JSON protocols and the bodies of REST-JSON."""

from __future__ import annotations

import base64
import binascii
import json
import math
from datetime import datetime
from typing import Any

from botocore.model import ListShape, MapShape, OperationModel, Shape, StructureShape

from clary.errors import ServiceError
from clary.gateway.protocols import timestamps

_TYPES: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "character": (str,),
    "blob": (str,),
    "boolean": (bool,),
    "integer": (int,),
    "long": (int,),
    "float": (int, float),
    "double": (int, float),
}
_SPECIAL = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}


def load(body: bytes) -> Any:
    try:
        return json.loads(body or b"{}")
    except ValueError as error:
        raise malformed(f"The body is not JSON: {error}") from None


def malformed(what: str) -> ServiceError:
    return ServiceError(what, code="SerializationException")


def from_json(shape: Shape, value: Any, path: str = "") -> Any:
    """The value as Python has it; unknown members, of a newer client, are left out."""
    match shape:
        case StructureShape():
            if shape.is_document_type:
                return value
            _expect(value, dict, "structure", path)
            return {
                name: from_json(member, value[wire], f"{path}{name}.")
                for name, member in shape.members.items()
                if value.get(wire := member.serialization.get("name", name)) is not None
            }
        case ListShape():
            _expect(value, list, "list", path)
            return [from_json(shape.member, item, path) for item in value if item is not None]
        case MapShape():
            _expect(value, dict, "map", path)
            return {key: from_json(shape.value, item, path) for key, item in value.items() if item is not None}
    return _scalar(shape, value, path)


def _scalar(shape: Shape, value: Any, path: str) -> Any:
    kind = shape.type_name
    if kind == "timestamp":
        try:
            return timestamps.parse(value)
        except ValueError:
            raise malformed(f"{value!r} at {path.rstrip('.')!r} is no timestamp") from None
    if kind in {"float", "double"} and value in _SPECIAL:
        return _SPECIAL[value]
    allowed: tuple[type[Any], ...] = _TYPES.get(kind, (object,))
    if not isinstance(value, allowed) or (isinstance(value, bool) and bool not in allowed):
        raise malformed(f"{type(value).__name__} at {path.rstrip('.')!r} can not be converted to {kind}")
    if kind == "blob":
        try:
            return base64.b64decode(value, validate=True)
        except (binascii.Error, ValueError):
            raise malformed(f"the blob at {path.rstrip('.')!r} is not base64") from None
    return value


def _expect(value: Any, kind: type, name: str, path: str) -> None:
    if not isinstance(value, kind):
        where = path.rstrip(".") or "the top"
        raise malformed(f"{type(value).__name__} at {where!r} can not be converted to {name}")


def to_json(shape: Shape, value: Any) -> Any:
    """The value as JSON holds it: members that the shape lacks and Nones are left out."""
    match shape:
        case StructureShape():
            if shape.is_document_type:
                return value
            return {
                member.serialization.get("name", name): to_json(member, value[name])
                for name, member in shape.members.items()
                if value.get(name) is not None
            }
        case ListShape():
            return [to_json(shape.member, item) for item in value]
        case MapShape():
            return {key: to_json(shape.value, item) for key, item in value.items()}
    match shape.type_name:
        case "timestamp":
            return _time(shape, value)
        case "blob":
            return base64.b64encode(value.encode() if isinstance(value, str) else value).decode()
        case "float" | "double" if not math.isfinite(value):
            return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    return value


def _time(shape: Shape, value: Any) -> Any:
    form = shape.serialization.get("timestampFormat", "unixTimestamp")
    time = timestamps.parse(value) if not isinstance(value, datetime) else value
    if form != "unixTimestamp":
        return timestamps.write(time, form)
    seconds = round(time.timestamp(), 3)
    return int(seconds) if seconds.is_integer() else seconds


def error_shape(operation: OperationModel | None, error: ServiceError) -> StructureShape | None:
    """The modelled shape of an error, found by its name or by the code that its service gives it."""
    if operation is None:
        return None
    for shape in operation.service_model.error_shapes:
        if error.code in {shape.name, shape.metadata.get("error", {}).get("code")}:
            return shape
    return None


def error_status(shape: StructureShape | None, error: ServiceError) -> int:
    """The model's status where it states one, else the error's own."""
    if shape is not None and "httpStatusCode" in shape.metadata.get("error", {}):
        return int(shape.metadata["error"]["httpStatusCode"])
    return error.status


def query_code(operation: OperationModel | None, error: ServiceError) -> str:
    shape = error_shape(operation, error)
    return str(shape.metadata.get("error", {}).get("code", error.code)) if shape is not None else error.code
