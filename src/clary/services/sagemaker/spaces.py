"""Spaces of a domain: create, describe, list, update, delete."""

from __future__ import annotations

from typing import Any

from clary.context import Context
from clary.errors import ResourceInUse, ResourceNotFound, ValidationException
from clary.services import operation, resources
from clary.services.sagemaker.domains import DOMAINS, check_settings, key, merged, page_in_domain
from clary.services.sagemaker.kinds import Kind, refuse_used
from clary.services.sagemaker.user_profiles import USER_PROFILES
from clary.store.base import Record

SPACES = Kind(
    name="Space",
    type="space",
    status="Status",
    missing=(ResourceNotFound, "RecordNotFound: the Space [{arn}] does not exist."),
    taken=(ResourceInUse, "The Space [{arn}] exists already."),
)


@operation
def create_space(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    parent = (DOMAINS, DOMAINS.find(context, request["DomainId"]).name)
    if ("OwnershipSettings" in request) != ("SpaceSharingSettings" in request):
        raise ValidationException("OwnershipSettings and SpaceSharingSettings must be given together, or neither.")
    body = dict(request)
    if "OwnershipSettings" in request:
        owner = f"{request['DomainId']}/{request['OwnershipSettings']['OwnerUserProfileName']}"
        body["_owner"] = USER_PROFILES.find(context, owner).arn
        parent = (USER_PROFILES, owner)
    check_settings(context, request.get("SpaceSettings", {}))
    record = SPACES.create(context, key(request, "SpaceName"), body, status="InService", parent=parent)
    return {"SpaceArn": record.arn}


@operation
def describe_space(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    return SPACES.find(context, key(request, "SpaceName")).body


@operation
def list_spaces(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    shown, more = page_in_domain(context, SPACES, request, {"SpaceNameContains": ("SpaceName", "contains")})
    return {"Spaces": [_summary(space) for space in shown], **more}


@operation
def update_space(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    check_settings(context, request.get("SpaceSettings", {}))

    def edit(space: Record) -> Record:
        members = {**resources.given(request, "SpaceDisplayName"), **merged(space, request, "SpaceSettings")}
        return SPACES.edited(context, space, members)

    return {"SpaceArn": SPACES.change(context, key(request, "SpaceName"), edit).arn}


@operation
def delete_space(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    name = key(request, "SpaceName")
    SPACES.delete(context, name, lambda space: refuse_used(context, space, ("App", "_owner", "=", space.arn)))
    return {}


def _summary(space: Record) -> dict[str, Any]:
    """The body as lists show it: with the settings that they sum up."""
    settings = space.body.get("SpaceSettings", {})
    return {
        **space.body,
        "SpaceSettingsSummary": resources.given(settings, "AppType", "RemoteAccess", "SpaceStorageSettings"),
        "OwnershipSettingsSummary": space.body.get("OwnershipSettings"),
        "SpaceSharingSettingsSummary": space.body.get("SpaceSharingSettings"),
    }
