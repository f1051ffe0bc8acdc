"""Conditions of a policy's statement: ``{"StringLike": {"s3:prefix": ["ward/*"]}}``.

All keys must hold; of a key's values in the policy one must (of a negated operator: none may). A key without a value
holds for negated operators and with ``IfExists`` only. ``ForAllValues`` holds of no values, ``ForAnyValue`` does not.
"""

from __future__ import annotations

import base64
import binascii
import ipaddress
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import TypeVar

from clary.rights import patterns
from clary.rights.facts import Facts
from clary.rights.patterns import Lookup

T = TypeVar("T")

Conditions = Mapping[str, Mapping[str, Sequence[str]]]

_OPERATOR = re.compile(r"(?:(ForAllValues|ForAnyValue):)?([A-Za-z]+?)(IfExists)?", re.IGNORECASE)

Compare = Callable[[str, str, Lookup], bool]
"""The policy's value, the request's value, and what variables stand for."""


def hold(conditions: Conditions, facts: Facts) -> bool:
    """Whether all hold; an operator that is not known never does."""
    return all(
        _holds(operator, key, wanted, facts) for operator, keys in conditions.items() for key, wanted in keys.items()
    )


def is_operator(text: str) -> bool:
    match = _OPERATOR.fullmatch(text)
    return match is not None and (match.group(2).lower() in _COMPARE or match.group(2).lower() == "null")


def _holds(operator: str, key: str, wanted: Sequence[str], facts: Facts) -> bool:
    match = _OPERATOR.fullmatch(operator)
    if match is None:
        return False
    quantifier, name, if_exists = (match.group(1) or "").lower(), match.group(2).lower(), bool(match.group(3))
    given = facts.get(key)
    if name == "null":
        return any((value.lower() == "true") == (given is None) for value in wanted)
    if name not in _COMPARE:
        return False
    compare, negated = _COMPARE[name]
    if given is None:
        return quantifier == "forallvalues" or (quantifier != "foranyvalue" and (if_exists or negated))

    def fits(value: str) -> bool:
        return any(compare(each, value, facts.one) for each in wanted) != negated

    if quantifier == "forallvalues" or (negated and not quantifier):
        return all(fits(value) for value in given)
    return any(fits(value) for value in given)


def _string(wanted: str, given: str, lookup: Lookup) -> bool:
    return patterns.literal(wanted, lookup) == given


def _string_any_case(wanted: str, given: str, lookup: Lookup) -> bool:
    text = patterns.literal(wanted, lookup)
    return text is not None and text.lower() == given.lower()


def _like(wanted: str, given: str, lookup: Lookup) -> bool:
    return patterns.matches(wanted, given, lookup)


def _arn(wanted: str, given: str, lookup: Lookup) -> bool:
    """Part by part: a wildcard does not reach over a colon, but in the last part."""
    ours, theirs = _parts(wanted), given.split(":", 5)
    return len(ours) == len(theirs) == 6 and all(
        patterns.matches(a, b, lookup) for a, b in zip(ours, theirs, strict=True)
    )


def _parts(pattern: str) -> list[str]:
    """The six parts of an ARN's pattern; the colon of a variable (``${aws:username}``) parts nothing."""
    hidden = re.sub(r"\$\{[^}]*\}", lambda match: match.group(0).replace(":", "\0"), pattern)
    return [part.replace("\0", ":") for part in hidden.split(":", 5)]


def _bool(wanted: str, given: str, _: Lookup) -> bool:
    return wanted.lower() == given.lower()


def _binary(wanted: str, given: str, _: Lookup) -> bool:
    try:
        return base64.b64decode(wanted, validate=True) == base64.b64decode(given, validate=True)
    except binascii.Error:
        return False


def _address(wanted: str, given: str, _: Lookup) -> bool:
    try:
        return ipaddress.ip_address(given) in ipaddress.ip_network(wanted, strict=False)
    except ValueError:
        return False


def _numbers(compare: Callable[[float, float], bool]) -> Compare:
    return _values(float, compare)


def _dates(compare: Callable[[datetime, datetime], bool]) -> Compare:
    return _values(_date, compare)


def _values(read: Callable[[str], T], compare: Callable[[T, T], bool]) -> Compare:
    def compare_texts(wanted: str, given: str, _: Lookup) -> bool:
        try:
            return compare(read(given), read(wanted))
        except (ValueError, OverflowError):
            return False

    return compare_texts


def _date(text: str) -> datetime:
    """ISO 8601, or seconds since 1970."""
    if re.fullmatch(r"\d{6,}(\.\d+)?", text):
        return datetime.fromtimestamp(float(text), UTC)
    found = datetime.fromisoformat(text)
    return found if found.tzinfo else found.replace(tzinfo=UTC)


# Operator, in lower case → how it compares, and whether it is a negation.
_COMPARE: dict[str, tuple[Compare, bool]] = {
    "stringequals": (_string, False),
    "stringnotequals": (_string, True),
    "stringequalsignorecase": (_string_any_case, False),
    "stringnotequalsignorecase": (_string_any_case, True),
    "stringlike": (_like, False),
    "stringnotlike": (_like, True),
    "arnequals": (_arn, False),
    "arnlike": (_arn, False),
    "arnnotequals": (_arn, True),
    "arnnotlike": (_arn, True),
    "bool": (_bool, False),
    "binaryequals": (_binary, False),
    "ipaddress": (_address, False),
    "notipaddress": (_address, True),
    "numericequals": (_numbers(lambda a, b: a == b), False),
    "numericnotequals": (_numbers(lambda a, b: a == b), True),
    "numericlessthan": (_numbers(lambda a, b: a < b), False),
    "numericlessthanequals": (_numbers(lambda a, b: a <= b), False),
    "numericgreaterthan": (_numbers(lambda a, b: a > b), False),
    "numericgreaterthanequals": (_numbers(lambda a, b: a >= b), False),
    "dateequals": (_dates(lambda a, b: a == b), False),
    "datenotequals": (_dates(lambda a, b: a == b), True),
    "datelessthan": (_dates(lambda a, b: a < b), False),
    "datelessthanequals": (_dates(lambda a, b: a <= b), False),
    "dategreaterthan": (_dates(lambda a, b: a > b), False),
    "dategreaterthanequals": (_dates(lambda a, b: a >= b), False),
}
