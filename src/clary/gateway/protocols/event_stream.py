"""Event streams: an answer that comes as frames, each an event or the error that ends them.

A frame is its length, the headers' length and a checksum of both, headers, payload, and a checksum of all, big-endian.
Source: AWS's documentation of application/vnd.amazon.eventstream. Not covered: events on their way in.
"""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any

from botocore.model import OperationModel, Shape, StructureShape

from clary.errors import ServiceError
from clary.gateway.protocols import json_values, modelled_errors

CONTENT_TYPE = "application/vnd.amazon.eventstream"
_TEXT = 7  # a header's type: its value is a string

Document = Callable[[StructureShape, Any], bytes]
"""How the protocol writes an event that has members: as JSON or XML."""


def member(shape: StructureShape | None) -> tuple[str, StructureShape] | None:
    """The member that is a stream of events."""
    if shape is None or not shape.event_stream_name:
        return None
    return shape.event_stream_name, shape.members[shape.event_stream_name]


async def frames(
    operation: OperationModel,
    stream: StructureShape,
    events: AsyncIterator[dict[str, Any]],
    document: Document,
    content_type: str,
    initial: bytes | None = None,
) -> AsyncIterator[bytes]:
    """The events (``{"PayloadPart": {"Bytes": ...}}``) as frames; a ``ServiceError`` of theirs is the last one.

    ``initial`` is the frame that protocols without headers begin with: the answer's other members.
    """
    if initial is not None:
        headers = {":message-type": "event", ":event-type": "initial-response", ":content-type": content_type}
        yield frame(headers, initial)
    try:
        async for event in events:
            [(name, value)] = event.items()
            yield _event(name, stream.members[name], value, document, content_type)
    except ServiceError as error:
        yield _exception(operation, stream, error)


def frame(headers: Mapping[str, str], payload: bytes) -> bytes:
    head = b"".join(_header(name, value) for name, value in headers.items())
    prelude = struct.pack("!II", 12 + len(head) + len(payload) + 4, len(head))
    message = prelude + struct.pack("!I", zlib.crc32(prelude)) + head + payload
    return message + struct.pack("!I", zlib.crc32(message))


def _header(name: str, value: str) -> bytes:
    key, text = name.encode(), value.encode()
    return struct.pack("!B", len(key)) + key + struct.pack("!BH", _TEXT, len(text)) + text


def _event(name: str, shape: StructureShape, value: dict[str, Any], document: Document, content_type: str) -> bytes:
    headers = {":message-type": "event", ":event-type": name}
    headers |= {n: str(value[n]) for n, m in shape.members.items() if m.serialization.get("eventheader") and n in value}
    payload = next(((n, m) for n, m in shape.members.items() if m.serialization.get("eventpayload")), None)
    if payload is None:
        return frame(headers | {":content-type": content_type}, document(shape, value) if shape.members else b"")
    body, kind = _payload(payload[1], value.get(payload[0]), document, content_type)
    return frame(headers | {":content-type": kind}, body)


def _payload(shape: Shape, value: Any, document: Document, content_type: str) -> tuple[bytes, str]:
    if isinstance(shape, StructureShape):
        return document(shape, value or {}), content_type
    if shape.type_name == "blob":
        return value or b"", "application/octet-stream"
    return str(value or "").encode(), "text/plain"


def _exception(operation: OperationModel, stream: StructureShape, error: ServiceError) -> bytes:
    """An error that the stream's shape knows travels with its members, any other with code and message."""
    shape = modelled_errors.shape(operation, error)
    name = next((n for n, m in stream.members.items() if shape is not None and m.name == shape.name), None)
    if shape is None or name is None:
        headers = {":message-type": "error", ":error-code": error.code, ":error-message": error.message[:8192]}
        return frame(headers, b"")
    members = json_values.to_json(shape, error.members)
    body = {**members, modelled_errors.message_member(shape): error.message}
    headers = {":message-type": "exception", ":exception-type": name, ":content-type": "application/json"}
    return frame(headers, json.dumps(body).encode())
