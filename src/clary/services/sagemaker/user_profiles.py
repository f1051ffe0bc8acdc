"""User profiles of a domain: create, describe, list, update, delete."""

from __future__ import annotations

from typing import Any

from clary.context import Context
from clary.errors import ResourceInUse, ResourceNotFound
from clary.services import operation
from clary.services.sagemaker.domains import DOMAINS, check_settings, key, merged, page_in_domain
from clary.services.sagemaker.kinds import Kind, refuse, refuse_used
from clary.store.base import Record

USER_PROFILES = Kind(
    name="UserProfile",
    type="user-profile",
    status="Status",
    missing=(ResourceNotFound, "The UserProfile [{arn}] does not exist."),
    taken=(ResourceInUse, "The UserProfile [{arn}] exists already."),
)
_NOT_YET = {
    "SingleSignOnUserIdentifier": "domains are of AuthMode IAM",
    "SingleSignOnUserValue": "domains are of AuthMode IAM",
}


@operation
def create_user_profile(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    refuse(request, "CreateUserProfile", _NOT_YET)
    domain = DOMAINS.find(context, request["DomainId"]).name
    check_settings(context, request.get("UserSettings", {}))
    name = key(request, "UserProfileName")
    record = USER_PROFILES.create(context, name, request, status="InService", parent=(DOMAINS, domain))
    return {"UserProfileArn": record.arn}


@operation
def describe_user_profile(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    return USER_PROFILES.find(context, key(request, "UserProfileName")).body


@operation
def list_user_profiles(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    shown, more = page_in_domain(
        context, USER_PROFILES, request, {"UserProfileNameContains": ("UserProfileName", "contains")}
    )
    return {"UserProfiles": [profile.body for profile in shown], **more}


@operation
def update_user_profile(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    check_settings(context, request.get("UserSettings", {}))

    def edit(profile: Record) -> Record:
        return USER_PROFILES.edited(context, profile, merged(profile, request, "UserSettings"))

    return {"UserProfileArn": USER_PROFILES.change(context, key(request, "UserProfileName"), edit).arn}


@operation
def delete_user_profile(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    def check(profile: Record) -> None:
        refuse_used(context, profile, ("App", "_owner", "=", profile.arn), ("Space", "_owner", "=", profile.arn))

    USER_PROFILES.delete(context, key(request, "UserProfileName"), check)
    return {}
