"""Lifecycle configurations of notebook instances: create, describe, list, update, delete."""

from __future__ import annotations

from typing import Any

from clary.context import Context
from clary.errors import ValidationException
from clary.services import operation, resources
from clary.services.sagemaker.kinds import Kind

_CONFIG = "Notebook Instance Lifecycle Config"

LIFECYCLE_CONFIGS = Kind(
    name="NotebookInstanceLifecycleConfig",
    type="notebook-instance-lifecycle-config",
    missing=(
        ValidationException,
        f"Unable to describe {_CONFIG} '{{arn}}'. (Details: {_CONFIG} does not exist.)",
    ),
    taken=(
        ValidationException,
        f"Unable to create {_CONFIG} {{arn}}. (Details: {_CONFIG} already exists.)",
    ),
)


@operation
def create_notebook_instance_lifecycle_config(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    config = LIFECYCLE_CONFIGS.create(context, request["NotebookInstanceLifecycleConfigName"], request)
    return {"NotebookInstanceLifecycleConfigArn": config.arn}


@operation
def describe_notebook_instance_lifecycle_config(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    return LIFECYCLE_CONFIGS.find(context, request["NotebookInstanceLifecycleConfigName"]).body


@operation
def list_notebook_instance_lifecycle_configs(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    shown, more = LIFECYCLE_CONFIGS.page(context, request)
    return {"NotebookInstanceLifecycleConfigs": [config.body for config in shown], **more}


@operation
def update_notebook_instance_lifecycle_config(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    members = resources.given(request, "OnCreate", "OnStart")
    LIFECYCLE_CONFIGS.update(context, request["NotebookInstanceLifecycleConfigName"], members)
    return {}


@operation
def delete_notebook_instance_lifecycle_config(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    LIFECYCLE_CONFIGS.delete(context, request["NotebookInstanceLifecycleConfigName"])
    return {}
