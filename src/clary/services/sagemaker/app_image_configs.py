"""App image configurations: create, describe, list, update, delete."""

from __future__ import annotations

from typing import Any

from clary.context import Context
from clary.errors import ResourceInUse, ResourceNotFound
from clary.services import operation, resources
from clary.services.sagemaker.kinds import Kind

APP_IMAGE_CONFIGS = Kind(
    name="AppImageConfig",
    type="app-image-config",
    missing=(ResourceNotFound, "The AppImageConfig {name} does not exist. Please provide a valid AppImageConfigName."),
    taken=(ResourceInUse, "The ID or Name specified is already in use."),
)


@operation
def create_app_image_config(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    return {"AppImageConfigArn": APP_IMAGE_CONFIGS.create(context, request["AppImageConfigName"], request).arn}


@operation
def describe_app_image_config(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    return APP_IMAGE_CONFIGS.find(context, request["AppImageConfigName"]).body


@operation
def list_app_image_configs(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    shown, more = APP_IMAGE_CONFIGS.page(context, request)
    return {"AppImageConfigs": [config.body for config in shown], **more}


@operation
def update_app_image_config(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    members = resources.given(
        request, "KernelGatewayImageConfig", "JupyterLabAppImageConfig", "CodeEditorAppImageConfig"
    )
    return {"AppImageConfigArn": APP_IMAGE_CONFIGS.update(context, request["AppImageConfigName"], members).arn}


@operation
def delete_app_image_config(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    APP_IMAGE_CONFIGS.delete(context, request["AppImageConfigName"])
    return {}
