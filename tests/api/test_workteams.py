"""Workforce, work teams and human task UIs by boto3."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.jobs import ROLE
from tests.labelling_jobs import MEMBER, TEAM, TEAM_ARN
from tests.refusals import refused

POOL = {"UserPool": MEMBER["UserPool"], "ClientId": MEMBER["ClientId"]}
WORKFORCE_ARN = "arn:aws:sagemaker:us-east-1:000000000000:workforce/people"
OIDC = {
    "ClientId": "c",
    "ClientSecret": "s",
    **dict.fromkeys(
        ("Issuer", "AuthorizationEndpoint", "TokenEndpoint", "UserInfoEndpoint", "LogoutEndpoint", "JwksUri"),
        "https://i",
    ),
}
NOT_SERVED = "NotImplemented"


@pytest.fixture
def workforce(sagemaker: Any) -> Iterator[str]:
    sagemaker.create_workforce(WorkforceName="people", CognitoConfig=POOL, Tags=[{"Key": "a", "Value": "b"}])
    yield "people"
    for team in sagemaker.list_workteams(MaxResults=100)["Workteams"]:
        sagemaker.delete_workteam(WorkteamName=team["WorkteamName"])
    sagemaker.delete_workforce(WorkforceName="people")


def test_there_is_one_workforce(sagemaker: Any, workforce: str) -> None:
    found = sagemaker.describe_workforce(WorkforceName=workforce)["Workforce"]
    assert (found["WorkforceArn"], found["Status"], found["CognitoConfig"]) == (WORKFORCE_ARN, "Active", POOL)
    assert found["SubDomain"].endswith("/_/work")
    assert "://" not in found["SubDomain"]
    assert found["CreateDate"] <= found["LastUpdatedDate"]
    assert [each["WorkforceName"] for each in sagemaker.list_workforces()["Workforces"]] == ["people"]
    code, words = refused(sagemaker.create_workforce, WorkforceName="more", CognitoConfig=POOL)
    assert (code, "only create one workforce" in words) == ("ValidationException", True)
    assert [each["WorkforceName"] for each in sagemaker.list_workforces()["Workforces"]] == ["people"]
    updated = sagemaker.update_workforce(WorkforceName=workforce, IpAddressType="dualstack")["Workforce"]
    assert updated["IpAddressType"] == "dualstack"
    code, words = refused(sagemaker.describe_workforce, WorkforceName="nobody")
    assert (code, "No workforce" in words) == ("ValidationException", True)


@pytest.mark.parametrize(
    ("given", "code", "said"),
    [
        ({}, "ValidationException", "either CognitoConfig or OidcConfig"),
        ({"CognitoConfig": POOL, "OidcConfig": OIDC}, "ValidationException", "either CognitoConfig or OidcConfig"),
        ({"OidcConfig": OIDC}, NOT_SERVED, "sign in by Clary's own links"),
        ({"CognitoConfig": POOL, "WorkforceVpcConfig": {"VpcId": "vpc-1"}}, NOT_SERVED, "no VPC"),
        ({"CognitoConfig": POOL, "SourceIpConfig": {"Cidrs": ["10.0.0.0/8"]}}, NOT_SERVED, "CLARY_HOST"),
    ],
)
def test_what_a_workforce_cannot_be(sagemaker: Any, given: dict[str, Any], code: str, said: str) -> None:
    found, words = refused(sagemaker.create_workforce, WorkforceName="people", **given)
    assert (found, said in words) == (code, True), words


def test_a_team_goes_from_creation_to_deletion(sagemaker: Any, workforce: str) -> None:
    assert sagemaker.create_workteam(**TEAM, WorkforceName=workforce)["WorkteamArn"] == TEAM_ARN
    team = sagemaker.describe_workteam(WorkteamName="ward")["Workteam"]
    assert (team["WorkteamArn"], team["WorkforceArn"]) == (TEAM_ARN, WORKFORCE_ARN)
    assert (team["Description"], team["MemberDefinitions"]) == (TEAM["Description"], TEAM["MemberDefinitions"])
    assert team["SubDomain"] == sagemaker.describe_workforce(WorkforceName=workforce)["Workforce"]["SubDomain"]
    told = sagemaker.update_workteam(WorkteamName="ward", Description="Night")["Workteam"]
    assert (told["Description"], told["MemberDefinitions"]) == ("Night", TEAM["MemberDefinitions"])
    assert refused(sagemaker.create_workteam, **TEAM)[0] == "ResourceInUse"
    code, words = refused(sagemaker.delete_workforce, WorkforceName=workforce)
    assert (code, "work teams (ward)" in words) == ("ResourceInUse", True)
    assert sagemaker.delete_workteam(WorkteamName="ward")["Success"] is True
    code, words = refused(sagemaker.describe_workteam, WorkteamName="ward")
    assert (code, words.startswith("The work team")) == ("ValidationException", True)


def test_the_first_team_brings_a_workforce(sagemaker: Any) -> None:
    sagemaker.create_workteam(**TEAM)
    team = sagemaker.describe_workteam(WorkteamName="ward")["Workteam"]
    assert team["WorkforceArn"].endswith("workforce/default")
    sagemaker.delete_workteam(WorkteamName="ward")
    sagemaker.delete_workforce(WorkforceName="default")


def member(**given: str) -> dict[str, Any]:
    return {"CognitoMemberDefinition": {**MEMBER, **given}}


@pytest.mark.parametrize(
    ("given", "code", "said"),
    [
        ({"MemberDefinitions": [member(), member(ClientId="other")]}, "ValidationException", "same UserPool"),
        (
            {"MemberDefinitions": [member(UserPool="us-east-1_other")]},
            "ValidationException",
            "the workforce people has",
        ),
        ({"MemberDefinitions": [{}]}, "ValidationException", "needs a CognitoMemberDefinition"),
        ({"MemberDefinitions": [{"OidcMemberDefinition": {"Groups": ["g"]}}]}, NOT_SERVED, "Clary's own links"),
        ({"WorkforceName": "nobody"}, "ValidationException", "No workforce"),
        (
            {"NotificationConfiguration": {"NotificationTopicArn": "arn:aws:sns:us-east-1:000000000000:t"}},
            NOT_SERVED,
            "no SNS",
        ),
        (
            {"WorkerAccessConfiguration": {"S3Presign": {"IamPolicyConstraints": {"SourceIp": "Enabled"}}}},
            NOT_SERVED,
            "not bound",
        ),
    ],
)
def test_what_a_team_cannot_be(sagemaker: Any, workforce: str, given: dict[str, Any], code: str, said: str) -> None:
    found, words = refused(sagemaker.create_workteam, **{**TEAM, **given})
    assert (found, said in words) == (code, True), words


def test_twenty_five_teams_are_the_most(sagemaker: Any, workforce: str) -> None:
    for number in range(25):
        sagemaker.create_workteam(**{**TEAM, "WorkteamName": f"t{number:02}"})
    assert refused(sagemaker.create_workteam, **TEAM)[0] == "ResourceLimitExceeded"
    page = sagemaker.list_workteams(MaxResults=20, SortBy="Name")
    more = sagemaker.list_workteams(MaxResults=20, SortBy="Name", NextToken=page["NextToken"])
    names = [team["WorkteamName"] for team in page["Workteams"] + more["Workteams"]]
    assert names == [f"t{number:02}" for number in range(25)]
    assert [team["WorkteamName"] for team in sagemaker.list_workteams(NameContains="t24")["Workteams"]] == ["t24"]


def test_nobody_is_subscribed_to_a_vendor(sagemaker: Any) -> None:
    assert sagemaker.list_subscribed_workteams()["SubscribedWorkteams"] == []
    arn = "arn:aws:sagemaker:us-east-1:123456789012:workteam/vendor-crowd/v"
    assert "not subscribed" in refused(sagemaker.describe_subscribed_workteam, WorkteamArn=arn)[1]


def test_human_task_uis(sagemaker: Any) -> None:
    template = "<p>{{ task.input.text }}</p>"
    arn = sagemaker.create_human_task_ui(HumanTaskUiName="review", UiTemplate={"Content": template})["HumanTaskUiArn"]
    assert arn == "arn:aws:sagemaker:us-east-1:000000000000:human-task-ui/review"
    told = sagemaker.describe_human_task_ui(HumanTaskUiName="review")
    assert (told["HumanTaskUiStatus"], told["HumanTaskUiArn"]) == ("Active", arn)
    assert told["UiTemplate"]["ContentSha256"] == hashlib.sha256(template.encode()).hexdigest()
    shown = sagemaker.render_ui_template(
        HumanTaskUiArn=arn, Task={"Input": json.dumps({"text": "a & b"})}, RoleArn=ROLE
    )
    assert "<p>a &amp; b</p>" in shown["RenderedContent"]
    assert (
        refused(sagemaker.create_human_task_ui, HumanTaskUiName="review", UiTemplate={"Content": "x"})[0]
        == "ResourceInUse"
    )
    assert [ui["HumanTaskUiName"] for ui in sagemaker.list_human_task_uis()["HumanTaskUiSummaries"]] == ["review"]
    sagemaker.delete_human_task_ui(HumanTaskUiName="review")
    assert refused(sagemaker.describe_human_task_ui, HumanTaskUiName="review")[0] == "ResourceNotFound"
