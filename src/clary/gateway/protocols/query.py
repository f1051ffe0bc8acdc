"""The AWS query protocol: a form with an Action in, XML out. STS, IAM, and older clients of CloudWatch."""

from __future__ import annotations

import base64
from typing import Any
from urllib.parse import unquote_plus
from xml.sax.saxutils import escape

from botocore.model import ListShape, MapShape, OperationModel, Shape, StructureShape

from clary.errors import ServiceError
from clary.gateway.http import HttpAnswer, HttpRequest
from clary.gateway.protocols import modelled_errors, timestamps, xml_values

NAME = "query"
_HEADERS = {"Content-Type": "text/xml"}
_MOST = 10_000  # items of a list; a form that says more is no form of a client's


def parse(operation: OperationModel, http: HttpRequest, labels: dict[str, str]) -> dict[str, Any]:  # noqa: ARG001
    """The members of a request; ``MalformedQueryString`` if a value is not what the model says."""
    text = f"{http.query}&{http.body.decode('utf-8', 'replace')}"
    form: dict[str, str] = {}
    for item in text.split("&"):
        key, _, value = item.partition("=")
        form[unquote_plus(key)] = unquote_plus(value)
    if operation.input_shape is None:
        return {}
    return _structure(operation.input_shape, form, "")


def serialize(operation: OperationModel, result: dict[str, Any], request_id: str) -> HttpAnswer:
    shape, name = operation.output_shape, operation.name
    inner = ""
    if shape is not None:
        inner = xml_values.to_xml(shape, result, shape.serialization.get("resultWrapper", f"{name}Result"))
    space = operation.service_model.metadata.get("xmlNamespace", "")
    meta = f"<ResponseMetadata><RequestId>{request_id}</RequestId></ResponseMetadata>"
    body = f'<{name}Response xmlns="{space}">{inner}{meta}</{name}Response>'
    return HttpAnswer(200, {**_HEADERS, "x-amzn-RequestId": request_id}, body.encode())


def serialize_error(
    operation: OperationModel | None,
    error: ServiceError,
    request_id: str,
    http: HttpRequest,  # noqa: ARG001
) -> HttpAnswer:
    shape = modelled_errors.shape(operation, error)
    code = modelled_errors.query_code(shape, error)
    status = modelled_errors.status(shape, error)
    fault = "Receiver" if status >= 500 else "Sender"
    space = operation.service_model.metadata.get("xmlNamespace", "") if operation else ""
    extra = ""
    for name, value in error.members.items():
        if shape is not None and name in shape.members:
            extra += xml_values.to_xml(shape.members[name], value, name)
    inner = (
        f"<Type>{fault}</Type><Code>{escape(code)}</Code><Message>{xml_values.message(error.message)}</Message>{extra}"
    )
    body = f'<ErrorResponse xmlns="{space}"><Error>{inner}</Error><RequestId>{request_id}</RequestId></ErrorResponse>'
    return HttpAnswer(status, {**_HEADERS, "x-amzn-RequestId": request_id}, body.encode())


def _structure(shape: StructureShape, form: dict[str, str], prefix: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, member in shape.members.items():
        wire = member.serialization.get("name", name)
        if isinstance(member, ListShape) and member.serialization.get("flattened") and not prefix.endswith("!"):
            wire = member.member.serialization.get("name", wire)
        key = f"{prefix}{wire}"
        if key in form or any(k.startswith(f"{key}.") for k in form):
            value = _value(member, form, key)
            if value is not None:
                found[name] = value
    return found


def _value(shape: Shape, form: dict[str, str], key: str) -> Any:
    match shape:
        case StructureShape():
            return _structure(shape, form, f"{key}.")
        case ListShape():
            return _list(shape, form, key)
        case MapShape():
            return _map(shape, form, key)
    return _scalar(shape, form[key], key) if key in form else None


def _list(shape: ListShape, form: dict[str, str], key: str) -> list[Any] | None:
    if form.get(key) == "" and not any(k.startswith(f"{key}.") for k in form):
        return []
    inner = key if shape.serialization.get("flattened") else f"{key}.{shape.member.serialization.get('name', 'member')}"
    found = []
    for number in range(1, _MOST):
        item = f"{inner}.{number}"
        if item not in form and not any(k.startswith(f"{item}.") for k in form):
            break
        found.append(_value(shape.member, form, item))
    return found


def _map(shape: MapShape, form: dict[str, str], key: str) -> dict[str, Any]:
    inner = key if shape.serialization.get("flattened") else f"{key}.entry"
    names = shape.key.serialization.get("name", "key"), shape.value.serialization.get("name", "value")
    found = {}
    for number in range(1, _MOST):
        entry = f"{inner}.{number}"
        if f"{entry}.{names[0]}" not in form:
            break
        found[form[f"{entry}.{names[0]}"]] = _value(shape.value, form, f"{entry}.{names[1]}")
    return found


def _scalar(shape: Shape, text: str, key: str) -> Any:
    try:
        match shape.type_name:
            case "boolean":
                return {"true": True, "false": False}[text.lower()]
            case "integer" | "long":
                return int(text)
            case "float" | "double":
                return float(text)
            case "timestamp":
                return timestamps.parse(text)
            case "blob":
                return base64.b64decode(text)
    except (ValueError, KeyError):
        raise ServiceError(
            f"{text[:100]!r} at {key!r} can not be converted to {shape.type_name}", code="MalformedQueryString"
        ) from None
    return text
