"""Whether an action is allowed: IAM's evaluation logic for one account, without a store.

An explicit Deny anywhere wins. Else a permissions boundary and a session's policies must allow, where there are any, and
then an identity-based policy or the resource's own. Two ways around: a resource's policy that names the very user or
session needs no other; one that names the account only hands the question on to the identity's policies.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from clary.rights import conditions, patterns
from clary.rights.documents import Policy, Statement
from clary.rights.facts import NOTHING, Facts

Source = Literal["identity-based policy", "resource-based policy", "permissions boundary", "session policy"]


@dataclass(frozen=True)
class Caller:
    """By which names a principal may be meant. ``own``: those that mean it alone; ``role``: the role that it holds."""

    own: tuple[str, ...] = ()
    role: str = ""
    account: str = ""
    service: str = ""


@dataclass(frozen=True)
class Held:
    """The policies that speak of a request. None is "there is none", which limits nothing; an empty one allows nothing.

    ``must_name``: the resource's policy has to allow it, whatever others say (a role's trust policy).
    """

    identity: Sequence[Policy] = ()
    boundary: Policy | None = None
    session: Sequence[Policy] | None = None
    resource: Policy | None = None
    must_name: bool = False


@dataclass(frozen=True)
class Decision:
    """``by``: what allowed it, denied it, or did not allow it. ``explicit``: a Deny statement said so."""

    allowed: bool
    by: Source = "identity-based policy"
    explicit: bool = False
    matched: tuple[Policy, ...] = field(default=(), compare=False)

    def reason(self, action: str) -> str:
        """Why not, as AWS words it."""
        if self.explicit:
            article = "an" if self.by == "identity-based policy" else "a"
            return f"with an explicit deny in {article} {self.by}"
        return f"because no {self.by} allows the {action} action"


def decide(action: str, resource: str, held: Held, caller: Caller, facts: Facts = NOTHING) -> Decision:
    """``resource``: an ARN, or ``*`` where the action is about none."""

    def speak(policies: Iterable[Policy], effect: str) -> tuple[Policy, ...]:
        return tuple(p for p in policies if any(_fits(s, resource, p, facts) for s in p.about(effect, action)))

    boundary = [held.boundary] if held.boundary is not None else []
    denying: list[tuple[Source, Iterable[Policy]]] = [
        ("identity-based policy", held.identity),
        ("permissions boundary", boundary),
        ("session policy", held.session or ()),
    ]
    for source, policies in denying:
        if found := speak(policies, "Deny"):
            return Decision(False, source, explicit=True, matched=found)
    named = ""
    if held.resource is not None:
        meant = {effect: _named(held.resource, effect, action, resource, caller, facts) for effect in ("Deny", "Allow")}
        if meant["Deny"]:
            return Decision(False, "resource-based policy", explicit=True, matched=(held.resource,))
        named = meant["Allow"]
        if named == "own":
            return Decision(True, "resource-based policy", matched=(held.resource,))
    if held.must_name and not named:
        return Decision(False, "resource-based policy")
    if boundary and not speak(boundary, "Allow"):
        return Decision(False, "permissions boundary")
    if held.session is not None and not speak(held.session, "Allow"):
        return Decision(False, "session policy")
    if named == "role" and held.resource is not None:
        return Decision(True, "resource-based policy", matched=(held.resource,))
    if found := speak(held.identity, "Allow"):
        return Decision(True, matched=found)
    return Decision(False)


def narrowed(held: Held, action: str, facts: Facts) -> Held:
    """What of it speaks of an action under these facts: quicker to ask about many resources."""

    def one(policy: Policy) -> Policy:
        about = [*policy.about("Deny", action), *policy.about("Allow", action)]
        return replace(
            policy, statements=tuple(replace(s, conditions={}) for s in about if conditions.hold(s.conditions, facts))
        )

    return replace(
        held,
        identity=tuple(map(one, held.identity)),
        boundary=None if held.boundary is None else one(held.boundary),
        session=None if held.session is None else tuple(map(one, held.session)),
        resource=None if held.resource is None else one(held.resource),
    )


def _fits(statement: Statement, resource: str, policy: Policy, facts: Facts) -> bool:
    """Whether a statement on the action is about the request, whoever asks."""
    lookup = facts.one if policy.variables else _nothing
    about = any(patterns.matches(each, resource, lookup) for each in statement.resources)
    return about != statement.not_resources and conditions.hold(statement.conditions, facts)


def _named(policy: Policy, effect: str, action: str, resource: str, caller: Caller, facts: Facts) -> str:
    """How a resource's policy names the caller: ``own`` (it alone), ``role`` (or everybody), ``account``; "" if not."""
    found = {_names(s, caller) for s in policy.about(effect, action) if _fits(s, resource, policy, facts)}
    return next((how for how in ("own", "role", "account") if how in found), "")


def _names(statement: Statement, caller: Caller) -> str:
    meant = {_meant(type_, whom, caller) for type_, whom in statement.principals}
    if statement.not_principals:
        return "" if meant & {"own", "role"} else "role"
    return next((how for how in ("own", "role", "account") if how in meant), "")


def _meant(type_: str, whom: str, caller: Caller) -> str:
    """How a principal's name fits the caller. Everybody (``*``) counts as its role: nobody is meant alone."""
    if type_ == "Service":
        return "own" if caller.service and whom == caller.service else ""
    if type_ != "AWS":
        return ""
    if whom in caller.own:
        return "own"
    if whom in {"*", caller.role} and whom:
        return "role"
    return "account" if caller.account and whom in {caller.account, f"arn:aws:iam::{caller.account}:root"} else ""


def _nothing(_: str) -> None:
    return None
