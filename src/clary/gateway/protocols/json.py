"""AWS JSON 1.0 and 1.1: the operation is in a header, the members are in a JSON body."""

from __future__ import annotations

import json
from typing import Any

from botocore.model import OperationModel

from clary.errors import ServiceError
from clary.gateway.http import HttpAnswer, HttpRequest
from clary.gateway.protocols import event_stream, json_values, modelled_errors

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
    headers = _headers(operation, request_id)
    if (streamed := event_stream.member(shape)) is not None:
        name, stream = streamed
        initial = json_values.dump(shape, {k: v for k, v in result.items() if k != name})
        kind = headers["Content-Type"]
        frames = event_stream.frames(operation, stream, result[name], json_values.dump, kind, initial)
        return HttpAnswer(200, {**headers, "Content-Type": event_stream.CONTENT_TYPE}, frames)
    body = json_values.dump(shape, result) if shape else b"{}"
    return HttpAnswer(200, headers, body)


def serialize_error(
    operation: OperationModel | None, error: ServiceError, request_id: str, http: HttpRequest
) -> HttpAnswer:
    shape = modelled_errors.shape(operation, error)
    members = json_values.to_json(shape, error.members) if shape is not None else {}
    body = {"__type": error.code, **members, modelled_errors.message_member(shape): error.message}
    headers = {**_headers(operation, request_id), **modelled_errors.query_headers(shape, error, http)}
    return HttpAnswer(modelled_errors.status(shape, error), headers, json.dumps(body).encode())


def _headers(operation: OperationModel | None, request_id: str) -> dict[str, str]:
    version = operation.service_model.metadata.get("jsonVersion", "1.1") if operation else "1.1"
    return {"Content-Type": f"application/x-amz-json-{version}", "x-amzn-RequestId": request_id}
