"""Policy documents, read into statements.

What a document says is checked when it is given (``read`` raises); one that is kept already is read once and remembered.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Literal

from clary.rights import patterns
from clary.rights.conditions import Conditions, is_operator

Kind = Literal["identity", "resource", "trust"]
"""Of whom it speaks: whoever holds it; whom it names, of a resource; whom it names, of the role it is written in."""

_MEMBERS = frozenset("Sid Effect Action NotAction Resource NotResource Principal NotPrincipal Condition".split())
_DEPTH = 20  # of lists and objects in each other
_REMEMBERED = 256  # actions of a policy


class MalformedPolicy(Exception):
    """The text is no policy; the message says why."""


@dataclass(frozen=True)
class Statement:
    """``actions`` and ``resources`` are what it is about, or with ``not_...`` all but these."""

    effect: str
    actions: tuple[str, ...]
    not_actions: bool = False
    resources: tuple[str, ...] = ("*",)
    not_resources: bool = False
    principals: tuple[tuple[str, str], ...] = ()  # (AWS, Service or Federated; whom)
    not_principals: bool = False
    conditions: Conditions = field(default_factory=dict)

    def is_about(self, action: str) -> bool:
        named = any(patterns.matches(each, action, lambda _: None, ignore_case=True) for each in self.actions)
        return named != self.not_actions


@dataclass(frozen=True)
class Policy:
    """``name`` as SimulatePrincipalPolicy tells it, ``type`` its kind of source (IAM's PolicySourceType)."""

    statements: tuple[Statement, ...]
    name: str = ""
    type: str = "IAM Policy"
    variables: bool = True  # before version 2012-10-17 a policy has none
    _about: dict[tuple[str, str], tuple[Statement, ...]] = field(
        default_factory=dict, init=False, compare=False, repr=False
    )

    def about(self, effect: str, action: str) -> tuple[Statement, ...]:
        """Its statements of that effect on that action; remembered, as a job asks for one action of many objects."""
        found = self._about.get((effect, action))
        if found is None:
            found = tuple(each for each in self.statements if each.effect == effect and each.is_about(action))
            if len(self._about) >= _REMEMBERED:
                self._about.clear()
            self._about[effect, action] = found
        return found


@lru_cache(maxsize=1024)
def read(text: str, kind: Kind = "identity", name: str = "", source: str = "IAM Policy") -> Policy:
    """The policy; ``MalformedPolicy`` if it is none of this kind."""
    try:
        document = json.loads(text)
        deep = _depth(document) > _DEPTH
    except (ValueError, RecursionError):
        raise MalformedPolicy("This policy contains invalid Json") from None
    if not isinstance(document, dict) or deep:
        raise MalformedPolicy("Syntax errors in policy.")
    version = document.get("Version", "2008-10-17")
    if version not in ("2012-10-17", "2008-10-17"):  # a tuple: it may be a list, which no set takes
        raise MalformedPolicy("Policy document must be version 2012-10-17 or greater.")
    if unknown := document.keys() - {"Version", "Id", "Statement"}:
        raise MalformedPolicy(f"Syntax errors in policy: {min(unknown)} is no element of a policy.")
    statements = document.get("Statement")
    statements = [statements] if isinstance(statements, dict) else statements
    if not isinstance(statements, list):  # an empty one allows nothing
        raise MalformedPolicy("Syntax errors in policy: it has no Statement.")
    return Policy(tuple(_statement(each, kind) for each in statements), name, source, version == "2012-10-17")


def _statement(found: Any, kind: Kind) -> Statement:
    if not isinstance(found, dict) or (unknown := sorted(found.keys() - _MEMBERS)):
        what = f": {unknown[0]} is no element of a statement" if isinstance(found, dict) else ""
        raise MalformedPolicy(f"Syntax errors in policy{what}.")
    if found.get("Effect") not in ("Allow", "Deny"):
        raise MalformedPolicy("Syntax errors in policy: Effect must be Allow or Deny.")
    actions, not_actions = _either(found, "Action", "NotAction", needed=True)
    for action in actions:
        if action != "*" and ":" not in action:
            raise MalformedPolicy("Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.")
    resources, not_resources = _either(found, "Resource", "NotResource", needed=kind != "trust")
    if kind == "trust" and resources:
        raise MalformedPolicy("Has prohibited field Resource")
    if not all(each == "*" or each.startswith(("arn:", "*", "$")) for each in resources):
        raise MalformedPolicy('Resource must be in ARN format or "*".')
    principals, not_principals = _principals(found, kind)
    return Statement(
        effect=found["Effect"],
        actions=actions,
        not_actions=not_actions,
        resources=resources or ("*",),
        not_resources=not_resources,
        principals=principals,
        not_principals=not_principals,
        conditions=_conditions(found.get("Condition", {})),
    )


def _either(found: Mapping[str, Any], name: str, negation: str, *, needed: bool) -> tuple[tuple[str, ...], bool]:
    if name in found and negation in found:
        raise MalformedPolicy(f"Syntax errors in policy: a statement has {name} or {negation}, not both.")
    if name not in found and negation not in found:
        if needed:
            noun = "actions" if name == "Action" else "resources"
            raise MalformedPolicy(f"Policy statement must contain {noun}.")
        return (), False
    texts = _texts(found.get(name, found.get(negation)))
    if not texts and needed:
        raise MalformedPolicy(f"Policy statement must contain {'actions' if name == 'Action' else 'resources'}.")
    return texts, negation in found


def _principals(found: Mapping[str, Any], kind: Kind) -> tuple[tuple[tuple[str, str], ...], bool]:
    given = [name for name in ("Principal", "NotPrincipal") if name in found]
    if kind == "identity":
        if given:
            raise MalformedPolicy("Policy document should not specify a principal.")
        return (), False
    if len(given) != 1:
        raise MalformedPolicy("Missing required field Principal")
    whom = found[given[0]]
    if whom == "*":
        return (("AWS", "*"),), given[0] == "NotPrincipal"
    if not isinstance(whom, dict) or not whom or whom.keys() - {"AWS", "Service", "Federated", "CanonicalUser"}:
        raise MalformedPolicy("Invalid principal in policy")
    return tuple((type_, name) for type_, names in whom.items() for name in _texts(names)), given[0] == "NotPrincipal"


def _conditions(found: Any) -> dict[str, dict[str, tuple[str, ...]]]:
    if not isinstance(found, dict) or not all(isinstance(keys, dict) for keys in found.values()):
        raise MalformedPolicy("Syntax errors in policy: Condition must be an object of operators.")
    for operator in found:
        if not is_operator(operator):
            raise MalformedPolicy(f"Invalid Condition type : {operator}.")
    return {operator: {key: _texts(values) for key, values in keys.items()} for operator, keys in found.items()}


def _texts(value: Any) -> tuple[str, ...]:
    values = value if isinstance(value, list) else [value]
    if not all(isinstance(each, str | bool | int | float) for each in values):
        raise MalformedPolicy("Syntax errors in policy.")
    return tuple(str(each).lower() if isinstance(each, bool) else str(each) for each in values)


def _depth(value: Any) -> int:
    children = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return 1 + max((_depth(child) for child in children), default=0)
