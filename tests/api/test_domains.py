"""Domains of the Studio by boto3, and what lives in them: user profiles, spaces, apps."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests import jobs
from tests.refusals import refused

PREFIX = "arn:aws:sagemaker:us-east-1:000000000000"
SETTINGS = {"ExecutionRole": jobs.ROLE}


@pytest.fixture
def domain(sagemaker: Any) -> Iterator[str]:
    made = sagemaker.create_domain(DomainName="clinic", AuthMode="IAM", DefaultUserSettings=SETTINGS, VpcId="vpc-1")
    identifier: str = made["DomainId"]
    yield identifier
    for app in sagemaker.list_apps(DomainIdEquals=identifier)["Apps"]:
        owner = {member: app[member] for member in ("UserProfileName", "SpaceName") if member in app}
        sagemaker.delete_app(DomainId=identifier, AppType=app["AppType"], AppName=app["AppName"], **owner)
    for space in sagemaker.list_spaces(DomainIdEquals=identifier)["Spaces"]:
        sagemaker.delete_space(DomainId=identifier, SpaceName=space["SpaceName"])
    for profile in sagemaker.list_user_profiles(DomainIdEquals=identifier)["UserProfiles"]:
        sagemaker.delete_user_profile(DomainId=identifier, UserProfileName=profile["UserProfileName"])
    sagemaker.delete_domain(DomainId=identifier)


def test_a_domain_is_described_as_it_was_made(sagemaker: Any, domain: str) -> None:
    assert domain.startswith("d-")
    assert len(domain) == 14
    told = sagemaker.describe_domain(DomainId=domain)
    assert told["DomainArn"] == f"{PREFIX}:domain/{domain}"
    assert (told["DomainName"], told["Status"], told["AuthMode"]) == ("clinic", "InService", "IAM")
    assert told["DefaultUserSettings"] == SETTINGS
    assert told["AppNetworkAccessType"] == "PublicInternetOnly"
    listed = sagemaker.list_domains()["Domains"]
    assert [(each["DomainId"], each["DomainName"], each["Status"]) for each in listed] == [
        (domain, "clinic", "InService")
    ]
    sagemaker.add_tags(ResourceArn=told["DomainArn"], Tags=[{"Key": "a", "Value": "b"}])
    assert sagemaker.list_tags(ResourceArn=told["DomainArn"])["Tags"] == [{"Key": "a", "Value": "b"}]


def test_an_update_keeps_the_settings_that_it_does_not_name(sagemaker: Any, domain: str) -> None:
    sagemaker.update_domain(
        DomainId=domain,
        DefaultUserSettings={"DefaultLandingUri": "studio::"},
        DomainSettingsForUpdate={"ExecutionRoleIdentityConfig": "USER_PROFILE_NAME"},
        AppNetworkAccessType="VpcOnly",
    )
    told = sagemaker.describe_domain(DomainId=domain)
    assert told["DefaultUserSettings"] == {**SETTINGS, "DefaultLandingUri": "studio::"}
    assert told["DomainSettings"] == {"ExecutionRoleIdentityConfig": "USER_PROFILE_NAME"}
    assert told["AppNetworkAccessType"] == "VpcOnly"


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"DomainName": "clinic"}, "ResourceInUse"),
        ({"AuthMode": "SSO"}, "NotImplemented"),
        ({"KmsKeyId": "alias/mine"}, "NotImplemented"),
        ({"DefaultUserSettings": {"SharingSettings": {"S3KmsKeyId": "alias/mine"}}}, "NotImplemented"),
        ({"DefaultUserSettings": {"ExecutionRole": "arn:aws:iam::000000000000:role/nobody"}}, "ValidationException"),
        (
            {
                "DefaultSpaceSettings": {
                    "JupyterLabAppSettings": {"LifecycleConfigArns": [f"{PREFIX}:studio-lifecycle-config/none"]}
                }
            },
            "ResourceNotFound",
        ),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_what_cannot_be_had_is_refused(sagemaker: Any, domain: str, given: dict[str, Any], code: str) -> None:
    request = {"DomainName": "other", "AuthMode": "IAM", "DefaultUserSettings": SETTINGS, **given}
    assert refused(sagemaker.create_domain, **request)[0] == code


def test_nothing_is_deleted_while_something_lives_in_it(sagemaker: Any, domain: str) -> None:
    in_domain = {"DomainId": domain}
    owner, space = {**in_domain, "UserProfileName": "Ada"}, {**in_domain, "SpaceName": "desk"}
    app = {"AppType": "JupyterLab", "AppName": "default"}
    sagemaker.create_user_profile(**owner)
    sagemaker.create_space(
        **space, OwnershipSettings={"OwnerUserProfileName": "Ada"}, SpaceSharingSettings={"SharingType": "Private"}
    )
    arn = sagemaker.create_app(**space, **app)["AppArn"]
    assert arn == f"{PREFIX}:app/{domain}/desk/jupyterlab/default"
    assert sagemaker.describe_app(**space, **app)["Status"] == "InService"
    steps = [
        (sagemaker.delete_space, space, f"Unable to delete Space [{PREFIX}:space/{domain}/desk] because App(s)"),
        (sagemaker.delete_user_profile, owner, f"UserProfile [{PREFIX}:user-profile/{domain}/ada] because Space(s)"),
        (sagemaker.delete_domain, in_domain, f"Unable to delete Domain [{PREFIX}:domain/{domain}] because App(s)"),
    ]
    for call, request, words in steps:
        code, text = refused(call, **request)
        assert (code, words in text) == ("ResourceInUse", True), text
        assert text.endswith(" are associated with it.")
    sagemaker.delete_app(**space, **app)
    sagemaker.delete_space(**space)
    assert "because UserProfile(s) are" in refused(sagemaker.delete_domain, **in_domain)[1]
    sagemaker.create_app(**owner, **app)
    assert "because App(s) are" in refused(sagemaker.delete_user_profile, **owner)[1]


def test_a_profile_that_is_made_while_its_domain_is_deleted_is_not_left_alone(sagemaker: Any) -> None:
    for _ in range(5):
        made = sagemaker.create_domain(DomainName="short", AuthMode="IAM", DefaultUserSettings=SETTINGS)
        domain = made["DomainId"]

        def attempt(call: Any, **request: Any) -> bool:
            try:
                call(**request)
            except ClientError:
                return False
            return True

        with ThreadPoolExecutor(2) as threads:
            added = threads.submit(attempt, sagemaker.create_user_profile, DomainId=domain, UserProfileName="a")
            deleted = threads.submit(attempt, sagemaker.delete_domain, DomainId=domain)
        assert added.result() != deleted.result()
        profiles = sagemaker.list_user_profiles(DomainIdEquals=domain)["UserProfiles"]
        assert bool(profiles) == added.result()
        if profiles:
            sagemaker.delete_user_profile(DomainId=domain, UserProfileName="a")
            sagemaker.delete_domain(DomainId=domain)


def test_what_lives_in_no_domain_or_of_nobody_is_refused(sagemaker: Any, domain: str) -> None:
    code, text = refused(sagemaker.create_user_profile, DomainId="d-none", UserProfileName="a")
    assert (code, text) == ("ResourceNotFound", "The Domain [d-none] does not exist.")
    app = {"DomainId": domain, "AppType": "JupyterLab", "AppName": "a"}
    assert refused(sagemaker.create_app, **app)[0] == "ValidationException"
    assert refused(sagemaker.create_app, **app, UserProfileName="a", SpaceName="b")[0] == "ValidationException"
    assert refused(sagemaker.create_app, **app, UserProfileName="nobody")[0] == "ResourceNotFound"
    space = {"DomainId": domain, "SpaceName": "a", "OwnershipSettings": {"OwnerUserProfileName": "nobody"}}
    assert refused(sagemaker.create_space, **space)[0] == "ValidationException"
    sharing = {"SpaceSharingSettings": {"SharingType": "Private"}}
    assert refused(sagemaker.create_space, **space, **sharing)[0] == "ResourceNotFound"


def test_lists_tell_what_is_in_which_domain_and_whose(sagemaker: Any, domain: str) -> None:
    other = sagemaker.create_domain(DomainName="other", AuthMode="IAM", DefaultUserSettings=SETTINGS)["DomainId"]
    for each in (domain, other):
        sagemaker.create_user_profile(DomainId=each, UserProfileName="ada")
        sagemaker.create_space(DomainId=each, SpaceName="ward", SpaceSettings={"AppType": "JupyterLab"})
        for owner in ({"UserProfileName": "ada"}, {"SpaceName": "ward"}):
            sagemaker.create_app(DomainId=each, AppType="JupyterLab", AppName="default", **owner)
    assert len(sagemaker.list_user_profiles()["UserProfiles"]) == 2
    assert [p["DomainId"] for p in sagemaker.list_user_profiles(DomainIdEquals=other)["UserProfiles"]] == [other]
    (space,) = sagemaker.list_spaces(DomainIdEquals=domain)["Spaces"]
    assert space["SpaceSettingsSummary"] == {"AppType": "JupyterLab"}
    assert len(sagemaker.list_apps()["Apps"]) == 4
    (app,) = sagemaker.list_apps(DomainIdEquals=domain, SpaceNameEquals="ward")["Apps"]
    assert ("UserProfileName" in app, app["SpaceName"]) == (False, "ward")
    assert len(sagemaker.list_apps(UserProfileNameEquals="ada")["Apps"]) == 2
    for owner in ({"UserProfileName": "ada"}, {"SpaceName": "ward"}):
        sagemaker.delete_app(DomainId=other, AppType="JupyterLab", AppName="default", **owner)
    sagemaker.delete_space(DomainId=other, SpaceName="ward")
    sagemaker.delete_user_profile(DomainId=other, UserProfileName="ada")
    sagemaker.delete_domain(DomainId=other)


def test_a_lifecycle_config_stays_while_settings_name_it(sagemaker: Any, domain: str) -> None:
    name = {"StudioLifecycleConfigName": "start"}
    arn = sagemaker.create_studio_lifecycle_config(
        **name, StudioLifecycleConfigContent="ZWNobw==", StudioLifecycleConfigAppType="JupyterLab"
    )["StudioLifecycleConfigArn"]
    settings = {"JupyterLabAppSettings": {"LifecycleConfigArns": [arn]}}
    sagemaker.create_user_profile(DomainId=domain, UserProfileName="ada", UserSettings=settings)
    code, text = refused(sagemaker.delete_studio_lifecycle_config, **name)
    assert (code, "because UserProfile(s) are" in text) == ("ResourceInUse", True)
    settings = {"JupyterLabAppSettings": {"LifecycleConfigArns": []}}
    sagemaker.update_user_profile(DomainId=domain, UserProfileName="ada", UserSettings=settings)
    sagemaker.delete_studio_lifecycle_config(**name)


def test_its_address_is_not_served_yet(sagemaker: Any, domain: str) -> None:
    sagemaker.create_user_profile(DomainId=domain, UserProfileName="ada")
    code, text = refused(sagemaker.create_presigned_domain_url, DomainId=domain, UserProfileName="ada")
    assert (code, "CreatePresignedDomainUrl" in text) == ("NotImplemented", True)
