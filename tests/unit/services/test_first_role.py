"""The role that is always there, also in the folder of an older Clary."""

from __future__ import annotations

from dataclasses import replace

from clary.context import Context
from clary.keys import FIRST_ROLE
from clary.services.iam import roles
from tests.unit.services.s3.conftest import context

__all__ = ["context"]

MANAGED = "arn:aws:iam::aws:policy/"


def attached(context: Context) -> list[str]:
    role = context.store.get("", "Role", FIRST_ROLE)
    assert role is not None
    return [policy["PolicyName"] for policy in role.body["_attached"]]


def test_it_may_use_sagemaker_and_s3(context: Context) -> None:
    roles.ensure_first_role(context)
    assert attached(context) == ["AmazonSageMakerFullAccess", "AmazonS3FullAccess"]
    who = context.rights.of_role(roles.ensure_first_role(context), "SageMaker")
    assert who is not None
    for action, resource, may in (
        ("s3:GetObject", "arn:aws:s3:::ward/a", True),
        ("sagemaker:CreateTrainingJob", "arn:aws:sagemaker:us-east-1:000000000000:training-job/a", True),
        ("logs:PutLogEvents", "*", True),
        ("iam:CreateUser", "*", False),
    ):
        assert context.rights.decide(who, action, resource).allowed is may


def test_one_that_an_older_clary_made_gets_what_it_lacks_once(context: Context) -> None:
    roles.ensure_first_role(context)
    role = context.store.get("", "Role", FIRST_ROLE)
    assert role is not None
    old = {"PolicyName": "AmazonSageMakerFullAccess", "PolicyArn": f"{MANAGED}AmazonSageMakerFullAccess"}
    body = {name: value for name, value in role.body.items() if name != "_evaluated"}
    context.store.put(replace(role, body={**body, "_attached": [old]}))
    roles.ensure_first_role(context)
    assert attached(context) == ["AmazonSageMakerFullAccess", "AmazonS3FullAccess"]
    # What its owner takes away stays away.
    role = context.store.get("", "Role", FIRST_ROLE)
    assert role is not None
    context.store.put(replace(role, body={**role.body, "_attached": []}))
    roles.ensure_first_role(context)
    assert attached(context) == []
