"""Apps of a user profile or a space: create, describe, list, delete.

A record that is InService as it was asked to be: the JupyterLab behind it comes with the Studio.
"""

from __future__ import annotations

from typing import Any

from clary.context import Context
from clary.errors import ResourceInUse, ResourceNotFound, ValidationException
from clary.services import operation, resources
from clary.services.sagemaker import studio_lifecycle_configs
from clary.services.sagemaker.domains import key, page_in_domain
from clary.services.sagemaker.kinds import Kind
from clary.services.sagemaker.spaces import SPACES
from clary.services.sagemaker.user_profiles import USER_PROFILES

APPS = Kind(
    name="App",
    type="app",
    status="Status",
    missing=(ResourceNotFound, "RecordNotFound: the App [{arn}] does not exist."),
    taken=(ResourceInUse, "The App [{arn}] exists already."),
)
_FILTERS: resources.Filters = {
    "UserProfileNameEquals": ("UserProfileName", "="),
    "SpaceNameEquals": ("SpaceName", "="),
}


@operation
def create_app(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    kind = SPACES if _owner(request) == "SpaceName" else USER_PROFILES
    owner = kind.find(context, key(request, _owner(request)))
    studio_lifecycle_configs.require(context, request)
    body = {"RecoveryMode": False, **request, "_owner": owner.arn}
    record = APPS.create(context, _key(request), body, status="InService", parent=(kind, owner.name))
    return {"AppArn": record.arn}


@operation
def describe_app(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    return APPS.find(context, _key(request)).body


@operation
def list_apps(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    shown, more = page_in_domain(context, APPS, request, _FILTERS)
    return {"Apps": [app.body for app in shown], **more}


@operation
def delete_app(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    APPS.delete(context, _key(request))
    return {}


def _owner(request: dict[str, Any]) -> str:
    """The member that names who owns the app."""
    if ("UserProfileName" in request) == ("SpaceName" in request):
        raise ValidationException("An App belongs to a UserProfileName or to a SpaceName: give one of them.")
    return "SpaceName" if "SpaceName" in request else "UserProfileName"


def _key(request: dict[str, Any]) -> str:
    return key(request, _owner(request), "AppType", "AppName")
