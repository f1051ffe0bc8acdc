"""Lifecycle configurations of the Studio's apps: create, describe, list, delete."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from clary.context import Context
from clary.errors import ResourceInUse, ResourceNotFound
from clary.services import operation
from clary.services.sagemaker.kinds import Kind, User, refuse_used

STUDIO_LIFECYCLE_CONFIGS = Kind(
    name="StudioLifecycleConfig",
    type="studio-lifecycle-config",
    missing=(ResourceNotFound, "The StudioLifecycleConfig {arn} does not exist."),
    taken=(ResourceInUse, "The StudioLifecycleConfig {arn} already exists."),
)


@operation
def create_studio_lifecycle_config(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    config = STUDIO_LIFECYCLE_CONFIGS.create(context, request["StudioLifecycleConfigName"], request)
    return {"StudioLifecycleConfigArn": config.arn}


@operation
def describe_studio_lifecycle_config(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    return STUDIO_LIFECYCLE_CONFIGS.find(context, request["StudioLifecycleConfigName"]).body


@operation
def list_studio_lifecycle_configs(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    filters = {"AppTypeEquals": ("StudioLifecycleConfigAppType", "=")}
    shown, more = STUDIO_LIFECYCLE_CONFIGS.page(context, request, filters=filters)
    return {"StudioLifecycleConfigs": [config.body for config in shown], **more}


@operation
def delete_studio_lifecycle_config(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    name = request["StudioLifecycleConfigName"]
    quoted = f'"{STUDIO_LIFECYCLE_CONFIGS.arn(context, name)}"'
    users: list[User] = [
        ("App", "ResourceSpec", "contains", quoted),
        ("Space", "SpaceSettings", "contains", quoted),
        ("UserProfile", "UserSettings", "contains", quoted),
        ("Domain", "DefaultUserSettings", "contains", quoted),
        ("Domain", "DefaultSpaceSettings", "contains", quoted),
    ]
    STUDIO_LIFECYCLE_CONFIGS.delete(context, name, lambda config: refuse_used(context, config, *users))
    return {}


def require(context: Context, settings: Any) -> None:
    """The lifecycle configurations that settings name, however deep, must be there; ``ResourceNotFound``."""
    for arn in _named(settings):
        STUDIO_LIFECYCLE_CONFIGS.find(context, arn)


def _named(settings: Any) -> Iterator[str]:
    match settings:
        case dict():
            for name, value in settings.items():
                if name == "LifecycleConfigArn":
                    yield value
                elif name == "LifecycleConfigArns":
                    yield from value
                else:
                    yield from _named(value)
        case list():
            for value in settings:
                yield from _named(value)
