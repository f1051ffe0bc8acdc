"""Where REST protocols put members beside the body: path labels, query, headers, status code."""

from __future__ import annotations

import base64
import binascii
import json
from typing import Any
from urllib.parse import unquote

from botocore.model import ListShape, MapShape, OperationModel, Shape, StructureShape

from clary.gateway.http import HttpRequest
from clary.gateway.protocols import numbers, timestamps
from clary.gateway.protocols.documents import malformed
from clary.gateway.protocols.json_values import load

_IN_BODY = (None, "")


def parse(operation: OperationModel, http: HttpRequest, labels: dict[str, str]) -> dict[str, Any]:
    """The members that lie outside the body."""
    shape = operation.input_shape
    found: dict[str, Any] = {}
    if shape is None:
        return found
    query = _query(http)
    for name, member in shape.members.items():
        where, wire = member.serialization.get("location"), member.serialization.get("name", name)
        if where == "uri" and wire in labels:
            found[name] = _from_text(member, labels[wire])
        elif where == "querystring":
            _from_query(found, name, member, wire, query)
        elif where == "header" and wire in http.headers:
            found[name] = _from_header(member, http.headers[wire])
        elif where == "headers":
            prefix = wire.lower()
            values = {h[len(prefix) :]: _latin(v) for h, v in http.headers.items() if h.startswith(prefix)}
            if values:
                found[name] = values
    return found


def body_members(shape: StructureShape) -> dict[str, Shape]:
    return {n: m for n, m in shape.members.items() if m.serialization.get("location") in _IN_BODY}


def payload_member(shape: StructureShape | None) -> tuple[str, Shape] | None:
    """The member that is the whole body."""
    name = shape.serialization.get("payload") if shape is not None else None
    return (name, shape.members[name]) if name and shape is not None else None


def text_body(body: Any) -> Any:
    """A body that is one string; one that streams stays as it is."""
    try:
        return body.decode() if isinstance(body, bytes) else body
    except UnicodeDecodeError:
        raise malformed("The body is not UTF-8") from None


def headers(shape: StructureShape | None, result: dict[str, Any]) -> dict[str, str]:
    """The headers of an answer or an error."""
    found: dict[str, str] = {}
    for name, member in (shape.members if shape else {}).items():
        where, value = member.serialization.get("location"), result.get(name)
        wire = member.serialization.get("name", name)
        if value is None or where not in {"header", "headers"}:
            continue
        if where == "header":
            found[wire] = _header_text(member, value)
        else:
            found |= {f"{wire}{key}": str(item) for key, item in value.items()}
    return found


def status(operation: OperationModel, result: dict[str, Any]) -> int:
    """The status: of a member, of the private ``_status`` (206, 304: the model knows none), or the model's."""
    if "_status" in result:
        return int(result["_status"])
    shape = operation.output_shape
    for name, member in (shape.members if shape else {}).items():
        if member.serialization.get("location") == "statusCode" and result.get(name):
            return int(result[name])
    return int(operation.http.get("responseCode", 200))


def _query(http: HttpRequest) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for item in http.query.split("&"):
        if item:
            key, _, value = item.partition("=")
            found.setdefault(unquote(key), []).append(unquote(value.replace("+", " ")))
    return found


def _from_query(found: dict[str, Any], name: str, member: Shape, wire: str, query: dict[str, list[str]]) -> None:
    if isinstance(member, MapShape):
        named = {m.serialization.get("name", n) for n, m in [(name, member)]}
        lists = isinstance(member.value, ListShape)
        found[name] = {k: v if lists else v[0] for k, v in query.items() if k not in named}
    elif wire in query:
        if isinstance(member, ListShape):
            found[name] = [_from_text(member.member, value) for value in query[wire]]
        else:
            found[name] = _from_text(member, query[wire][0])


def _from_header(member: Shape, value: str) -> Any:
    if member.serialization.get("jsonvalue"):
        try:
            return load(base64.b64decode(value))
        except binascii.Error:
            raise malformed("A header that carries JSON is not base64") from None
    if isinstance(member, ListShape):
        return [_from_text(member.member, item.strip()) for item in value.split(",")]
    return _from_text(member, _latin(value))


def _latin(value: str) -> str:
    """Header values are latin-1 on the wire; clients put UTF-8 into them."""
    try:
        return value.encode("latin-1").decode("utf-8")
    except (UnicodeDecodeError, UnicodeEncodeError):
        return value


def _from_text(shape: Shape, text: str) -> Any:
    try:
        match shape.type_name:
            case "boolean":
                if text.lower() not in {"true", "false"}:
                    raise ValueError(text)
                return text.lower() == "true"
            case "integer" | "long":
                return numbers.whole(text, shape.type_name)
            case "float" | "double":
                return numbers.real(text)
            case "timestamp":
                return timestamps.parse(text)
            case "blob":
                return text.encode()
    except ValueError:
        raise malformed(f"{text[:100]!r} can not be converted to {shape.type_name}") from None
    return text


def _header_text(member: Shape, value: Any) -> str:
    if member.serialization.get("jsonvalue"):
        return base64.b64encode(json.dumps(value).encode()).decode()
    match member.type_name:
        case "timestamp":
            return timestamps.write(value, member.serialization.get("timestampFormat", "rfc822"))
        case "boolean":
            return "true" if value else "false"
        case "list":
            return ",".join(str(item) for item in value)
    # Python's server writes headers as latin-1: UTF-8 bytes pass through it unharmed.
    return str(value).encode().decode("latin-1")
