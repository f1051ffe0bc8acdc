"""Endpoint configurations: create, describe, list, delete."""

from __future__ import annotations

from typing import Any

from clary.context import Context
from clary.errors import NotServed, ServiceError, ValidationException
from clary.services import operation, resources
from clary.services.sagemaker import models

KIND = "EndpointConfig"

_NOT_YET = (
    "AsyncInferenceConfig",
    "DataCaptureConfig",
    "ExplainerConfig",
    "ShadowProductionVariants",
)


@operation
def create_endpoint_config(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    name = request["EndpointConfigName"]
    arn = context.arn("sagemaker", "endpoint-config", name)
    for member in _NOT_YET:
        value = request.get(member)
        if value and not (member == "DataCaptureConfig" and not value.get("EnableCapture", True)):
            raise NotServed(f"CreateEndpointConfig with {member} is not served yet.")
    variants = [_variant(context, variant) for variant in request["ProductionVariants"]]
    if len({variant["VariantName"] for variant in variants}) < len(variants):
        raise ValidationException("Two production variants have the same VariantName.")
    body = {"EnableNetworkIsolation": False, **request, "ProductionVariants": variants, "EndpointConfigArn": arn}
    taken = ValidationException(f'Cannot create already existing endpoint configuration "{arn}".')
    resources.create(context, KIND, name, body, taken=taken)
    return {"EndpointConfigArn": arn}


@operation
def describe_endpoint_config(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    name = request["EndpointConfigName"]
    return resources.find(context, KIND, name, missing=missing(context, name)).body


@operation
def list_endpoint_configs(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    configs, more = resources.page(context, KIND, request)
    return {"EndpointConfigs": [config.body for config in configs], **more}


@operation
def delete_endpoint_config(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    name = request["EndpointConfigName"]
    resources.delete(context, KIND, name, missing=missing(context, name))
    return {}


def missing(context: Context, name: str) -> ServiceError:
    arn = context.arn("sagemaker", "endpoint-config", name)
    return ValidationException(f'Could not find endpoint configuration "{arn}".')


def _variant(context: Context, variant: dict[str, Any]) -> dict[str, Any]:
    name = variant["VariantName"]
    if "ServerlessConfig" in variant:
        raise NotServed(f"The variant {name!r}: ServerlessConfig is not served yet, name an InstanceType.")
    if "ModelName" not in variant:
        raise NotServed(f"The variant {name!r} names no model; inference components are not served yet.")
    resources.find(context, models.KIND, variant["ModelName"], missing=models.missing(context, variant["ModelName"]))
    if variant.get("InitialInstanceCount", 1) > 1:
        raise NotServed(f"The variant {name!r} asks for several instances, which is not served yet: ask for one.")
    return {"InitialInstanceCount": 1, "InitialVariantWeight": 1.0, **variant}
