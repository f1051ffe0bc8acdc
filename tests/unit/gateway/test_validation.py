"""Every kind of rule at its edge and beyond it, in AWS's words.

The wording is from recorded answers of AWS; the rules themselves from the service models.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.model import ListShape, MapShape, OperationModel, ServiceModel, Shape, StringShape, StructureShape

from clary.errors import ServiceError
from clary.gateway import java_patterns, models, validation

SHAPES: dict[str, Any] = {
    "Name": {"type": "string", "min": 2, "max": 4, "pattern": "[a-z]*"},
    "Kind": {"type": "string", "enum": ["one", "two"]},
    "Secret": {"type": "string", "max": 3, "sensitive": True},
    "Count": {"type": "integer", "min": 1, "max": 9},
    "Share": {"type": "double", "min": 0, "max": 1},
    "Bytes": {"type": "blob", "min": 1, "max": 3},
    "Flag": {"type": "boolean"},
    "Time": {"type": "timestamp"},
    "Names": {"type": "list", "member": {"shape": "Name"}, "min": 1, "max": 2},
    "Counts": {"type": "list", "member": {"shape": "Count"}},
    "Tags": {"type": "map", "key": {"shape": "Name"}, "value": {"shape": "Kind"}, "min": 1, "max": 2},
    "Item": {
        "type": "structure",
        "required": ["Name"],
        "members": {n: {"shape": n} for n in ("Name", "Secret", "Count", "Flag", "Time", "Bytes", "Names", "Tags")},
    },
    "Items": {"type": "list", "member": {"shape": "Item"}, "max": 1},
    "ItemsByName": {"type": "map", "key": {"shape": "Text"}, "value": {"shape": "Item"}},
    "NamesByName": {"type": "map", "key": {"shape": "Text"}, "value": {"shape": "Names"}},
    "Text": {"type": "string"},
    "Input": {
        "type": "structure",
        "required": ["Text"],
        "members": {
            n: {"shape": n}
            for n in (
                "Text Name Kind Secret Count Share Bytes Names Counts Tags Item Items ItemsByName NamesByName".split()
            )
        },
    },
}
MODEL = ServiceModel(
    {
        "metadata": {"protocol": "json", "endpointPrefix": "x", "serviceId": "X", "jsonVersion": "1.1"},
        "operations": {
            "Do": {"name": "Do", "http": {"method": "POST", "requestUri": "/"}, "input": {"shape": "Input"}}
        },
        "shapes": SHAPES,
    },
    "x",
)


def problems(**request: Any) -> list[str]:
    """What is told of a request, item by item; nothing if it is taken."""
    operation: OperationModel = MODEL.operation_model("Do")
    try:
        validation.validate(operation, {"Text": "here", **request})
    except ServiceError as error:
        told = error
    else:
        return []
    head, _, rest = told.message.partition(" detected: ")
    items = rest.split("; ")
    assert head == ("1 validation error" if len(items) == 1 else f"{len(items)} validation errors")
    assert told.code == "ValidationException"
    return [item.replace(" failed to satisfy constraint: Member must", " |") for item in items]


PATTERN = "satisfy regular expression pattern: [a-z]*"
NAME = (
    "[Member must have length less than or equal to 4, Member must have length greater than or equal to 2, "
    "Member must satisfy regular expression pattern: [a-z]*]"
)
CASES: dict[str, tuple[dict[str, Any], list[str]]] = {
    "length at its edges": ({"Name": "ab"}, []),
    "length at its other edge": ({"Name": "abcd"}, []),
    "too short": ({"Name": "a"}, ["Value 'a' at 'name' | have length greater than or equal to 2"]),
    "too long": ({"Name": "abcde"}, ["Value 'abcde' at 'name' | have length less than or equal to 4"]),
    "pattern": ({"Name": "aB"}, [f"Value 'aB' at 'name' | {PATTERN}"]),
    "length before pattern": (
        {"Name": "ABCDE"},
        ["Value 'ABCDE' at 'name' | have length less than or equal to 4", f"Value 'ABCDE' at 'name' | {PATTERN}"],
    ),
    "one of the enum": ({"Kind": "two"}, []),
    "none of the enum": ({"Kind": "x"}, ["Value 'x' at 'kind' | satisfy enum value set: [one, two]"]),
    "empty": ({"Kind": ""}, ["Value '' at 'kind' | satisfy enum value set: [one, two]"]),
    "number at its edges": ({"Count": 1, "Share": 0.0}, []),
    "number at its other edges": ({"Count": 9, "Share": 1.0}, []),
    "number too small": ({"Count": 0}, ["Value '0' at 'count' | have value greater than or equal to 1"]),
    "number too large": ({"Count": 10}, ["Value '10' at 'count' | have value less than or equal to 9"]),
    "fraction": ({"Share": 1.5}, ["Value '1.5' at 'share' | have value less than or equal to 1"]),
    "bytes at their edge": ({"Bytes": b"abc"}, []),
    "bytes": (
        {"Bytes": b"abcd"},
        ["Value 'java.nio.HeapByteBuffer[pos=0 lim=4 cap=4]' at 'bytes' | have length less than or equal to 3"],
    ),
    "a secret is not shown": ({"Secret": "abcd"}, ["Value at 'secret' | have length less than or equal to 3"]),
    "missing": ({"Text": None}, ["Value null at 'text' | not be null"]),
    "list at its edges": ({"Names": ["ab", "cd"]}, []),
    "list too short": ({"Names": []}, ["Value '[]' at 'names' | have length greater than or equal to 1"]),
    "list too long": (
        {"Names": ["ab", "cd", "ef"]},
        ["Value '[ab, cd, ef]' at 'names' | have length less than or equal to 2"],
    ),
    "an item of a list": ({"Names": ["ab", "A"]}, [f"Value '[ab, A]' at 'names' | satisfy constraint: {NAME}"]),
    "numbers of a list": (
        {"Counts": [1, 10]},
        [
            "Value '[1, 10]' at 'counts' | satisfy constraint: "
            "[Member must have value less than or equal to 9, Member must have value greater than or equal to 1]"
        ],
    ),
    "map at its edges": ({"Tags": {"ab": "one", "cd": "two"}}, []),
    "map too short": ({"Tags": {}}, ["Value '{}' at 'tags' | have length greater than or equal to 1"]),
    "a key of a map": (
        {"Tags": {"A": "one"}},
        [f"Value '{{A=one}}' at 'tags' failed to satisfy constraint: Map keys must satisfy constraint: {NAME}"],
    ),
    "a value of a map": (
        {"Tags": {"ab": "x"}},
        [
            "Value '{ab=x}' at 'tags' failed to satisfy constraint: Map value must satisfy constraint: "
            "[Member must satisfy enum value set: [one, two]]"
        ],
    ),
    "a member of a structure": (
        {"Item": {"Name": "a"}},
        ["Value 'a' at 'item.name' | have length greater than or equal to 2"],
    ),
    "a missing member of a structure": ({"Item": {}}, ["Value null at 'item.name' | not be null"]),
    "a member of an item": (
        {"Items": [{"Name": "ab", "Count": 0}]},
        ["Value '0' at 'items.1.member.count' | have value greater than or equal to 1"],
    ),
    "structures as Java shows them": (
        {
            "Items": [
                {"Name": "ab", "Secret": "xyz", "Flag": True, "Names": ["cd"], "Tags": {"ef": "one"}},
                {"Name": "cd", "Time": datetime(2024, 1, 2, 3, 4, 5, tzinfo=UTC)},
            ]
        },
        [
            "Value '[Item(name=ab, secret=***Sensitive Data Redacted***, count=null, flag=true, time=null, bytes=null, "
            "names=[cd], tags={ef=one}), Item(name=cd, secret=null, count=null, flag=null, "
            "time=Tue Jan 02 03:04:05 UTC 2024, bytes=null, names=null, tags=null)]' at 'items'"
            " | have length less than or equal to 1"
        ],
    ),
    "a structure in a map": (
        {"ItemsByName": {"K": {"Name": "ab", "Names": []}}},
        ["Value '[]' at 'itemsByName.K.member.names' | have length greater than or equal to 1"],
    ),
    "a list in a map": (
        {"NamesByName": {"K": []}},
        ["Value '[]' at 'namesByName.K.member' | have length greater than or equal to 1"],
    ),
    "several at once": (
        {"Text": None, "Name": "a", "Count": 10},
        [
            "Value null at 'text' | not be null",
            "Value 'a' at 'name' | have length greater than or equal to 2",
            "Value '10' at 'count' | have value less than or equal to 9",
        ],
    ),
}


@pytest.mark.parametrize(("request_", "told"), CASES.values(), ids=CASES)
def test_each_rule_is_told_in_awss_words(request_: dict[str, Any], told: list[str]) -> None:
    assert problems(**request_) == told


def test_a_value_of_megabytes_is_neither_matched_nor_shown_whole() -> None:
    [told] = problems(Name="A" * 10_000_000)
    assert len(told) < 5000


@pytest.mark.parametrize(
    ("service", "code"),
    [
        ("sagemaker", "ValidationException"),
        ("logs", "InvalidParameterException"),
        ("cloudwatch", "ValidationError"),
        ("iam", "ValidationError"),
        ("sts", "ValidationError"),
        ("sagemaker-runtime", "ValidationError"),
    ],
)
def test_the_code_is_the_services(service: str, code: str) -> None:
    model = models.service(service)
    name = next(n for n in model.operation_names if (s := model.operation_model(n).input_shape) and s.required_members)
    with pytest.raises(ServiceError, match="Member must not be null") as error:
        validation.validate(model.operation_model(name), {})
    assert error.value.code == code


def constrained(service: str) -> Iterator[Shape]:
    """Every shape of a service's requests that has a size or an enum."""
    seen: set[str] = set()

    def walk(shape: Shape) -> Iterator[Shape]:
        if shape.name in seen:
            return
        seen.add(shape.name)
        if {"min", "max", "enum"} & shape.metadata.keys():
            yield shape
        inner: list[Shape] = []
        if isinstance(shape, StructureShape):
            inner = list(shape.members.values())
        elif isinstance(shape, ListShape):
            inner = [shape.member]
        elif isinstance(shape, MapShape):
            inner = [shape.key, shape.value]
        for each in inner:
            yield from walk(each)

    model = models.service(service)
    for name in model.operation_names:
        shape = model.operation_model(name).input_shape
        if shape is not None:
            yield from walk(shape)


