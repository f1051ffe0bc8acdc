"""Checks a request against the constraints that the service model states, in AWS's own words (sheet: wire, §3).

botocore's clients check what is missing, of the wrong type or too small before they send; all else reaches the server.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import islice
from typing import Any

from botocore.model import ListShape, MapShape, OperationModel, Shape, StringShape, StructureShape

from clary.errors import ServiceError
from clary.gateway import java_patterns

_CODES = {
    "logs": "InvalidParameterException",
    "sagemaker-runtime": "ValidationError",
    "sagemaker-featurestore-runtime": "ValidationError",
    "sts": "ValidationError",
    "iam": "ValidationError",
    "cloudwatch": "ValidationError",
}
_SENSITIVE = "***Sensitive Data Redacted***"
_NUMBERS = ("integer", "long", "float", "double")
_TOLD = 100  # problems, at most: a list of a million wrong items has one of each
_MANY = 1000  # items that are shown; of a list that is too long and longer than this none is checked
_LONGEST = 4096  # characters of a value that is matched against a pattern, and shown


def validate(operation: OperationModel, request: dict[str, Any]) -> None:
    """``ValidationException`` (under the service's own code) that names every member that breaks a rule."""
    shape = operation.input_shape
    if shape is None:
        return
    service = operation.service_model.service_name
    if service == "s3":
        _only_required(shape, request)
        return
    problems = list(islice(_structure(shape, request, ""), _TOLD))
    if problems:
        count = len(problems)
        noun = "error" if count == 1 else "errors"
        text = f"{count} validation {noun} detected: " + "; ".join(problems)
        raise ServiceError(text, code=_CODES.get(service, "ValidationException"))


def _only_required(shape: StructureShape, request: dict[str, Any]) -> None:
    for name in shape.required_members:
        if name not in request:
            raise ServiceError(f"The request lacks {name}.", code="InvalidRequest")


def _structure(shape: StructureShape, value: dict[str, Any], path: str) -> Iterator[str]:
    for name in shape.required_members:
        if value.get(name) is None:
            yield f"Value null at '{path}{_lower(name)}' failed to satisfy constraint: Member must not be null"
    for name, member in shape.members.items():
        if value.get(name) is not None:
            yield from _problems(member, value[name], f"{path}{_lower(name)}")


def _problems(shape: Shape, value: Any, path: str) -> Iterator[str]:
    match shape:
        case StructureShape():
            if not shape.is_document_type:
                yield from _structure(shape, value, f"{path}.")
            return
        case ListShape():
            yield from _list(shape, value, path)
            return
        case MapShape():
            yield from _map(shape, value, path)
            return
    for rule in _broken(shape, value):
        yield _failed(shape, value, path, rule)


def _list(shape: ListShape, value: list[Any], path: str) -> Iterator[str]:
    for rule in _sized(shape, len(value)):
        yield _failed(shape, value, path, rule)
        if len(value) > _MANY:  # what is far too long is not looked at any closer
            return
    if isinstance(shape.member, StructureShape | ListShape | MapShape):
        for number, item in enumerate(value, 1):
            yield from _problems(shape.member, item, f"{path}.{number}.member")
    elif any(next(_broken(shape.member, item), None) for item in value):
        yield _failed(shape, value, path, f"Member must satisfy constraint: [{', '.join(_all(shape.member))}]")


def _map(shape: MapShape, value: dict[str, Any], path: str) -> Iterator[str]:
    for rule in _sized(shape, len(value)):
        yield _failed(shape, value, path, rule)
        if len(value) > _MANY:
            return
    if any(next(_broken(shape.key, key), None) for key in value):
        yield _failed(shape, value, path, f"Map keys must satisfy constraint: [{', '.join(_all(shape.key))}]")
    if isinstance(shape.value, StructureShape | ListShape | MapShape):
        for key, item in value.items():
            yield from _problems(shape.value, item, f"{path}.{key}.member")
    elif any(next(_broken(shape.value, item), None) for item in value.values()):
        yield _failed(shape, value, path, f"Map value must satisfy constraint: [{', '.join(_all(shape.value))}]")


def _broken(shape: Shape, value: Any) -> Iterator[str]:
    """The rules of a plain shape that the value breaks."""
    if isinstance(shape, StringShape) or shape.type_name == "blob":
        wrong_length = list(_sized(shape, len(value)))
        yield from wrong_length
        pattern = shape.metadata.get("pattern")
        # What is far too long is not looked at any closer.
        looked_at = isinstance(value, str) and not (wrong_length and len(value) > _LONGEST)
        if pattern and looked_at and not java_patterns.matches(pattern, value):
            yield _pattern_rule(pattern)
        enum = shape.metadata.get("enum")
        if enum and value not in enum:
            yield f"Member must satisfy enum value set: [{', '.join(enum)}]"
    elif shape.type_name in _NUMBERS:
        yield from _sized(shape, value, "value")


def _all(shape: Shape) -> list[str]:
    """Every rule of a shape, as the rules of a list's items are told."""
    unit = "value" if shape.type_name in _NUMBERS else "length"
    rules = []
    if "max" in shape.metadata:
        rules.append(f"Member must have {unit} less than or equal to {shape.metadata['max']}")
    if "min" in shape.metadata:
        rules.append(f"Member must have {unit} greater than or equal to {shape.metadata['min']}")
    if "pattern" in shape.metadata:
        rules.append(_pattern_rule(shape.metadata["pattern"]))
    if "enum" in shape.metadata:
        rules.append(f"Member must satisfy enum value set: [{', '.join(shape.metadata['enum'])}]")
    return rules


def _sized(shape: Shape, size: float, unit: str = "length") -> Iterator[str]:
    low, high = shape.metadata.get("min"), shape.metadata.get("max")
    if high is not None and size > high:
        yield f"Member must have {unit} less than or equal to {high}"
    if low is not None and size < low:
        yield f"Member must have {unit} greater than or equal to {low}"


def _pattern_rule(pattern: str) -> str:
    return f"Member must satisfy regular expression pattern: {pattern}"


def _failed(shape: Shape, value: Any, path: str, rule: str) -> str:
    if shape.metadata.get("sensitive"):
        return f"Value at '{path}' failed to satisfy constraint: {rule}"
    shown = _shown(shape, value)
    if len(shown) > _LONGEST:  # an answer is no place for megabytes
        shown = f"{shown[:_LONGEST]}..."
    return f"Value '{shown}' at '{path}' failed to satisfy constraint: {rule}"


def _shown(shape: Shape, value: Any) -> str:
    """A value as Java's classes tell themselves."""
    if shape.metadata.get("sensitive"):
        return _SENSITIVE
    match shape:
        case StructureShape():
            if shape.is_document_type:
                return str(value)
            fields = (
                f"{_lower(n)}={_shown(m, value[n]) if value.get(n) is not None else 'null'}"
                for n, m in shape.members.items()
            )
            return f"{shape.name}({', '.join(fields)})"
        case ListShape():
            return f"[{', '.join(_shown(shape.member, item) for item in islice(value, _MANY))}]"
        case MapShape():
            entries = (
                f"{_shown(shape.key, key)}={_shown(shape.value, item)}" for key, item in islice(value.items(), _MANY)
            )
            return "{" + ", ".join(entries) + "}"
    match value:
        case bool():
            return "true" if value else "false"
        case bytes():
            return f"java.nio.HeapByteBuffer[pos=0 lim={len(value)} cap={len(value)}]"
        case datetime():
            return value.astimezone(UTC).strftime("%a %b %d %H:%M:%S UTC %Y")
    return str(value)


def _lower(name: str) -> str:
    return name[0].lower() + name[1:]
