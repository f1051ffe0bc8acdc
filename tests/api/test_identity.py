"""Roles, policies, sessions and tags by boto3."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests import jobs

Boto = Callable[..., Any]

TRUST = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Principal": {"Service": "sagemaker.amazonaws.com"}, "Action": "sts:AssumeRole"}
        ],
    }
)
ALLOW = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]})


def code(call: Callable[[], Any]) -> str:
    with pytest.raises(ClientError) as error:
        call()
    return str(error.value.response["Error"]["Code"])


def test_a_role_lives_from_its_creation_to_its_deletion(boto: Boto) -> None:
    iam = boto("iam")
    made = iam.create_role(
        RoleName="ward", AssumeRolePolicyDocument=TRUST, Path="/hospital/", Tags=[{"Key": "a", "Value": "b"}]
    )
    assert made["Role"]["Arn"] == "arn:aws:iam::000000000000:role/hospital/ward"
    found = iam.get_role(RoleName="ward")["Role"]
    assert found["AssumeRolePolicyDocument"] == json.loads(TRUST)
    assert found["RoleId"] == made["Role"]["RoleId"]
    assert "ward" in [role["RoleName"] for role in iam.list_roles(PathPrefix="/hospital/")["Roles"]]
    assert code(lambda: iam.create_role(RoleName="ward", AssumeRolePolicyDocument=TRUST)) == "EntityAlreadyExists"
    iam.attach_role_policy(RoleName="ward", PolicyArn="arn:aws:iam::aws:policy/AmazonSageMakerFullAccess")
    attached = iam.list_attached_role_policies(RoleName="ward")["AttachedPolicies"]
    assert [policy["PolicyName"] for policy in attached] == ["AmazonSageMakerFullAccess"]
    assert code(lambda: iam.delete_role(RoleName="ward")) == "DeleteConflict"
    iam.detach_role_policy(RoleName="ward", PolicyArn="arn:aws:iam::aws:policy/AmazonSageMakerFullAccess")
    iam.put_role_policy(RoleName="ward", PolicyName="own", PolicyDocument=ALLOW)
    assert iam.get_role_policy(RoleName="ward", PolicyName="own")["PolicyDocument"] == json.loads(ALLOW)
    iam.delete_role_policy(RoleName="ward", PolicyName="own")
    iam.delete_role(RoleName="ward")
    assert code(lambda: iam.get_role(RoleName="ward")) == "NoSuchEntity"


def test_a_policy_lives_from_its_creation_to_its_deletion(boto: Boto) -> None:
    iam = boto("iam")
    arn = iam.create_policy(PolicyName="reading", PolicyDocument=ALLOW)["Policy"]["Arn"]
    assert arn == "arn:aws:iam::000000000000:policy/reading"
    assert iam.get_policy(PolicyArn=arn)["Policy"]["PolicyName"] == "reading"
    assert arn in [policy["Arn"] for policy in iam.list_policies(Scope="Local")["Policies"]]
    iam.delete_policy(PolicyArn=arn)
    assert code(lambda: iam.get_policy(PolicyArn=arn)) == "NoSuchEntity"


@pytest.mark.parametrize("document", ["no json", "[]"])
def test_a_document_that_is_none_is_refused(boto: Boto, document: str) -> None:
    iam = boto("iam")
    assert code(lambda: iam.create_role(RoleName="bad", AssumeRolePolicyDocument=document)) == "MalformedPolicyDocument"


def test_a_session_of_ones_own_keys_works(boto: Boto) -> None:
    found = boto("sts").get_session_token(DurationSeconds=900)["Credentials"]
    other = boto(
        "sts",
        aws_access_key_id=found["AccessKeyId"],
        aws_secret_access_key=found["SecretAccessKey"],
        aws_session_token=found["SessionToken"],
    )
    assert other.get_caller_identity()["Account"] == "000000000000"


def test_tags_stick_to_what_has_an_arn(boto: Boto) -> None:
    sagemaker = boto("sagemaker")
    container = {"Image": jobs.IMAGE, "ModelDataUrl": "s3://jobs/m.tar.gz"}
    arn = sagemaker.create_model(
        ModelName="tagged",
        ExecutionRoleArn=jobs.ROLE,
        PrimaryContainer=container,
        Tags=[{"Key": "team", "Value": "ward"}],
    )["ModelArn"]
    sagemaker.add_tags(ResourceArn=arn, Tags=[{"Key": "cost", "Value": "7"}, {"Key": "team", "Value": "icu"}])
    tags = {tag["Key"]: tag["Value"] for tag in sagemaker.list_tags(ResourceArn=arn)["Tags"]}
    assert tags == {"team": "icu", "cost": "7"}
    sagemaker.delete_tags(ResourceArn=arn, TagKeys=["cost"])
    assert [tag["Key"] for tag in sagemaker.list_tags(ResourceArn=arn)["Tags"]] == ["team"]
    assert "Tags" not in sagemaker.describe_model(ModelName="tagged")
    missing = arn.replace("tagged", "nobody")
    assert code(lambda: sagemaker.list_tags(ResourceArn=missing)) in {"ValidationException", "ResourceNotFound"}


def test_a_region_is_a_world_of_its_own_but_buckets_are_not(boto: Boto) -> None:
    here, there = boto("sagemaker"), boto("sagemaker", region_name="eu-west-3")
    container = {"Image": jobs.IMAGE, "ModelDataUrl": "s3://jobs/m.tar.gz"}
    arn = there.create_model(ModelName="far", ExecutionRoleArn=jobs.ROLE, PrimaryContainer=container)["ModelArn"]
    assert ":eu-west-3:" in arn
    with pytest.raises(ClientError, match="Could not find model"):
        here.describe_model(ModelName="far")
    boto("s3").create_bucket(Bucket="shared-by-all")
    assert boto("s3", region_name="eu-west-3").head_bucket(Bucket="shared-by-all")
