"""Endpoint configurations: create, describe, list, delete."""

from __future__ import annotations

from typing import Any

from clary.context import Context
from clary.errors import NotServed, ValidationException
from clary.services import operation
from clary.services.sagemaker.encryption import refuse_volume_key
from clary.services.sagemaker.kinds import Kind
from clary.services.sagemaker.models import MODELS

ENDPOINT_CONFIGS = Kind(
    name="EndpointConfig",
    type="endpoint-config",
    missing=(ValidationException, 'Could not find endpoint configuration "{arn}".'),
    taken=(ValidationException, 'Cannot create already existing endpoint configuration "{arn}".'),
)

_NOT_YET = (
    "AsyncInferenceConfig",
    "DataCaptureConfig",
    "ExplainerConfig",
    "ShadowProductionVariants",
)


@operation
def create_endpoint_config(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    for member in _NOT_YET:
        value = request.get(member)
        if value and not (member == "DataCaptureConfig" and not value.get("EnableCapture", True)):
            raise NotServed(f"CreateEndpointConfig with {member} is not served yet.")
    refuse_volume_key(request, "KmsKeyId", "CreateEndpointConfig")
    variants = [_variant(context, variant) for variant in request["ProductionVariants"]]
    if len({variant["VariantName"] for variant in variants}) < len(variants):
        raise ValidationException("Two production variants have the same VariantName.")
    body = {"EnableNetworkIsolation": False, **request, "ProductionVariants": variants}
    return {"EndpointConfigArn": ENDPOINT_CONFIGS.create(context, request["EndpointConfigName"], body).arn}


@operation
def describe_endpoint_config(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    return ENDPOINT_CONFIGS.find(context, request["EndpointConfigName"]).body


@operation
def list_endpoint_configs(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    configs, more = ENDPOINT_CONFIGS.page(context, request)
    return {"EndpointConfigs": [config.body for config in configs], **more}


@operation
def delete_endpoint_config(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    ENDPOINT_CONFIGS.delete(context, request["EndpointConfigName"])
    return {}


def _variant(context: Context, variant: dict[str, Any]) -> dict[str, Any]:
    name = variant["VariantName"]
    if "ServerlessConfig" in variant:
        raise NotServed(f"The variant {name!r}: ServerlessConfig is not served yet, name an InstanceType.")
    if "CoreDumpConfig" in variant:
        raise NotServed(f"The variant {name!r}: CoreDumpConfig is not served, a process that dies leaves its log.")
    if "ModelName" not in variant:
        raise NotServed(f"The variant {name!r} names no model; inference components are not served yet.")
    MODELS.find(context, variant["ModelName"])
    if variant.get("InitialInstanceCount", 1) > 1:
        raise NotServed(f"The variant {name!r} asks for several instances, which is not served yet: ask for one.")
    return {"InitialInstanceCount": 1, "InitialVariantWeight": 1.0, **variant}
