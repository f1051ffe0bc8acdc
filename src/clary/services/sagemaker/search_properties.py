"""What a property name in a Search means: ``Parents.TrialName``, ``Metrics.auc.Max``, ``Tags.team``, found from the model.

Names are paths through the shape of the resource. Three things read otherwise than their shapes: tags and metrics are
lists whose elements are asked for by their key or name, and keys of a map may hold dots.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from botocore.model import ListShape, MapShape, Shape, StructureShape

from clary.errors import ServiceError, ValidationException
from clary.store.search import Each, Property, Type

_TYPES: dict[str, Type] = {
    "string": "text",
    "integer": "number",
    "long": "number",
    "float": "number",
    "double": "number",
    "timestamp": "time",
    "boolean": "boolean",
}
_DEEPEST = 6  # members within members that are suggested


@dataclass(frozen=True)
class Found:
    """The properties that a name stands for: one, or the number and the text of a parameter."""

    properties: tuple[Property, ...]

    @property
    def type(self) -> Type:
        return self.properties[0].type


def find(shape: StructureShape, name: str) -> Found:
    """``ValidationException`` if the resource has no such property."""
    if '"' in name:
        raise ValidationException(f"Unknown property name: {name} (names that hold a quotation mark are not searched)")
    if shape.name == "Model":  # a model's record in the answer holds it under Model
        name = name.removeprefix("Model.")
    alias = {"metrics": "FinalMetricDataList"} if "Metrics" not in shape.members else {}
    first, _, rest = name.partition(".")
    if (real := alias.get(first.lower())) and real in shape.members:
        name = f"{real}.{rest}" if rest else real
    found = _find(shape, name)
    if found is None:
        raise unknown(name)
    if ".hyperparameters." in f".{name.lower()}":  # a job's own, or those of a component's job
        return Found(tuple(replace(each, type="numeric text") for each in found.properties))
    return found


def unknown(name: str) -> ServiceError:
    return ValidationException(f"Unknown property name: {name}")


def elements(shape: StructureShape, name: str) -> tuple[tuple[str, ...], StructureShape]:
    """The path to a list of structures, and the shape of these: for nested filters."""
    path: list[str] = []
    inner: Shape = shape
    for part in name.split("."):
        member = _member(inner, part) if isinstance(inner, StructureShape) else None
        if member is None:
            raise unknown(name)
        path.append(member)
        inner = inner.members[member]
    if not isinstance(inner, ListShape) or not isinstance(inner.member, StructureShape):
        raise ValidationException(
            f"{name} is not a list of objects: a nested filter takes one, such as InputDataConfig."
        )
    return tuple(path), inner.member


def names(shape: Shape, prefix: str = "", deep: int = _DEEPEST) -> Iterator[str]:
    """All property names that the shape alone gives."""
    match shape:
        case StructureShape() if deep:
            for member, inner in shape.members.items():
                yield from names(inner, f"{prefix}.{member}" if prefix else member, deep - 1)
        case ListShape() if isinstance(shape.member, StructureShape):
            if not _key(shape.member):
                yield from names(shape.member, prefix, deep)
        case MapShape() | StructureShape():
            pass
        case _:
            yield prefix


def keyed(shape: StructureShape) -> Iterator[tuple[str, str]]:
    """Members whose further names come from the records: the member, and under what its elements hold them ('' in maps)."""
    for member, inner in shape.members.items():
        if isinstance(inner, MapShape):
            yield member, ""
        elif isinstance(inner, ListShape) and isinstance(inner.member, StructureShape) and (key := _key(inner.member)):
            yield member, key


def _find(shape: Shape, name: str) -> Found | None:
    match shape:
        case StructureShape():
            return _in_structure(shape, name)
        case ListShape():
            return _in_list(shape, name)
        case MapShape():
            return _in_map(shape, name)
    return None if name else Found((Property((), _TYPES.get(shape.type_name, "text")),))


def _in_structure(shape: StructureShape, name: str) -> Found | None:
    if not name:
        return Found((Property((), "any"),))
    first, _, rest = name.partition(".")
    member = _member(shape, first)
    if member is None:
        return None
    return _after(member, _find(shape.members[member], rest))


def _in_list(shape: ListShape, name: str) -> Found | None:
    if not name:
        if isinstance(shape.member, StructureShape):
            return Found((Property((), "any"),))
        return _after(Each(), _find(shape.member, ""))
    match _key(shape.member):
        case "Key":
            return _after(Each("Key", name), Found((Property(("Value",), "text"),)))
        case "MetricName" as key:
            assert isinstance(shape.member, StructureShape)
            metric, _, last = name.rpartition(".")
            statistic = _member(shape.member, last) if metric else None
            if statistic is None:
                metric, statistic = name, "Last" if "Last" in shape.member.members else "Value"
            return _after(Each(key, metric, any_case=True), _find(shape.member, statistic))
    return _after(Each(), _find(shape.member, name))


def _in_map(shape: MapShape, name: str) -> Found | None:
    if not name:
        return Found((Property((), "any"),))
    if not isinstance(shape.value, StructureShape):
        return _after(name, _find(shape.value, ""))
    key, _, last = name.rpartition(".")
    if key and (member := _member(shape.value, last)):
        return _after(key, _after(member, _find(shape.value.members[member], "")))
    inner = [_after(member, _find(value, "")) for member, value in shape.value.members.items()]
    plain = [found for found in inner if found]
    # The number before the text: what can be compared as a number is.
    ordered = sorted((p for found in plain for p in found.properties), key=lambda p: p.type != "number")
    return _after(name, Found(tuple(ordered)))


def _after(step: str | Each, found: Found | None) -> Found | None:
    if found is None:
        return None
    return Found(tuple(replace(each, steps=(step, *each.steps)) for each in found.properties))


def _member(shape: StructureShape, name: str) -> str | None:
    """The member of this name, else the one that has it in other letters."""
    if name in shape.members:
        return name
    return next((member for member in shape.members if member.lower() == name.lower()), None)


def _key(shape: Shape) -> str:
    """Under what the elements of a list are asked for by name: tags and metrics; '' for all others."""
    if isinstance(shape, StructureShape):
        if set(shape.members) == {"Key", "Value"}:
            return "Key"
        if "MetricName" in shape.members:
            return "MetricName"
    return ""


def read_time(name: str, text: str) -> datetime:
    """``YYYY-mm-ddTHH:MM:SS``, in UTC where nothing else is said."""
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        raise ValidationException(
            f"The value {text!r} of {name} is not a time: write it as 2026-01-31T12:00:00."
        ) from None
    return time if time.tzinfo else time.replace(tzinfo=UTC)
