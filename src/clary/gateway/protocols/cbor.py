"""Smithy RPC v2 CBOR: the operation is in the path, the members are in a CBOR body.

Read: definite and indefinite lengths, floats of every width, times as tag 1. Written: doubles in full width, times as
tag 1. Source: Smithy's specification of the protocol, RFC 8949.
"""

from __future__ import annotations

import io
import math
from datetime import datetime
from typing import Any, NoReturn

import cbor2
from botocore.model import OperationModel, Shape

from clary.errors import ServiceError
from clary.gateway.http import HttpAnswer, HttpRequest
from clary.gateway.protocols import documents, modelled_errors, timestamps
from clary.gateway.protocols.documents import malformed

NAME = "smithy-rpc-v2-cbor"
HEADER = "rpc-v2-cbor"
"""The value of the header Smithy-Protocol, in the request and, as clients demand, in the answer."""

_DEEPEST = 64


def parse(operation: OperationModel, http: HttpRequest, labels: dict[str, str]) -> dict[str, Any]:  # noqa: ARG001
    """The members of a request; ``SerializationException`` if the body is not what the model says."""
    if operation.input_shape is None or not http.body:
        return {}
    members: dict[str, Any] = documents.read(operation.input_shape, _load(http.body), _read)
    return members


def serialize(operation: OperationModel, result: dict[str, Any], request_id: str) -> HttpAnswer:
    shape = operation.output_shape
    if shape is None:  # nothing, and so no type of it
        return HttpAnswer(200, {"Smithy-Protocol": HEADER, "x-amzn-RequestId": request_id})
    return HttpAnswer(200, _headers(request_id), _dump(documents.write(shape, result, _write)))


def serialize_error(
    operation: OperationModel | None, error: ServiceError, request_id: str, http: HttpRequest
) -> HttpAnswer:
    shape = modelled_errors.shape(operation, error)
    members = documents.write(shape, error.members, _write) if shape is not None else {}
    body = {"__type": error.code, **members, modelled_errors.message_member(shape): error.message}
    headers = {**_headers(request_id), **modelled_errors.query_headers(shape, error, http)}
    return HttpAnswer(modelled_errors.status(shape, error), headers, _dump(body))


def _headers(request_id: str) -> dict[str, str]:
    return {"Content-Type": "application/cbor", "Smithy-Protocol": HEADER, "x-amzn-RequestId": request_id}


def _load(body: bytes) -> Any:
    # Shared values may hold themselves: no client sends them.
    decoder = cbor2.CBORDecoder(io.BytesIO(body), max_depth=_DEEPEST, semantic_decoders={28: _refuse, 29: _refuse})
    try:
        document = decoder.decode()
    except (cbor2.CBORError, ValueError, OverflowError) as error:
        raise malformed(f"The body is not CBOR: {error}") from None
    try:
        decoder.read(1)
    except cbor2.CBORDecodeEOF:
        return document
    raise malformed("The body is not CBOR: there are bytes behind its end")


def _refuse(*_: Any) -> NoReturn:
    raise ValueError("shared values are not taken")


def _dump(document: Any) -> bytes:
    return cbor2.dumps(document, datetime_as_timestamp=True)


def _read(shape: Shape, value: Any, path: str) -> Any:
    kind = shape.type_name
    if kind == "timestamp":
        try:
            return timestamps.parse(value)
        except ValueError:
            raise malformed(f"{str(value)[:100]!r} at {path!r} is no timestamp") from None
    if kind == "blob":
        if not isinstance(value, bytes):
            raise malformed(f"{type(value).__name__} at {path!r} can not be converted to blob")
        return value
    if kind in {"integer", "long"} and isinstance(value, float) and value.is_integer():
        return int(value)  # JavaScript knows no other number
    return documents.checked(shape, value, path)


def _write(shape: Shape, value: Any) -> Any:
    match shape.type_name:
        case "timestamp":
            return _whole_milliseconds(timestamps.parse(value))
        case "blob":
            return value.encode() if isinstance(value, str) else value
        case "float" | "double":
            return float(value)
    return value


def _whole_milliseconds(time: datetime) -> datetime:
    return time.replace(microsecond=math.floor(time.microsecond / 1000) * 1000)
