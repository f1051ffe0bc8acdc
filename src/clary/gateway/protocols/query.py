"""The AWS query protocol: a form with an Action in, XML out. STS, IAM, and older clients of CloudWatch."""

from __future__ import annotations

import base64
from typing import Any
from urllib.parse import unquote_plus

from botocore.model import ListShape, MapShape, OperationModel, Shape, StructureShape

from clary.errors import ServiceError
from clary.gateway.http import HttpAnswer, HttpRequest
from clary.gateway.protocols import modelled_errors, numbers, timestamps, xml_values

NAME = "query"
_HEADERS = {"Content-Type": "text/xml"}
_PAIRS = 50_000  # keys of a form
_DEEPEST = 64  # parts of a key that are told apart


class _Node:
    """A form's value, and what lies below it: ``Tags.member.1.Key`` is four nodes deep."""

    __slots__ = ("below", "text")

    def __init__(self) -> None:
        self.text: str | None = None
        self.below: dict[str, _Node] = {}


def parse(operation: OperationModel, http: HttpRequest, labels: dict[str, str]) -> dict[str, Any]:  # noqa: ARG001
    """The members of a request; ``MalformedQueryString`` if a value is not what the model says."""
    if operation.input_shape is None:
        return {}
    text = f"{http.query}&{http.body.decode('utf-8', 'replace')}"
    if text.count("&") > _PAIRS:
        raise ServiceError(f"The form has more than {_PAIRS} parameters.", code="MalformedQueryString")
    form = _Node()
    for item in text.split("&"):
        key, _, value = item.partition("=")
        node = form
        for part in unquote_plus(key).split(".", _DEEPEST):
            node = node.below.setdefault(part, _Node())
        node.text = unquote_plus(value)
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
    inner = f"<Type>{fault}</Type><Code>{xml_values.escaped(code)}</Code>"
    inner += f"<Message>{xml_values.escaped(error.message)}</Message>{extra}"
    body = f'<ErrorResponse xmlns="{space}"><Error>{inner}</Error><RequestId>{request_id}</RequestId></ErrorResponse>'
    return HttpAnswer(status, {**_HEADERS, "x-amzn-RequestId": request_id}, body.encode())


def _structure(shape: StructureShape, form: _Node, path: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, member in shape.members.items():
        wire = member.serialization.get("name", name)
        if isinstance(member, ListShape) and member.serialization.get("flattened"):
            wire = member.member.serialization.get("name", wire)
        if (node := form.below.get(wire)) is not None:
            value = _value(member, node, f"{path}{wire}")
            if value is not None:
                found[name] = value
    return found


def _value(shape: Shape, node: _Node, path: str) -> Any:
    match shape:
        case StructureShape():
            return _structure(shape, node, f"{path}.")
        case ListShape():
            return _list(shape, node, path)
        case MapShape():
            return _map(shape, node, path)
    return _scalar(shape, node.text, path) if node.text is not None else None


def _list(shape: ListShape, node: _Node, path: str) -> list[Any] | None:
    if node.text == "" and not node.below:
        return []
    if not shape.serialization.get("flattened"):
        name = shape.member.serialization.get("name", "member")
        node, path = node.below.get(name, _Node()), f"{path}.{name}"
    found: list[Any] = []
    while (item := node.below.get(str(len(found) + 1))) is not None:
        found.append(_value(shape.member, item, f"{path}.{len(found) + 1}"))
    return found


def _map(shape: MapShape, node: _Node, path: str) -> dict[str, Any]:
    if not shape.serialization.get("flattened"):
        node, path = node.below.get("entry", _Node()), f"{path}.entry"
    key_name, value_name = shape.key.serialization.get("name", "key"), shape.value.serialization.get("name", "value")
    found: dict[str, Any] = {}
    number = 1
    while (entry := node.below.get(str(number))) is not None:
        key, value = entry.below.get(key_name, _Node()).text, entry.below.get(value_name, _Node())
        if key is None:
            break
        found[key] = _value(shape.value, value, f"{path}.{number}.{value_name}")
        number += 1
    return found


def _scalar(shape: Shape, text: str, key: str) -> Any:
    try:
        match shape.type_name:
            case "boolean":
                return {"true": True, "false": False}[text.lower()]
            case "integer" | "long":
                return numbers.whole(text, shape.type_name)
            case "float" | "double":
                return numbers.real(text)
            case "timestamp":
                return timestamps.parse(text)
            case "blob":
                return base64.b64decode(text)
    except (ValueError, KeyError):
        raise ServiceError(
            f"{text[:100]!r} at {key!r} can not be converted to {shape.type_name}", code="MalformedQueryString"
        ) from None
    return text
