"""A SearchExpression as a condition of the store: filters, nested filters and expressions within expressions."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any as Anything

from botocore.model import StructureShape

from clary.errors import ValidationException
from clary.services.sagemaker import search_properties as properties
from clary.store.search import All, Any, Condition, Not, Operator, Property, Some, Test

_MOST = 50  # filters, nested filters and expressions in all
_COMPARE: dict[str, Operator] = {
    "Equals": "=",
    "GreaterThan": ">",
    "GreaterThanOrEqualTo": ">=",
    "LessThan": "<",
    "LessThanOrEqualTo": "<=",
}


def expression(shape: StructureShape, asked: dict[str, Anything]) -> Condition:
    """``ValidationException`` for an unknown property, an operator that its type does not take, or too much of all."""
    if _size(asked) > _MOST:
        raise ValidationException(
            f"A SearchExpression holds {_MOST} filters, nested filters and subexpressions at most, in all."
        )
    return _expression(shape, asked)


def visibility(shape: StructureShape, conditions: list[dict[str, str]]) -> Condition:
    """A result that has the key must hold the value; one that has it not is shown all the same."""
    parts: list[Condition] = []
    for each in conditions:
        name = each["Key"]
        absent = _filter(shape, {"Name": name, "Operator": "NotExists"})
        parts.append(Any((absent, _filter(shape, {"Name": name, "Value": each.get("Value", "")}))))
    return All(tuple(parts))


def names(asked: dict[str, Anything]) -> Iterator[str]:
    """Of all properties that the expression, or one within it, asks for; deep ones too, without recursion."""
    left = [asked]
    while left:
        one = left.pop()
        yield from (each["Name"] for each in one.get("Filters", []))
        yield from (each["NestedPropertyName"] for each in one.get("NestedFilters", []))
        left += one.get("SubExpressions", [])


def _size(asked: dict[str, Anything]) -> int:
    """Of the expression and all within it; without recursion, because a request may nest as deep as it likes."""
    size, left = 0, [asked]
    while left:
        one = left.pop()
        inner = one.get("SubExpressions", [])
        size += len(one.get("Filters", [])) + len(one.get("NestedFilters", [])) + len(inner)
        left += inner
    return size


def _expression(shape: StructureShape, asked: dict[str, Anything]) -> Condition:
    parts = [
        *(_filter(shape, each) for each in asked.get("Filters", [])),
        *(_nested(shape, each) for each in asked.get("NestedFilters", [])),
        *(_expression(shape, each) for each in asked.get("SubExpressions", [])),
    ]
    if not parts:
        raise ValidationException(
            "A SearchExpression needs at least one of Filters, NestedFilters and SubExpressions, with something in it."
        )
    return Any(tuple(parts)) if asked.get("Operator") == "Or" else All(tuple(parts))


def _nested(shape: StructureShape, nested: dict[str, Anything]) -> Condition:
    """Names of the filters begin with the list's own, as in ``InputDataConfig.ChannelName``."""
    name = nested["NestedPropertyName"]
    path, element = properties.elements(shape, name)
    conditions = []
    for each in nested["Filters"]:
        inner = each["Name"].removeprefix(f"{name}.")
        if inner == each["Name"]:
            raise ValidationException(f"The name {each['Name']} in a nested filter on {name} must begin with {name}.")
        conditions.append(_filter(element, {**each, "Name": inner}))
    return Some(path, tuple(conditions))


def _filter(shape: StructureShape, asked: dict[str, Anything]) -> Condition:
    name, operator = asked["Name"], asked.get("Operator", "Equals" if "Value" in asked else "Exists")
    found = properties.find(shape, name)
    if operator in {"Exists", "NotExists"}:
        there = Any(tuple(Test(each, "exists") for each in found.properties))
        return there if operator == "Exists" else Not(there)
    if "Value" not in asked:
        raise ValidationException(f"The filter on {name} with the operator {operator} needs a Value.")
    if operator == "NotEquals":
        return Not(_filter(shape, {**asked, "Operator": "Equals"}))
    tests = [test for each in found.properties if (test := _test(name, each, operator, asked["Value"]))]
    if not tests:
        raise ValidationException(
            f"The operator {operator} with the value {asked['Value']!r} does not fit {name}, whose type is {found.type}."
        )
    return Any(tuple(tests))


def _test(name: str, of: Property, operator: str, value: str) -> Test | None:
    """None where the property's type does not take the operator or the value."""
    if of.type == "any":
        raise ValidationException(f"{name} is not a single value: it takes Exists and NotExists, or name a part of it.")
    textual = of.type in {"text", "numeric text"}
    match operator:
        case "Contains":
            return Test(of, "contains", value) if textual else None
        case "In":
            return Test(of, "in", [part.strip() for part in value.split(",")]) if textual else None
    compare = _COMPARE[operator]
    match of.type:
        case "text":
            return Test(of, "=", value) if compare == "=" else None
        case "time":
            return Test(of, compare, properties.read_time(name, value))
        case "boolean":
            truth = {"true": True, "false": False}.get(value.lower())
            return Test(of, "=", truth) if compare == "=" and truth is not None else None
    number = _number(value)
    if of.type == "numeric text" and number is None:
        return Test(of, "=", value) if compare == "=" else None
    return None if number is None else Test(of, compare, number)


def _number(text: str) -> int | float | None:
    try:
        return int(text)
    except ValueError:
        pass
    try:
        return float(text)
    except ValueError:
        return None