def of_size(shape: Shape, size: Any) -> Any:
    """A value of a length or size, made without care for its inner rules."""
    match shape:
        case ListShape():
            return [None] * size
        case MapShape():
            return dict.fromkeys(range(size))
        case StringShape():
            return "a" * size
    return b"a" * size if shape.type_name == "blob" else size


@pytest.mark.parametrize("service", models.SERVED)
def test_every_size_and_enum_of_the_models_holds_at_its_edge_and_not_beyond(service: str) -> None:
    checked = 0
    for shape in constrained(service):
        unit = "value" if shape.type_name in {"integer", "long", "float", "double"} else "length"
        low, high = shape.metadata.get("min"), shape.metadata.get("max")
        for edge, beyond, word in ((low, -1, "greater"), (high, 1, "less")):
            if edge is None or edge > 1_000_000 or (unit == "length" and edge + beyond < 0):
                continue
            rule = f"Member must have {unit} {word} than or equal to {edge}"
            size = edge if unit == "value" else int(edge)
            assert rule not in list(validation._sized(shape, _measure(of_size(shape, size)), unit)), shape.name
            assert rule in list(validation._sized(shape, _measure(of_size(shape, size + beyond)), unit)), shape.name
            checked += 1
        for value in shape.metadata.get("enum", []):
            assert not any("enum" in rule for rule in validation._broken(shape, value))
        if shape.metadata.get("enum"):
            assert any("enum value set" in rule for rule in validation._broken(shape, "none of these"))
            checked += 1
    assert checked or service == "sagemaker-metrics"


