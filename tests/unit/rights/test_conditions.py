"""Conditions, by table: what IAM's user guide says of each operator, and of keys that are not there."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clary.rights import conditions, documents
from clary.rights.evaluation import Caller, Held, decide
from clary.rights.facts import Facts

FACTS = {
    "s3:prefix": "ward/2024/",
    "aws:SourceIp": "192.168.7.9",
    "aws:SecureTransport": "false",
    "aws:CurrentTime": "2026-03-01T12:00:00+00:00",
    "aws:EpochTime": "1772366400",
    "aws:PrincipalArn": "arn:aws:iam::000000000000:role/service-role/Nurse",
    "aws:username": "alice",
    "aws:TagKeys": ["team", "cost"],
    "sagemaker:InstanceTypes": ["ml.m5.large", "ml.p3.2xlarge"],
    "s3:max-keys": "10",
    "odd": "a*c",
}

HOLD = [
    ("StringEquals", "s3:prefix", ["ward/2024/"], True),
    ("StringEquals", "s3:prefix", ["ward/*"], False),
    ("StringEquals", "S3:PREFIX", ["x", "ward/2024/"], True),
    ("StringNotEquals", "s3:prefix", ["x", "ward/2024/"], False),
    ("StringNotEquals", "s3:prefix", ["x", "y"], True),
    ("StringEqualsIgnoreCase", "s3:prefix", ["WARD/2024/"], True),
    ("StringNotEqualsIgnoreCase", "s3:prefix", ["WARD/2024/"], False),
    ("StringLike", "s3:prefix", ["ward/*"], True),
    ("StringLike", "s3:prefix", ["Ward/*"], False),
    ("StringLike", "s3:prefix", ["ward/202?/"], True),
    ("StringNotLike", "s3:prefix", ["ward/*"], False),
    ("StringLike", "aws:username", ["${aws:username}"], True),
    ("StringLike", "odd", ["${odd}"], True),
    ("StringEquals", "aws:username", ["${aws:PrincipalTag/name, 'alice'}"], True),
    ("StringEquals", "aws:username", ["${aws:PrincipalTag/name}"], False),
    ("ArnLike", "aws:PrincipalArn", ["arn:aws:iam::*:role/*Nurse"], True),
    ("ArnEquals", "aws:PrincipalArn", ["arn:aws:iam::000000000000:role/*"], True),
    ("ArnLike", "aws:PrincipalArn", ["arn:aws:iam:*"], False),
    ("ArnNotLike", "aws:PrincipalArn", ["arn:aws:iam::*:role/*"], False),
    ("ArnLike", "aws:PrincipalArn", ["arn:aws:iam::*:role/service-role/${aws:PrincipalTag/x, 'Nurse'}"], True),
    ("NumericLessThanEquals", "s3:max-keys", ["10"], True),
    ("NumericLessThan", "s3:max-keys", ["10"], False),
    ("NumericGreaterThan", "s3:max-keys", ["9.5"], True),
    ("NumericNotEquals", "s3:max-keys", ["10"], False),
    ("NumericEquals", "s3:prefix", ["10"], False),
    ("DateGreaterThan", "aws:CurrentTime", ["2026-01-01T00:00:00Z"], True),
    ("DateLessThan", "aws:CurrentTime", ["2026-01-01T00:00:00Z"], False),
    ("DateEquals", "aws:CurrentTime", ["1772366400"], True),
    ("DateGreaterThanEquals", "aws:EpochTime", ["2026-03-01T12:00:00Z"], True),
    ("DateLessThan", "aws:CurrentTime", ["soon"], False),
    ("Bool", "aws:SecureTransport", ["false"], True),
    ("Bool", "aws:SecureTransport", ["true"], False),
    ("IpAddress", "aws:SourceIp", ["10.0.0.0/8", "192.168.0.0/16"], True),
    ("NotIpAddress", "aws:SourceIp", ["192.168.0.0/16"], False),
    ("IpAddress", "aws:SourceIp", ["2001:db8::/32"], False),
    ("Null", "aws:username", ["false"], True),
    ("Null", "aws:username", ["true"], False),
    ("Null", "aws:TokenIssueTime", ["true"], True),
    # A key that is not there: only negations and IfExists hold.
    ("StringEquals", "none", ["x"], False),
    ("StringNotEquals", "none", ["x"], True),
    ("StringEqualsIfExists", "none", ["x"], True),
    ("BoolIfExists", "none", ["true"], True),
    ("IpAddress", "none", ["0.0.0.0/0"], False),
    ("ForAllValues:StringEquals", "none", ["x"], True),
    ("ForAnyValue:StringEquals", "none", ["x"], False),
    # Several values.
    ("ForAllValues:StringEquals", "aws:TagKeys", ["team", "cost", "more"], True),
    ("ForAllValues:StringEquals", "aws:TagKeys", ["team"], False),
    ("ForAnyValue:StringEquals", "aws:TagKeys", ["team"], True),
    ("ForAnyValue:StringNotEquals", "aws:TagKeys", ["team"], True),
    ("ForAllValues:StringNotEquals", "aws:TagKeys", ["team"], False),
    ("ForAllValues:StringLike", "sagemaker:InstanceTypes", ["ml.m5.*"], False),
    ("ForAnyValue:StringLike", "sagemaker:InstanceTypes", ["ml.p3.*"], True),
]


@pytest.mark.parametrize(("operator", "key", "wanted", "holds"), HOLD)
def test_an_operator_holds_as_iam_says(operator: str, key: str, wanted: list[str], holds: bool) -> None:
    assert conditions.hold({operator: {key: wanted}}, Facts(FACTS)) is holds
    assert conditions.is_operator(operator)


def test_all_keys_and_operators_must_hold() -> None:
    facts = Facts(FACTS)
    good: dict[str, Any] = {"StringLike": {"s3:prefix": ["ward/*"], "aws:username": ["al*"]}}
    assert conditions.hold(good, facts)
    assert not conditions.hold({**good, "Bool": {"aws:SecureTransport": ["true"]}}, facts)
    assert not conditions.hold({"StringLike": {"s3:prefix": ["ward/*"], "aws:username": ["bob"]}}, facts)


def test_tags_are_asked_for_once_and_only_if_a_policy_does() -> None:
    asked = []

    def tags() -> dict[str, str]:
        asked.append(1)
        return {"Team": "icu"}

    facts = Facts({}, {"aws:ResourceTag": tags})
    assert asked == []
    for key in ("aws:ResourceTag/Team", "aws:resourcetag/team", "aws:ResourceTag/none"):
        facts.get(key)
    assert facts.get("aws:ResourceTag/Team") == ("icu",)
    assert asked == [1]
    assert facts.missing == {"aws:ResourceTag/none"}


BAD = [
    ("no json", "identity"),
    ("[]", "identity"),
    ('{"Version": "2020-01-01", "Statement": []}', "identity"),
    ('{"Statement": 1}', "identity"),
    ('{"Statement": {"Effect": "Maybe", "Action": "s3:*", "Resource": "*"}}', "identity"),
    ('{"Statement": {"Effect": "Allow", "Resource": "*"}}', "identity"),
    ('{"Statement": {"Effect": "Allow", "Action": "s3:*"}}', "identity"),
    ('{"Statement": {"Effect": "Allow", "Action": "everything", "Resource": "*"}}', "identity"),
    ('{"Statement": {"Effect": "Allow", "Action": "s3:*", "NotAction": "s3:*", "Resource": "*"}}', "identity"),
    ('{"Statement": {"Effect": "Allow", "Action": "s3:*", "Resource": "bucket"}}', "identity"),
    ('{"Statement": {"Effect": "Allow", "Action": "s3:*", "Resource": "*", "Principal": "*"}}', "identity"),
    ('{"Statement": {"Effect": "Allow", "Action": "s3:*", "Resource": "*", "Colour": "red"}}', "identity"),
    (
        '{"Statement": {"Effect": "Allow", "Action": "s3:*", "Resource": "*", "Condition": {"Is": {"a": "b"}}}}',
        "identity",
    ),
    ('{"Statement": {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}}', "resource"),
    ('{"Statement": {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": "*", "Resource": "*"}}', "trust"),
    ('{"Statement": {"Effect": "Allow", "Action": {"a": 1}, "Resource": "*"}}', "identity"),
    ("[" * 100_000, "identity"),
    ('{"a":' * 500 + "1" + "}" * 500, "identity"),
    ('{"Version": [], "Statement": []}', "identity"),
    ('{"Statement": {"Effect": [], "Action": "s3:*", "Resource": "*"}}', "identity"),
    ('{"Statement": {"Effect": "Allow", "Action": "s3:*", "Resource": "*", "Condition": {"Bool": 1}}}', "identity"),
    ('{"Statement": {"Effect": "Allow", "Action": "s3:*", "Resource": "*", "Principal": {"AWS": {}}}}', "resource"),
    ('{"Statement": [null]}', "identity"),
]


@pytest.mark.parametrize(("text", "kind"), BAD, ids=range(len(BAD)))
def test_what_cannot_be_evaluated_is_refused(text: str, kind: documents.Kind) -> None:
    with pytest.raises(documents.MalformedPolicy):
        documents.read(text, kind)


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.sampled_from(["Allow", "Deny", "*", "s3:*", "Bool"])
    | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from([*"abc", "Effect", "Action", "Resource", "Principal", "AWS", "Condition"]), inner
        )
    ),
    max_leaves=8,
)
MEMBERS = dict.fromkeys(
    ("Sid", "Effect", "Action", "NotAction", "Resource", "NotResource", "Principal", "Condition"), JSON
)


@given(st.fixed_dictionaries({}, optional=MEMBERS) | JSON, st.sampled_from(["identity", "resource", "trust"]))
def test_whatever_is_written_is_read_or_refused(statement: Any, kind: documents.Kind) -> None:
    text = json.dumps({"Version": "2012-10-17", "Statement": statement})
    try:
        policy = documents.read(text, kind)
    except documents.MalformedPolicy:
        return
    caller = Caller(own=("me",), role="role", account="000000000000")
    held = Held([policy], boundary=policy, session=[policy], resource=policy)
    decide("s3:GetObject", "arn:aws:s3:::a/b", held, caller, Facts(FACTS))
