"""What users, roles and sessions may do, by boto3 against a real server: no more than their policies give."""

from __future__ import annotations

import json
import re
import sqlite3
import urllib.error
import urllib.request
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import ClientError

from tests import jobs
from tests.conftest import Studio

Boto = Callable[..., Any]
ACCOUNT = "000000000000"
TRUST = {"Effect": "Allow", "Principal": {"Service": "sagemaker.amazonaws.com"}, "Action": "sts:AssumeRole"}


def document(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def allow(action: Any, resource: Any = "*", **more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": action, "Resource": resource, **more}


def deny(action: Any, resource: Any = "*", **more: Any) -> dict[str, Any]:
    return {**allow(action, resource, **more), "Effect": "Deny"}


def refused(call: Callable[[], Any], *words: str) -> str:
    """The text of the refusal, which must be one and hold these words."""
    with pytest.raises(ClientError) as error:
        call()
    found = error.value.response["Error"]
    assert found["Code"] in {"AccessDenied", "AccessDeniedException", "403"}, found
    for word in words:
        assert word in found["Message"]
    return str(found["Message"])


@pytest.fixture(scope="module")
def iam(studio: Studio) -> Any:
    return studio.client("iam")


@pytest.fixture(scope="module")
def s3(studio: Studio) -> Any:
    client = studio.client("s3")
    client.create_bucket(Bucket="ward")
    client.put_object(Bucket="ward", Key="in/a.csv", Body=b"1,2\n")
    client.put_object(Bucket="ward", Key="secret/b.csv", Body=b"3,4\n")
    return client


@pytest.fixture(scope="module")
def user(studio: Studio, iam: Any) -> Callable[..., Callable[[str], Any]]:
    """``user("alice", statement, ...)``: a new user of these rights; answers its clients by service."""

    def make(name: str, *statements: dict[str, Any], **given: Any) -> Callable[[str], Any]:
        iam.create_user(UserName=name, **given)
        if statements:
            iam.put_user_policy(UserName=name, PolicyName="own", PolicyDocument=document(*statements))
        return with_key(studio, iam.create_access_key(UserName=name)["AccessKey"])

    return make


def with_key(studio: Studio, key: dict[str, Any]) -> Callable[[str], Any]:
    def client(service: str) -> Any:
        token = {"aws_session_token": key["SessionToken"]} if "SessionToken" in key else {}
        return studio.client(
            service, aws_access_key_id=key["AccessKeyId"], aws_secret_access_key=key["SecretAccessKey"], **token
        )

    return client


def test_a_user_without_policies_may_nothing(user: Any, s3: Any) -> None:
    nobody = user("nobody")
    text = refused(lambda: nobody("sagemaker").list_training_jobs(), "sagemaker:ListTrainingJobs")
    me = f"arn:aws:sts::{ACCOUNT}:assumed-role/nobody/nobody"
    assert text == (
        f"User: {me} is not authorized to perform: sagemaker:ListTrainingJobs on resource: * "
        "because no identity-based policy allows the sagemaker:ListTrainingJobs action"
    )
    refused(lambda: nobody("iam").list_roles(), "iam:ListRoles")
    refused(lambda: nobody("logs").describe_log_groups(), "logs:DescribeLogGroups")
    refused(lambda: nobody("s3").get_object(Bucket="ward", Key="in/a.csv"), '"arn:aws:s3:::ward/in/a.csv"')
    # Who one is, everybody may know: SDKs ask before all else.
    assert nobody("sts").get_caller_identity()["Arn"] == me
    role = nobody("iam").get_role(RoleName="nobody")["Role"]
    assert role["Arn"] == f"arn:aws:iam::{ACCOUNT}:role/nobody"
    assert nobody("iam").get_user()["User"]["UserName"] == "nobody"


def test_a_reader_reads_and_does_not_write(user: Any, s3: Any, iam: Any) -> None:
    reader = user("reader")
    iam.attach_user_policy(UserName="reader", PolicyArn="arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess")
    client = reader("s3")
    assert client.get_object(Bucket="ward", Key="in/a.csv")["Body"].read() == b"1,2\n"
    assert client.list_objects_v2(Bucket="ward")["KeyCount"] >= 2
    refused(lambda: client.put_object(Bucket="ward", Key="in/c.csv", Body=b"x"), "s3:PutObject")
    refused(lambda: client.create_bucket(Bucket="mine"), "s3:CreateBucket")
    refused(lambda: client.delete_object(Bucket="ward", Key="in/a.csv"), "s3:DeleteObject")
    iam.detach_user_policy(UserName="reader", PolicyArn="arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess")
    refused(lambda: client.get_object(Bucket="ward", Key="in/a.csv"), "s3:GetObject")


def test_an_explicit_deny_wins_over_everything(user: Any, s3: Any) -> None:
    client = user("careful", allow("*"), deny("s3:*", "arn:aws:s3:::ward/secret/*"))("s3")
    assert client.get_object(Bucket="ward", Key="in/a.csv")
    text = refused(lambda: client.get_object(Bucket="ward", Key="secret/b.csv"))
    assert text.endswith("with an explicit deny in an identity-based policy")


def test_conditions_count(user: Any, s3: Any) -> None:
    prefix = {"StringLike": {"s3:prefix": ["in/*"]}}
    client = user("narrow", allow("s3:ListBucket", "arn:aws:s3:::ward", Condition=prefix))("s3")
    assert client.list_objects_v2(Bucket="ward", Prefix="in/")["KeyCount"] == 1
    refused(lambda: client.list_objects_v2(Bucket="ward"), "s3:ListBucket")
    refused(lambda: client.list_objects_v2(Bucket="ward", Prefix="secret/"), "s3:ListBucket")
    for name, condition, may in (
        ("here", {"IpAddress": {"aws:SourceIp": "127.0.0.0/8"}}, True),
        ("there", {"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}, False),
        ("over-tls", {"Bool": {"aws:SecureTransport": "true"}}, False),
        ("in-paris", {"StringEquals": {"aws:RequestedRegion": "eu-west-3"}}, False),
        ("later", {"DateGreaterThan": {"aws:CurrentTime": "2100-01-01T00:00:00Z"}}, False),
        ("before", {"DateLessThan": {"aws:CurrentTime": "2100-01-01T00:00:00Z"}}, True),
        ("by-name", {"StringEquals": {"aws:username": "by-name"}}, True),
    ):
        other = user(name, allow("s3:ListAllMyBuckets", Condition=condition))("s3")
        if may:
            assert other.list_buckets()["Buckets"]
        else:
            refused(other.list_buckets, "s3:ListAllMyBuckets")


def test_a_home_of_ones_own_by_a_variable(user: Any, s3: Any) -> None:
    home = allow(["s3:GetObject", "s3:PutObject"], "arn:aws:s3:::ward/home/${aws:username}/*")
    ada, bea = user("ada", home)("s3"), user("bea", home)("s3")
    ada.put_object(Bucket="ward", Key="home/ada/x", Body=b"mine")
    refused(lambda: bea.get_object(Bucket="ward", Key="home/ada/x"), "s3:GetObject")
    # What is not there is not told to who may not list the bucket.
    refused(lambda: bea.get_object(Bucket="ward", Key="home/bea/none"), "s3:ListBucket")
    assert ada.get_object(Bucket="ward", Key="home/ada/x")["Body"].read() == b"mine"


def test_tags_decide_over_resources(user: Any, boto: Boto) -> None:
    sagemaker = boto("sagemaker")
    for name, team in (("ours", "icu"), ("theirs", "er")):
        container = {"Image": jobs.IMAGE, "ModelDataUrl": "s3://jobs/m.tar.gz"}
        sagemaker.create_model(
            ModelName=name,
            ExecutionRoleArn=jobs.ROLE,
            PrimaryContainer=container,
            Tags=[{"Key": "team", "Value": team}],
        )
    mine = {"StringEquals": {"aws:ResourceTag/team": "${aws:PrincipalTag/team}"}}
    must = {"StringEquals": {"aws:RequestTag/team": "icu"}, "ForAllValues:StringEquals": {"aws:TagKeys": ["team"]}}
    client = user(
        "tagged",
        allow("sagemaker:DescribeModel", Condition=mine),
        allow(["sagemaker:CreateModel", "sagemaker:AddTags"], Condition=must),
        allow(
            "iam:PassRole", jobs.ROLE, Condition={"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}}
        ),
        Tags=[{"Key": "team", "Value": "icu"}],
    )("sagemaker")
    assert client.describe_model(ModelName="ours")
    refused(lambda: client.describe_model(ModelName="theirs"), "sagemaker:DescribeModel", ":model/theirs")
    container = {"Image": jobs.IMAGE, "ModelDataUrl": "s3://jobs/m.tar.gz"}
    new: dict[str, Any] = {"ModelName": "new", "ExecutionRoleArn": jobs.ROLE, "PrimaryContainer": container}
    refused(lambda: client.create_model(**new), "sagemaker:CreateModel")
    refused(lambda: client.create_model(**new, Tags=[{"Key": "team", "Value": "er"}]), "sagemaker:CreateModel")
    client.create_model(**new, Tags=[{"Key": "team", "Value": "icu"}])


def test_a_role_is_handed_over_only_by_who_may(user: Any, iam: Any, boto: Boto) -> None:
    iam.create_role(RoleName="strong", AssumeRolePolicyDocument=document(TRUST))
    arn = f"arn:aws:iam::{ACCOUNT}:role/strong"
    model: dict[str, Any] = {"PrimaryContainer": {"Image": jobs.IMAGE, "ModelDataUrl": "s3://jobs/m.tar.gz"}}
    client = user("maker", allow("sagemaker:*"))("sagemaker")
    refused(
        lambda: client.create_model(ModelName="a", ExecutionRoleArn=arn, **model), f"iam:PassRole on resource: {arn}"
    )
    # Itself a user may hand over, so get_execution_role() gives something to work with.
    own = f"arn:aws:iam::{ACCOUNT}:role/maker"
    client.create_model(ModelName="own", ExecutionRoleArn=own, **model)
    # A role that does not trust the service is of no use to it.
    nobody = {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}, "Action": "sts:AssumeRole"}
    iam.create_role(RoleName="person", AssumeRolePolicyDocument=document(nobody))
    with pytest.raises(ClientError, match=r"allows principal 'sagemaker\.amazonaws\.com' to assume the role"):
        boto("sagemaker").create_model(ModelName="b", ExecutionRoleArn=f"arn:aws:iam::{ACCOUNT}:role/person", **model)


def test_a_role_is_assumed_only_by_whom_it_trusts(user: Any, iam: Any, studio: Studio, s3: Any) -> None:
    joe = user("joe", allow("sts:AssumeRole"))
    trust = {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:user/jane"}, "Action": "sts:AssumeRole"}
    key = {"StringEquals": {"sts:ExternalId": "42"}}
    iam.create_role(RoleName="janes", AssumeRolePolicyDocument=document({**trust, "Condition": key}))
    iam.put_role_policy(RoleName="janes", PolicyName="own", PolicyDocument=document(allow("s3:*")))
    arn = f"arn:aws:iam::{ACCOUNT}:role/janes"
    refused(lambda: joe("sts").assume_role(RoleArn=arn, RoleSessionName="joe", ExternalId="42"), "sts:AssumeRole")
    jane = user("jane")("sts")  # named by the role: she needs no policy of her own
    refused(lambda: jane.assume_role(RoleArn=arn, RoleSessionName="jane"), "sts:AssumeRole")
    limits = document(allow("s3:GetObject", "arn:aws:s3:::ward/in/*"))
    given = jane.assume_role(RoleArn=arn, RoleSessionName="jane", ExternalId="42", Policy=limits)
    assert given["PackedPolicySize"] > 0
    session = with_key(studio, given["Credentials"])
    assert session("sts").get_caller_identity()["Arn"] == f"arn:aws:sts::{ACCOUNT}:assumed-role/janes/jane"
    assert session("s3").get_object(Bucket="ward", Key="in/a.csv")
    refused(lambda: session("s3").get_object(Bucket="ward", Key="secret/b.csv"), "because no session policy allows")
    whole = with_key(studio, jane.assume_role(RoleArn=arn, RoleSessionName="j2", ExternalId="42")["Credentials"])
    assert whole("s3").get_object(Bucket="ward", Key="secret/b.csv")
    iam.delete_role_policy(RoleName="janes", PolicyName="own")
    refused(lambda: whole("s3").get_object(Bucket="ward", Key="secret/b.csv"), "because no identity-based policy")


def test_nobody_becomes_the_owner_by_the_owners_name(user: Any, studio: Studio) -> None:
    """The owner's ARN can be had by naming a session so; what it may do cannot."""
    climber = user("climber", allow("sts:AssumeRole"))("sts")
    given = climber.assume_role(
        RoleArn=f"arn:aws:iam::{ACCOUNT}:role/service-role/ClaryExecutionRole", RoleSessionName="owner"
    )
    session = with_key(studio, given["Credentials"])
    assert session("sts").get_caller_identity()["Arn"] == studio.client("sts").get_caller_identity()["Arn"]
    refused(lambda: session("iam").create_user(UserName="puppet"), "iam:CreateUser")


def test_a_boundary_is_the_most_that_one_may(user: Any, iam: Any, s3: Any) -> None:
    arn = iam.create_policy(PolicyName="edge", PolicyDocument=document(allow("s3:Get*")))["Policy"]["Arn"]
    client = user("bounded", allow("*"), PermissionsBoundary=arn)("s3")
    assert client.get_object(Bucket="ward", Key="in/a.csv")
    refused(lambda: client.list_objects_v2(Bucket="ward"), "because no permissions boundary allows the s3:ListBucket")
    assert iam.get_user(UserName="bounded")["User"]["PermissionsBoundary"]["PermissionsBoundaryArn"] == arn
    iam.delete_user_permissions_boundary(UserName="bounded")
    assert client.list_objects_v2(Bucket="ward")


def test_a_group_gives_what_it_has(user: Any, iam: Any, s3: Any) -> None:
    client = user("member")("s3")
    iam.create_group(GroupName="readers")
    iam.put_group_policy(GroupName="readers", PolicyName="own", PolicyDocument=document(allow("s3:Get*")))
    refused(lambda: client.get_object(Bucket="ward", Key="in/a.csv"))
    iam.add_user_to_group(GroupName="readers", UserName="member")
    assert client.get_object(Bucket="ward", Key="in/a.csv")
    assert [u["UserName"] for u in iam.get_group(GroupName="readers")["Users"]] == ["member"]
    assert [g["GroupName"] for g in iam.list_groups_for_user(UserName="member")["Groups"]] == ["readers"]
    iam.remove_user_from_group(GroupName="readers", UserName="member")
    refused(lambda: client.get_object(Bucket="ward", Key="in/a.csv"))


def test_keys_live_and_die(user: Any, iam: Any, studio: Studio) -> None:
    iam.create_user(UserName="keys")
    iam.attach_user_policy(UserName="keys", PolicyArn="arn:aws:iam::aws:policy/AmazonSageMakerReadOnly")
    key = iam.create_access_key(UserName="keys")["AccessKey"]
    client = with_key(studio, key)
    used = iam.get_access_key_last_used(AccessKeyId=key["AccessKeyId"])
    assert used["AccessKeyLastUsed"]["ServiceName"] == "N/A"
    assert client("sagemaker").list_models() is not None
    used = iam.get_access_key_last_used(AccessKeyId=key["AccessKeyId"])
    assert (used["UserName"], used["AccessKeyLastUsed"]["ServiceName"]) == ("keys", "sagemaker")
    session = with_key(studio, client("sts").get_session_token()["Credentials"])
    assert session("sagemaker").list_models() is not None
    iam.update_access_key(UserName="keys", AccessKeyId=key["AccessKeyId"], Status="Inactive")
    assert [k["Status"] for k in iam.list_access_keys(UserName="keys")["AccessKeyMetadata"]] == ["Inactive"]
    for each in (client, session):
        with pytest.raises(ClientError, match="UnrecognizedClientException"):
            each("sagemaker").list_models()
        with pytest.raises(ClientError, match="InvalidAccessKeyId"):
            each("s3").list_buckets()
    iam.update_access_key(UserName="keys", AccessKeyId=key["AccessKeyId"], Status="Active")
    assert session("sagemaker").list_models() is not None
    iam.create_access_key(UserName="keys")
    with pytest.raises(ClientError, match="LimitExceeded"):
        iam.create_access_key(UserName="keys")
    with pytest.raises(ClientError, match="DeleteConflict"):
        iam.delete_user(UserName="keys")
    for each in iam.list_access_keys(UserName="keys")["AccessKeyMetadata"]:
        iam.delete_access_key(UserName="keys", AccessKeyId=each["AccessKeyId"])
    iam.detach_user_policy(UserName="keys", PolicyArn="arn:aws:iam::aws:policy/AmazonSageMakerReadOnly")
    iam.delete_user(UserName="keys")
    with pytest.raises(ClientError, match="UnrecognizedClientException"):
        client("sagemaker").list_models()


def test_a_namesake_inherits_nothing(iam: Any, user: Any, studio: Studio, s3: Any) -> None:
    trust = {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}, "Action": "sts:AssumeRole"}

    def make() -> None:
        iam.create_role(RoleName="twice", AssumeRolePolicyDocument=document(trust))
        iam.put_role_policy(RoleName="twice", PolicyName="own", PolicyDocument=document(allow("s3:*")))

    make()
    given = studio.client("sts").assume_role(RoleArn=f"arn:aws:iam::{ACCOUNT}:role/twice", RoleSessionName="old")
    session = with_key(studio, given["Credentials"])("s3")
    assert session.list_buckets()
    everybody = {**allow("s3:GetObject", "arn:aws:s3:::open-to-all/*"), "Principal": "*"}
    s3.create_bucket(Bucket="open-to-all")
    s3.put_object(Bucket="open-to-all", Key="a", Body=b"")
    s3.put_bucket_policy(Bucket="open-to-all", Policy=document(everybody))
    iam.delete_role_policy(RoleName="twice", PolicyName="own")
    assert session.get_object(Bucket="open-to-all", Key="a")
    iam.delete_role(RoleName="twice")
    refused(session.list_buckets)
    refused(lambda: session.get_object(Bucket="open-to-all", Key="a"))  # who is no more is not everybody
    make()
    refused(session.list_buckets)
    with pytest.raises(ClientError, match="EntityAlreadyExists"):
        iam.create_user(UserName="twice")


def test_a_renamed_user_keeps_its_keys(user: Any, iam: Any) -> None:
    client = user("before-marriage", allow("s3:List*"))
    assert client("s3").list_buckets()
    iam.update_user(UserName="before-marriage", NewUserName="after-marriage")
    assert client("s3").list_buckets()
    assert client("sts").get_caller_identity()["Arn"].endswith("assumed-role/after-marriage/after-marriage")


def test_copies_and_deletions_of_many_need_each_right(user: Any, s3: Any) -> None:
    for key in ("gone/1", "gone/2", "kept/1"):
        s3.put_object(Bucket="ward", Key=key, Body=b"x")
    client = user(
        "mover",
        allow(["s3:PutObject", "s3:DeleteObject"], "arn:aws:s3:::ward/gone/*"),
        allow(["s3:GetObject", "s3:GetObjectTagging"], "arn:aws:s3:::ward/in/*"),
    )("s3")
    client.copy_object(Bucket="ward", Key="gone/copy", CopySource="ward/in/a.csv")
    refused(lambda: client.copy_object(Bucket="ward", Key="gone/copy", CopySource="ward/secret/b.csv"), "s3:GetObject")
    answer = client.delete_objects(
        Bucket="ward", Delete={"Objects": [{"Key": "gone/1"}, {"Key": "kept/1"}, {"Key": "gone/2"}]}
    )
    assert sorted(d["Key"] for d in answer["Deleted"]) == ["gone/1", "gone/2"]
    assert [(e["Key"], e["Code"]) for e in answer["Errors"]] == [("kept/1", "AccessDenied")]
    assert s3.head_object(Bucket="ward", Key="kept/1")


def test_simulation_says_what_the_door_does(user: Any, iam: Any, s3: Any, boto: Boto) -> None:
    """The same table for both: what is simulated as allowed is let in, all else is not."""
    client = user(
        "simulated",
        allow(["s3:GetObject", "s3:ListBucket"], ["arn:aws:s3:::ward", "arn:aws:s3:::ward/in/*"]),
        allow("sagemaker:List*"),
        deny("sagemaker:ListModels"),
        allow("s3:ListAllMyBuckets", Condition={"Bool": {"aws:SecureTransport": "true"}}),
    )
    arn = f"arn:aws:iam::{ACCOUNT}:user/simulated"
    table: list[tuple[str, str, Callable[[], Any]]] = [
        ("s3:GetObject", "arn:aws:s3:::ward/in/a.csv", lambda: client("s3").get_object(Bucket="ward", Key="in/a.csv")),
        ("s3:GetObject", "arn:aws:s3:::ward/secret/b.csv", lambda: client("s3").get_object(Bucket="ward", Key="secret/b.csv")),
        ("s3:PutObject", "arn:aws:s3:::ward/in/a.csv", lambda: client("s3").put_object(Bucket="ward", Key="in/a.csv")),
        ("s3:ListBucket", "arn:aws:s3:::ward", lambda: client("s3").list_objects_v2(Bucket="ward")),
        ("s3:ListAllMyBuckets", "*", lambda: client("s3").list_buckets()),
        ("sagemaker:ListTrainingJobs", "*", lambda: client("sagemaker").list_training_jobs()),
        ("sagemaker:ListModels", "*", lambda: client("sagemaker").list_models()),
        ("iam:ListRoles", f"arn:aws:iam::{ACCOUNT}:role/", lambda: client("iam").list_roles()),
    ]  # fmt: skip
    decisions = []
    for action, resource, call in table:
        simulated = iam.simulate_principal_policy(
            PolicySourceArn=arn,
            ActionNames=[action],
            ResourceArns=[resource],
            ContextEntries=[
                {"ContextKeyName": "aws:SecureTransport", "ContextKeyValues": ["false"], "ContextKeyType": "boolean"}
            ],
        )["EvaluationResults"][0]
        decisions.append(simulated["EvalDecision"])
        if simulated["EvalDecision"] == "allowed":
            call()
            assert simulated["MatchedStatements"][0]["SourcePolicyId"] == "user_simulated_own"
        else:
            text = refused(call, action)
            assert ("explicit deny" in text) == (simulated["EvalDecision"] == "explicitDeny")
    assert set(decisions) == {"allowed", "explicitDeny", "implicitDeny"}
    custom = iam.simulate_custom_policy(
        PolicyInputList=[document(allow("s3:*", Condition={"StringEquals": {"aws:username": "x"}}))],
        ActionNames=["s3:GetObject", "iam:ListUsers"],
    )["EvaluationResults"]
    assert [r["EvalDecision"] for r in custom] == ["implicitDeny", "implicitDeny"]
    assert custom[0]["MissingContextValues"] == ["aws:username"]


def test_a_managed_policy_has_its_document(iam: Any) -> None:
    arn = "arn:aws:iam::aws:policy/AmazonSageMakerFullAccess"
    policy = iam.get_policy(PolicyArn=arn)["Policy"]
    found = iam.get_policy_version(PolicyArn=arn, VersionId=policy["DefaultVersionId"])["PolicyVersion"]["Document"]
    assert any(s.get("Action") == ["iam:PassRole"] for s in found["Statement"])
    assert arn in [p["Arn"] for p in iam.list_policies(Scope="AWS", MaxItems=1000)["Policies"]]
    with pytest.raises(ClientError, match="Clary has the most common"):
        iam.attach_role_policy(RoleName="ClaryExecutionRole", PolicyArn="arn:aws:iam::aws:policy/AWSUnheardOf")


def test_a_presigned_link_gives_what_its_signer_may(user: Any, s3: Any) -> None:
    client = user("signer", allow("s3:GetObject", "arn:aws:s3:::ward/in/*"))("s3")
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    good, bad = (
        client.generate_presigned_url("get_object", Params={"Bucket": "ward", "Key": key})
        for key in ("in/a.csv", "secret/b.csv")
    )
    with opener.open(good, timeout=60) as response:
        assert response.read() == b"1,2\n"
    with pytest.raises(urllib.error.HTTPError) as error:
        opener.open(bad, timeout=60)
    assert error.value.code == 403
    assert re.search(rb"<Code>AccessDenied</Code>", error.value.read())
    error.value.close()


def test_a_form_uploads_what_its_signer_may(user: Any, s3: Any) -> None:
    client = user("poster", allow("s3:PutObject", "arn:aws:s3:::ward/forms/*"))("s3")
    for key, status in (("forms/a", 204), ("secret/a", 403)):
        form = client.generate_presigned_post("ward", key)
        boundary = "between"
        parts = "".join(
            f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
            for name, value in {**form["fields"], "file": "x"}.items()
        )
        request = urllib.request.Request(form["url"], f"{parts}--{boundary}--\r\n".encode())
        request.add_header("Content-Type", f"multipart/form-data; boundary={boundary}")
        try:
            with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=60) as response:
                found = response.status
        except urllib.error.HTTPError as error:
            found = error.code
            error.close()
        assert found == status


def test_another_accounts_bucket_is_refused(s3: Any) -> None:
    refused(lambda: s3.list_objects_v2(Bucket="ward", ExpectedBucketOwner="111111111111"))
    refused(lambda: s3.get_object(Bucket="ward", Key="in/a.csv", ExpectedBucketOwner="111111111111"))
    refused(
        lambda: s3.copy_object(
            Bucket="ward", Key="x", CopySource="ward/in/a.csv", ExpectedSourceBucketOwner="111111111111"
        )
    )


def test_the_session_ends_when_it_says(fresh_studio: Studio) -> None:
    """A session cannot be made shorter than fifteen minutes, so its end is moved in the record."""
    studio = fresh_studio
    given = studio.client("sts").get_session_token(DurationSeconds=900)["Credentials"]
    studio.kill()
    with sqlite3.connect(studio.data / "clary.db") as database:
        database.execute(
            "UPDATE records SET body = json_set(body, '$.Expires', ?) WHERE name = ?",
            (
                (datetime.now(UTC) - timedelta(hours=1)).isoformat(),
                given["AccessKeyId"],
            ),
        )
    database.close()
    studio.start()
    session = with_key(studio, given)
    for service, call, code in (
        ("sagemaker", "list_models", "ExpiredTokenException"),
        ("s3", "list_buckets", "ExpiredToken"),
        ("sts", "get_caller_identity", "ExpiredToken"),
    ):
        with pytest.raises(ClientError) as error:
            getattr(session(service), call)()
        assert error.value.response["Error"]["Code"] == code


def test_what_a_job_asks_for_can_be_limited(user: Any, boto: Boto) -> None:
    container = {"Image": jobs.IMAGE, "ModelDataUrl": "s3://jobs/m.tar.gz"}
    boto("sagemaker").create_model(ModelName="sized", ExecutionRoleArn=jobs.ROLE, PrimaryContainer=container)
    small = {"ForAllValues:StringLike": {"sagemaker:InstanceTypes": ["ml.m5.*"]}}
    client = user("small", allow("sagemaker:CreateEndpointConfig", Condition=small))("sagemaker")

    def make(name: str, *types: str) -> None:
        variants = [
            {
                "VariantName": kind.replace(".", "-"),
                "ModelName": "sized",
                "InitialInstanceCount": 1,
                "InstanceType": kind,
            }
            for kind in types
        ]
        client.create_endpoint_config(EndpointConfigName=name, ProductionVariants=variants)

    refused(lambda: make("large", "ml.m5.large", "ml.p3.16xlarge"), "sagemaker:CreateEndpointConfig")
    make("fits", "ml.m5.large")


ANONYMOUS = [
    ("s3", "list_buckets", {}, "AccessDenied", 403),
    ("sts", "get_caller_identity", {}, "MissingAuthenticationToken", 403),
    ("iam", "list_users", {}, "MissingAuthenticationToken", 403),
    ("sagemaker", "list_models", {}, "MissingAuthenticationTokenException", 400),
    ("logs", "describe_log_groups", {}, "MissingAuthenticationTokenException", 400),
    ("cloudwatch", "list_metrics", {}, "MissingAuthenticationTokenException", 400),
]


@pytest.mark.parametrize(("service", "call", "given", "code", "status"), ANONYMOUS, ids=[c[0] for c in ANONYMOUS])
def test_nobody_is_refused_in_each_protocols_words(
    studio: Studio, service: str, call: str, given: dict[str, Any], code: str, status: int
) -> None:
    config = Config(signature_version=UNSIGNED, retries={"max_attempts": 1}, proxies={})
    with pytest.raises(ClientError) as error:
        getattr(studio.client(service, config=config), call)(**given)
    assert error.value.response["Error"]["Code"] == code
    assert error.value.response["ResponseMetadata"]["HTTPStatusCode"] == status
