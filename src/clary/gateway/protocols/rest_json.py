"""AWS REST-JSON: the operation is method and path, members lie in path, query, headers and a JSON body."""

from __future__ import annotations

import json
from typing import Any

from botocore.model import OperationModel, StructureShape

from clary.errors import ServiceError
from clary.gateway.http import HttpAnswer, HttpRequest
from clary.gateway.protocols import event_stream, json_values, locations, modelled_errors

NAME = "rest-json"
_JSON = "application/json"


def parse(operation: OperationModel, http: HttpRequest, labels: dict[str, str]) -> dict[str, Any]:
    """The members of a request; ``SerializationException`` if the body is not what the model says."""
    found = locations.parse(operation, http, labels)
    shape = operation.input_shape
    if (payload := locations.payload_member(shape)) is not None:
        name, member = payload
        if isinstance(member, StructureShape):
            if http.body:
                found[name] = json_values.from_json(member, json_values.load(http.body))
        else:
            value = http.body if http.stream is None else http.stream
            found[name] = locations.text_body(value) if member.type_name == "string" else value
    elif shape is not None and http.body:
        document = json_values.load(http.body)
        body = json_values.from_json(shape, document)
        found |= {name: body[name] for name in locations.body_members(shape) if name in body}
    return found


def serialize(operation: OperationModel, result: dict[str, Any], request_id: str) -> HttpAnswer:
    shape = operation.output_shape
    headers = {"x-amzn-RequestId": request_id, **locations.headers(shape, result)}
    status = locations.status(operation, result)
    if (streamed := event_stream.member(shape)) is not None:
        name, stream = streamed
        frames = event_stream.frames(operation, stream, result[name], json_values.dump, _JSON)
        return HttpAnswer(status, {"Content-Type": event_stream.CONTENT_TYPE, **headers}, frames)
    if (payload := locations.payload_member(shape)) is not None:
        name, member = payload
        value = result.get(name, b"")
        if isinstance(member, StructureShape):
            return HttpAnswer(status, _json(headers), json_values.dump(member, value or {}))
        return HttpAnswer(status, headers, value.encode() if isinstance(value, str) else value)
    if shape is None or not locations.body_members(shape):
        return HttpAnswer(status, _json(headers), b"{}" if status != 204 else b"")
    members = {name: result.get(name) for name in locations.body_members(shape)}
    return HttpAnswer(status, _json(headers), json_values.dump(shape, members))


def serialize_error(
    operation: OperationModel | None,
    error: ServiceError,
    request_id: str,
    http: HttpRequest,  # noqa: ARG001
) -> HttpAnswer:
    shape = modelled_errors.shape(operation, error)
    members = json_values.to_json(shape, error.members) if shape is not None else {}
    headers = _json({"x-amzn-RequestId": request_id, "x-amzn-ErrorType": error.code})
    body = json.dumps({**members, modelled_errors.message_member(shape): error.message}).encode()
    return HttpAnswer(modelled_errors.status(shape, error), headers, body)


def _json(headers: dict[str, str]) -> dict[str, str]:
    return {"Content-Type": _JSON, **headers}