def _measure(value: Any) -> float:
    return float(value) if isinstance(value, int | float) else len(value)


def test_every_pattern_of_the_models_is_read() -> None:
    patterns = {
        pattern
        for service in models.SERVED
        for name in models.service(service).shape_names
        if (pattern := models.service(service).shape_for(name).metadata.get("pattern"))
    }
    assert len(patterns) > 300
    for pattern in patterns:
        java_patterns.matches(pattern, "a value-1")


@pytest.mark.parametrize(
    ("pattern", "good", "bad"),
    [
        (r"[\w+=,.@-]+", ["a_B9+=,.@-"], ["ä", "a b", ""]),  # \w is ASCII's in Java
        (r"\d{2}", ["12"], ["١٢", "1", "123"]),
        (r"^[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}", ["a-b"], ["-a", "a-", "a\n"]),
        (r"[\p{L}\p{N}_]+", ["äß漢9_"], ["!", " "]),
        (r"\p{Alnum}+", ["aZ9"], ["ä"]),
        (r"\S+", ["a\u2003b"], ["a b", "a\tb"]),
        (r"a|b", ["a", "b"], ["ab"]),
        (r"^a$|^b$", ["a", "b"], ["c", "ab"]),
        (r"(?!^[.-])^([a-zA-Z0-9-_.]+)", ["a.-_"], [".a", "-a"]),
        (r"[^:].*", ["a:b", "a\nb"], [":a", ""]),
        (r"[\u0020-\uD7FF\uE000-\uFFFD\uD800\uDC00-\uDBFF\uDFFF\t]*", ["a\t漢😀", ""], ["\x01"]),
        (r".*(?:[ \r\n\t].*)*", ["a\nb", ""], []),
        (r"(?=.{1,32}$)[a-zA-Z0-9](-*[a-zA-Z0-9])*", ["a" * 32], ["a" * 33]),
    ],
)
def test_patterns_mean_what_they_mean_in_java(pattern: str, good: list[str], bad: list[str]) -> None:
    assert [v for v in good if not java_patterns.matches(pattern, v)] == []
    assert [v for v in bad if java_patterns.matches(pattern, v)] == []


def test_a_pattern_that_does_not_end_does_not_hold_the_server() -> None:
    assert not java_patterns.matches(r"(a|b|ab)*(a|b|ab)*c", "ab" * 3000)
