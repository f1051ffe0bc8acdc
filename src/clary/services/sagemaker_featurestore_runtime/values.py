"""A feature's value as text and as what it means: whole numbers, fractions, texts, lists of them, event times."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from clary.errors import ServiceError
from clary.store.feature_records import Features, Value

_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{3})?Z")
_EARLIEST, _LATEST = datetime(1, 1, 1, tzinfo=UTC).timestamp(), datetime(9999, 12, 31, tzinfo=UTC).timestamp()
_SECONDS = {"Seconds": 1, "Minutes": 60, "Hours": 3600, "Days": 86400, "Weeks": 604800}


class ValidationError(ServiceError):
    """The feature store's name for a request that breaks a rule."""

    code = "ValidationError"


def read(group: dict[str, Any], record: list[dict[str, Any]]) -> Features:
    """The values of a record by feature; ``ValidationError`` for one that is unknown, doubled or not of its type."""
    definitions = {each["FeatureName"]: each for each in group["FeatureDefinitions"]}
    features: Features = {}
    for given in record:
        name = given["FeatureName"]
        if name not in definitions:
            raise ValidationError(f"Validation Error: the FeatureGroup has no feature with name [{name}].")
        if name in features:
            raise ValidationError(f"Validation Error: the feature [{name}] is given more than once.")
        if ("ValueAsString" in given) == ("ValueAsStringList" in given):
            raise ValidationError(
                f"Validation Error: give either ValueAsString or ValueAsStringList for the feature [{name}]."
            )
        value: Value = given["ValueAsString"] if "ValueAsString" in given else given["ValueAsStringList"]
        typed(definitions[name], value)
        features[name] = value
    return features


def require(group: dict[str, Any], features: Features, *members: str) -> None:
    """``ValidationError`` unless the record identifier, or the event time, is there."""
    for member in members:
        if not features.get(group[member]):
            raise ValidationError(f"Validation Error: the record lacks its {member} [{group[member]}].")


def typed(definition: dict[str, Any], value: Value) -> Any:
    """The value as the offline store's column holds it."""
    name, convert = definition["FeatureName"], _CONVERT[definition["FeatureType"]]
    collection = definition.get("CollectionType")
    if isinstance(value, str):
        if collection:
            raise ValidationError(f"Validation Error: the feature [{name}] is a {collection}: give ValueAsStringList.")
        return convert(name, value)
    if not collection:
        raise ValidationError(f"Validation Error: the feature [{name}] is no collection: give ValueAsString.")
    if collection == "Set" and len(set(value)) < len(value):
        raise ValidationError(f"Validation Error: the set [{name}] holds a value more than once.")
    if collection == "Vector" and len(value) != (most := definition["CollectionConfig"]["VectorConfig"]["Dimension"]):
        raise ValidationError(
            f"Validation Error: the vector [{name}] has {len(value)} elements, its dimension is {most}."
        )
    return [convert(name, each) for each in value]


def event_time(group: dict[str, Any], text: str) -> float:
    """Epoch seconds: ISO 8601 in UTC where the feature is a String, else Unix seconds."""
    name = group["EventTimeFeatureName"]
    kind = next(each["FeatureType"] for each in group["FeatureDefinitions"] if each["FeatureName"] == name)
    seconds = _fractional(name, text) if kind == "Fractional" else _iso(name, text)
    if not _EARLIEST <= seconds < _LATEST:
        raise ValidationError(f"Validation Error: the event time [{name}] {text} is out of range: give seconds.")
    return seconds


def seconds(duration: dict[str, Any] | None) -> float | None:
    """A TtlDuration in seconds."""
    return float(duration["Value"] * _SECONDS[duration["Unit"]]) if duration else None


def _iso(name: str, text: str) -> float:
    if _TIME.fullmatch(text):
        try:
            return datetime.fromisoformat(text).timestamp()
        except ValueError:  # the 31st of February
            pass
    raise ValidationError(
        f"Validation Error: the event time [{name}] {text!r} is not in the format yyyy-MM-dd'T'HH:mm:ssZ or "
        "yyyy-MM-dd'T'HH:mm:ss.SSSZ, such as 2026-01-31T12:00:00Z."
    )


def _integral(name: str, text: str) -> int:
    if re.fullmatch(r"[+-]?\d{1,19}", text) and -(1 << 63) <= (number := int(text)) < 1 << 63:
        return number
    raise ValidationError(
        f"Validation Error: the feature [{name}] is Integral; {text[:80]!r} is no whole number of 64 bits."
    )


def _fractional(name: str, text: str) -> float:
    try:
        number = float(text) if re.fullmatch(r"[-+.\deE]+", text) else math.nan
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise ValidationError(
            f"Validation Error: the feature [{name}] is Fractional; {text[:80]!r} is no finite number."
        )
    return number


_CONVERT: dict[str, Callable[[str, str], Any]] = {
    "Integral": _integral,
    "Fractional": _fractional,
    "String": lambda _, text: text,
}
