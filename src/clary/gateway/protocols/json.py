"""AWS JSON 1.0 and 1.1: the operation is in a header, the members are in a JSON body."""

from __future__ import annotations

import json
from typing import Any

from botocore.model import OperationModel

from clary.errors import ServiceError
from clary.gateway.http import HttpAnswer, HttpRequest
from clary.gateway.protocols import json_values

NAME = "json"


def parse(operation: OperationModel, http: HttpRequest, labels: dict[str, str]) -> dict[str, Any]:  # noqa: ARG001
    """The members of a request; ``SerializationException`` if the body is not what the model says."""
    members: dict[str, Any] = {}
    document = json_values.load(http.body)
    if operation.input_shape is not None:
        members = json_values.from_json(operation.input_shape, document)
    return members


def serialize(operation: OperationModel, result: dict[str, Any], request_id: str) -> HttpAnswer:
    shape = operation.output_shape
    body = json.dumps(json_values.to_json(shape, result)).encode() if shape else b"{}"
    return HttpAnswer(200, _headers(operation, request_id), body)


def serialize_error(
    operation: OperationModel | None, error: ServiceError, request_id: str, http: HttpRequest
) -> HttpAnswer:
    shape = json_values.error_shape(operation, error)
    member = next((m for m in ("Message", "message") if shape is not None and m in shape.members), "message")
    members = json_values.to_json(shape, error.members) if shape is not None else {}
    body = {"__type": error.code, **members, member: error.message}
    headers = _headers(operation, request_id)
    if "x-amzn-query-mode" in http.headers:
        fault = "Sender" if error.status < 500 else "Receiver"
        headers["x-amzn-query-error"] = f"{json_values.query_code(operation, error)};{fault}"
    return HttpAnswer(json_values.error_status(shape, error), headers, json.dumps(body).encode())


def _headers(operation: OperationModel | None, request_id: str) -> dict[str, str]:
    version = operation.service_model.metadata.get("jsonVersion", "1.1") if operation else "1.1"
    return {"Content-Type": f"application/x-amz-json-{version}", "x-amzn-RequestId": request_id}
