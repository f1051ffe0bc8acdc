"""Endpoints: create, describe, list, delete.

What keeps one alive is in ``clary.jobs.endpoints``; what asks it is in ``clary.services.sagemaker_runtime``.
"""

from __future__ import annotations

import secrets
from typing import Any

from clary.context import Context
from clary.errors import ServiceError, ValidationException
from clary.services import operation, resources
from clary.services.sagemaker import endpoint_configs
from clary.store.base import Record

KIND = "Endpoint"


@operation
def create_endpoint(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    name, config = request["EndpointName"], request["EndpointConfigName"]
    arn = context.arn("sagemaker", "endpoint", name)
    resources.find(context, endpoint_configs.KIND, config, missing=endpoint_configs.missing(context, config))
    body = {**request, **_creating(context, name), "EndpointArn": arn}
    taken = ValidationException(f'Cannot create already existing endpoint "{arn}".')
    resources.create(context, KIND, name, body, status="Creating", taken=taken)
    return {"EndpointArn": arn}


@operation
def describe_endpoint(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    name = request["EndpointName"]
    return resources.find(context, KIND, name, missing=missing(context, name)).body


@operation
def list_endpoints(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    endpoints, more = resources.page(context, KIND, request)
    return {"Endpoints": [endpoint.body for endpoint in endpoints], **more}


@operation
def delete_endpoint(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    name = request["EndpointName"]

    def mark(endpoint: Record) -> Record:
        if endpoint.status == "Creating":
            raise ValidationException(f'Cannot update in-progress endpoint "{endpoint.body["EndpointArn"]}".')
        return resources.with_members(endpoint, context, "Deleting", EndpointStatus="Deleting")

    resources.change(context, KIND, name, mark, missing=missing(context, name))
    return {}


def missing(context: Context, name: str) -> ServiceError:
    return ValidationException(f'Could not find endpoint "{context.arn("sagemaker", "endpoint", name)}".')


def _creating(context: Context, name: str) -> dict[str, Any]:
    return {
        "EndpointStatus": "Creating",
        "_directory": f"endpoints/{context.region}/{name}-{secrets.token_hex(4)}",
    }
