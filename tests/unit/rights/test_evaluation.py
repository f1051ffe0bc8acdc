"""The evaluation: what wins over what, by table and by property."""

# ruff: noqa: E501 - tables read better wide
from __future__ import annotations

import fnmatch
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clary.rights import managed, patterns
from clary.rights.documents import Policy, read
from clary.rights.evaluation import Caller, Decision, Held, decide, narrowed
from clary.rights.facts import Facts

ALICE = Caller(
    own=("arn:aws:sts::000000000000:assumed-role/alice/alice", "arn:aws:iam::000000000000:user/alice"),
    role="arn:aws:iam::000000000000:role/alice",
    account="000000000000",
)
GET, OBJECT = "s3:GetObject", "arn:aws:s3:::ward/a.csv"


def policy(*statements: dict[str, Any], kind: Any = "identity") -> Policy:
    return read(json.dumps({"Version": "2012-10-17", "Statement": list(statements)}), kind)


def allow(action: Any = "s3:*", resource: Any = "*", **more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": action, "Resource": resource, **more}


def deny(action: Any = "s3:*", resource: Any = "*", **more: Any) -> dict[str, Any]:
    return {**allow(action, resource, **more), "Effect": "Deny"}


def bucket(statement: dict[str, Any], principal: Any) -> Policy:
    return policy({**statement, "Principal": principal}, kind="resource")


USER, ROOT = {"AWS": "arn:aws:iam::000000000000:user/alice"}, {"AWS": "arn:aws:iam::000000000000:root"}
ALL = policy(allow("*"))

CASES: list[tuple[str, Held, bool, str]] = [
    ("nothing", Held(), False, "because no identity-based policy allows the s3:GetObject action"),
    ("an allow", Held([policy(allow())]), True, ""),
    ("another action", Held([policy(allow("s3:PutObject"))]), False, "because no identity-based policy"),
    ("actions in any case", Held([policy(allow("S3:get*"))]), True, ""),
    ("resources in their case", Held([policy(allow("s3:*", "arn:aws:s3:::Ward/*"))]), False, "because no"),
    ("a prefix", Held([policy(allow(GET, "arn:aws:s3:::ward/*"))]), True, ""),
    ("a deny beside", Held([policy(allow(), deny(GET))]), False, "with an explicit deny in an identity-based policy"),
    ("a deny elsewhere", Held([policy(allow(), deny(GET, "arn:aws:s3:::other/*"))]), True, ""),
    ("all but", Held([policy({"Effect": "Allow", "NotAction": "iam:*", "Resource": "*"})]), True, ""),
    ("all but this", Held([policy({"Effect": "Allow", "NotAction": "s3:Get*", "Resource": "*"})]), False, "because no"),
    (
        "all resources but this",
        Held([policy({"Effect": "Allow", "Action": "s3:*", "NotResource": "arn:aws:s3:::ward/*"})]),
        False,
        "because no",
    ),
    ("a bucket that names me", Held(resource=bucket(allow(), USER)), True, ""),
    ("a bucket that names all", Held(resource=bucket(allow(), "*")), True, ""),
    ("a bucket that names the account alone", Held(resource=bucket(allow(), ROOT)), False, "because no identity-based"),
    ("a bucket that names another", Held(resource=bucket(allow(), {"AWS": "arn:aws:iam::000000000000:user/bob"})), False, "because"),
    ("a bucket that denies", Held([ALL], resource=bucket(deny(), "*")), False, "with an explicit deny in a resource-based policy"),
    ("a bucket that denies the account", Held([ALL], resource=bucket(deny(), ROOT)), False, "with an explicit deny in a resource"),
    (
        "a bucket that denies all but me",
        Held([ALL], resource=policy({**deny(), "NotPrincipal": USER}, kind="resource")),
        True,
        "",
    ),
    (
        "a bucket that denies all but another",
        Held([ALL], resource=policy({**deny(), "NotPrincipal": {"AWS": "arn:aws:iam::000000000000:user/bob"}}, kind="resource")),
        False,
        "with an explicit deny in a resource-based policy",
    ),
    ("a boundary", Held([ALL], boundary=policy(allow("iam:*"))), False, "because no permissions boundary allows"),
    ("a boundary that allows", Held([ALL], boundary=policy(allow())), True, ""),
    ("a boundary gives nothing", Held([], boundary=ALL), False, "because no identity-based policy"),
    ("a boundary that denies", Held([ALL], boundary=policy(allow(), deny())), False, "with an explicit deny in a permissions boundary"),
    ("a session", Held([ALL], session=[policy(allow("iam:*"))]), False, "because no session policy allows"),
    ("a session that allows", Held([ALL], session=[policy(allow(GET))]), True, ""),
    ("a session gives nothing", Held([], session=[ALL]), False, "because no identity-based policy"),
    ("a session of nothing", Held([ALL], session=[]), False, "because no session policy allows"),
    ("a bucket that names me, past the session", Held([], session=[policy(allow("iam:*"))], resource=bucket(allow(), USER)), True, ""),
    ("a bucket that names all, not past the session", Held([], session=[policy(allow("iam:*"))], resource=bucket(allow(), "*")), False, "because no session"),
    ("a trust that is missing", Held([ALL], must_name=True), False, "because no resource-based policy"),
]  # fmt: skip


@pytest.mark.parametrize(("held", "allowed", "reason"), [c[1:] for c in CASES], ids=[c[0] for c in CASES])
def test_who_may_read(held: Held, allowed: bool, reason: str) -> None:
    decision = decide(GET, OBJECT, held, ALICE)
    assert decision.allowed is allowed
    if not allowed:
        assert decision.reason(GET).startswith(reason)


def test_variables_stand_for_the_one_who_asks() -> None:
    own = policy(allow("s3:*", "arn:aws:s3:::home/${aws:username}/*"))
    for name, key, allowed in (("alice", "alice/x", True), ("alice", "bob/x", False), ("*", "bob/x", False)):
        facts = Facts({"aws:username": name})
        assert decide(GET, f"arn:aws:s3:::home/{key}", Held([own]), ALICE, facts).allowed is allowed
    assert not decide(GET, "arn:aws:s3:::home//x", Held([own]), ALICE).allowed
    old = read(json.dumps({"Version": "2008-10-17", "Statement": allow("s3:*", "arn:aws:s3:::home/${aws:username}/*")}))
    assert not decide(GET, "arn:aws:s3:::home/alice/x", Held([old]), ALICE, Facts({"aws:username": "alice"})).allowed


def test_a_service_is_trusted_by_its_name() -> None:
    trust = policy(
        {"Effect": "Allow", "Principal": {"Service": "sagemaker.amazonaws.com"}, "Action": "sts:AssumeRole"},
        kind="trust",
    )
    held = Held(resource=trust, must_name=True)
    assert decide("sts:AssumeRole", "arn", held, Caller(service="sagemaker.amazonaws.com")).allowed
    assert not decide("sts:AssumeRole", "arn", held, Caller(service="lambda.amazonaws.com")).allowed
    assert not decide("sts:AssumeRole", "arn", Held([ALL], resource=trust, must_name=True), ALICE).allowed


ACTIONS = st.sampled_from(["s3:GetObject", "s3:PutObject", "s3:*", "*", "iam:*", "s3:Get*"])
RESOURCES = st.sampled_from(["*", OBJECT, "arn:aws:s3:::ward/*", "arn:aws:s3:::other/*"])
STATEMENTS = st.builds(
    lambda effect, action, resource, negated: {
        "Effect": effect,
        ("NotAction" if negated else "Action"): action,
        "Resource": resource,
    },
    st.sampled_from(["Allow", "Deny"]),
    ACTIONS,
    RESOURCES,
    st.booleans(),
)
POLICIES = st.lists(STATEMENTS, min_size=1, max_size=4).map(lambda found: policy(*found))
HELD = st.builds(
    Held,
    identity=st.lists(POLICIES, max_size=3).map(tuple),
    boundary=st.none() | POLICIES,
    session=st.none() | st.lists(POLICIES, max_size=2).map(tuple),
)


def verdict(held: Held) -> Decision:
    return decide(GET, OBJECT, held, ALICE)


@given(HELD, POLICIES)
def test_a_deny_is_never_undone(held: Held, more: Policy) -> None:
    denied = Held((*held.identity, policy(deny(GET, OBJECT))), held.boundary, held.session)
    assert not verdict(denied).allowed
    assert not verdict(Held((*denied.identity, more, ALL), held.boundary, held.session)).allowed


@given(HELD, POLICIES)
def test_limits_only_ever_take_away(held: Held, limit: Policy) -> None:
    """A boundary, or the first policy of a session; several of a session allow what one of them does."""
    if held.boundary is None and verdict(Held(held.identity, limit, held.session)).allowed:
        assert verdict(held).allowed
    if held.session is None and verdict(Held(held.identity, held.boundary, (limit,))).allowed:
        assert verdict(held).allowed


@given(HELD)
def test_the_order_of_policies_does_not_matter(held: Held) -> None:
    assert verdict(held).allowed == verdict(Held(tuple(reversed(held.identity)), held.boundary, held.session)).allowed


CONDITIONAL = st.builds(
    lambda statement, user: {**statement, "Condition": {"StringEquals": {"aws:username": user}}},
    STATEMENTS,
    st.sampled_from(["alice", "bob"]),
)


@given(st.lists(STATEMENTS | CONDITIONAL, min_size=1, max_size=5), POLICIES | st.none(), RESOURCES)
def test_a_narrowed_question_has_the_same_answer(
    found: list[dict[str, Any]], boundary: Policy | None, resource: str
) -> None:
    held, facts = Held((policy(*found),), boundary), Facts({"aws:username": "alice"})
    narrow = narrowed(held, GET, facts)
    assert decide(GET, resource, narrow, ALICE, facts) == decide(GET, resource, held, ALICE, facts)


@given(st.text(max_size=12), st.text("ab*?$.{}()[]\\", max_size=12))
def test_a_pattern_is_never_more_than_its_wildcards(text: str, pattern: str) -> None:
    assert patterns.matches(text.replace("*", "").replace("?", "").replace("$", ""), text, lambda _: None) or any(
        character in text for character in "*?$"
    )
    if not any(character in pattern for character in "*?$"):
        assert patterns.matches(pattern, text, lambda _: None) == (pattern == text)
    assert patterns.matches(f"*{pattern.replace('${', '')}*", f"x{pattern.replace('${', '')}y", lambda _: None)


@given(st.text("ab", max_size=10), st.text("ab*?", max_size=8))
def test_wildcards_are_those_of_file_names(text: str, pattern: str) -> None:
    assert patterns.matches(pattern, text, lambda _: None) == fnmatch.fnmatchcase(text, pattern)


def test_a_hostile_pattern_ends_soon() -> None:
    assert not patterns.matches("*a" * 30 + "b", "a" * 60, lambda _: None)


def test_the_managed_policies_can_all_be_evaluated() -> None:
    for name in managed.names():
        found = managed.by_name(name)
        assert found is not None
        assert read(found.document).statements
        assert managed.find(found.arn) == found
    assert managed.find("arn:aws:iam::aws:policy/Nonsense") is None
    assert managed.find("arn:aws:iam::aws:policy/elsewhere/AdministratorAccess") is None
    assert managed.find("arn:aws:iam::aws:policy/../rights") is None
