"""Endpoints: create, describe, list, delete.

What keeps one alive is in ``clary.jobs.endpoints``; what asks it is in ``clary.services.sagemaker_runtime``.
"""

from __future__ import annotations

import secrets
from typing import Any

from clary.context import Context
from clary.errors import ValidationException
from clary.services import operation
from clary.services.sagemaker.endpoint_configs import ENDPOINT_CONFIGS
from clary.services.sagemaker.kinds import Kind
from clary.store.base import Record

ENDPOINTS = Kind(
    name="Endpoint",
    type="endpoint",
    status="EndpointStatus",
    missing=(ValidationException, 'Could not find endpoint "{arn}".'),
    taken=(ValidationException, 'Cannot create already existing endpoint "{arn}".'),
)


@operation
def create_endpoint(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    name = request["EndpointName"]
    ENDPOINT_CONFIGS.find(context, request["EndpointConfigName"])
    body = {**request, "_directory": f"endpoints/{context.region}/{name}-{secrets.token_hex(4)}"}
    return {"EndpointArn": ENDPOINTS.create(context, name, body, status="Creating").arn}


@operation
def describe_endpoint(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    return ENDPOINTS.find(context, request["EndpointName"]).body


@operation
def list_endpoints(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    endpoints, more = ENDPOINTS.page(context, request)
    return {"Endpoints": [endpoint.body for endpoint in endpoints], **more}


@operation
def delete_endpoint(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    def mark(endpoint: Record) -> Record:
        if endpoint.status == "Creating":
            raise ValidationException(f'Cannot update in-progress endpoint "{endpoint.body["EndpointArn"]}".')
        return ENDPOINTS.edited(context, endpoint, {}, "Deleting")

    ENDPOINTS.change(context, request["EndpointName"], mark)
    return {}
