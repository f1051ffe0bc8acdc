"""Buckets' policies by boto3: beside what one's own policies say, and a Deny above all."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.api.test_rights import ACCOUNT, allow, deny, document, refused, with_key
from tests.conftest import Studio

ARN = "arn:aws:s3:::shared"


@pytest.fixture(scope="module")
def s3(studio: Studio) -> Any:
    client = studio.client("s3")
    client.create_bucket(Bucket="shared")
    client.put_object(Bucket="shared", Key="open/a", Body=b"1")
    client.put_object(Bucket="shared", Key="closed/b", Body=b"2")
    return client


@pytest.fixture(scope="module")
def user(studio: Studio) -> Callable[..., Any]:
    iam = studio.client("iam")

    def make(name: str, *statements: dict[str, Any]) -> Any:
        iam.create_user(UserName=name)
        if statements:
            iam.put_user_policy(UserName=name, PolicyName="own", PolicyDocument=document(*statements))
        return with_key(studio, iam.create_access_key(UserName=name)["AccessKey"])("s3")

    return make


def to(name: str, statement: dict[str, Any]) -> dict[str, Any]:
    return {**statement, "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:user/{name}"}}


def test_a_bucket_lets_in_whom_it_names_and_keeps_out_whom_it_denies(s3: Any, user: Any) -> None:
    guest, insider = user("guest"), user("insider", allow("s3:*"))
    refused(lambda: guest.get_object(Bucket="shared", Key="open/a"))
    policy = document(
        to("guest", allow("s3:GetObject", f"{ARN}/open/*")),
        {**deny("s3:*", f"{ARN}/closed/*"), "Principal": "*"},
    )
    s3.put_bucket_policy(Bucket="shared", Policy=policy)
    assert json.loads(s3.get_bucket_policy(Bucket="shared")["Policy"]) == json.loads(policy)
    assert s3.get_bucket_policy_status(Bucket="shared")["PolicyStatus"]["IsPublic"] is False
    assert guest.get_object(Bucket="shared", Key="open/a")["Body"].read() == b"1"
    refused(lambda: guest.put_object(Bucket="shared", Key="open/c", Body=b"x"), "s3:PutObject")
    refused(
        lambda: insider.get_object(Bucket="shared", Key="closed/b"), "with an explicit deny in a resource-based policy"
    )
    assert s3.get_object(Bucket="shared", Key="closed/b")  # the owner cannot lock itself out
    s3.delete_bucket_policy(Bucket="shared")
    refused(lambda: guest.get_object(Bucket="shared", Key="open/a"))
    assert insider.get_object(Bucket="shared", Key="closed/b")
    with pytest.raises(ClientError, match="NoSuchBucketPolicy"):
        s3.get_bucket_policy(Bucket="shared")


@pytest.mark.parametrize(
    ("policy", "message"),
    [
        ("{", "invalid Json"),
        (document(allow("s3:*", f"{ARN}/*")), "Missing required field Principal"),
        (document({**allow("s3:*", "arn:aws:s3:::other/*"), "Principal": "*"}), "invalid resource"),
        (document({**allow("iam:*", f"{ARN}/*"), "Principal": "*"}), "invalid action"),
        (document(to("nobody-at-all", allow("s3:*", f"{ARN}/*"))), "Invalid principal"),
    ],
)
def test_a_policy_that_says_nothing_of_the_bucket_is_refused(s3: Any, policy: str, message: str) -> None:
    with pytest.raises(ClientError, match=message) as error:
        s3.put_bucket_policy(Bucket="shared", Policy=policy)
    assert error.value.response["Error"]["Code"] == "MalformedPolicy"


def test_a_new_bucket_of_an_old_name_has_no_policy(s3: Any, user: Any) -> None:
    former = user("former")
    s3.create_bucket(Bucket="again")
    statement = to("former", allow("s3:*", ["arn:aws:s3:::again", "arn:aws:s3:::again/*"]))
    s3.put_bucket_policy(Bucket="again", Policy=document(statement))
    assert former.list_objects_v2(Bucket="again")["KeyCount"] == 0
    s3.delete_bucket(Bucket="again")
    s3.create_bucket(Bucket="again")
    refused(lambda: former.list_objects_v2(Bucket="again"))
