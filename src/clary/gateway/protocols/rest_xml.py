"""AWS REST-XML, which is S3: method, path and sub-resource; members in path, query, headers and an XML body."""

from __future__ import annotations

from typing import Any

from botocore.model import OperationModel, StructureShape

from clary.errors import ServiceError
from clary.gateway.http import HttpAnswer, HttpRequest
from clary.gateway.protocols import event_stream, locations, modelled_errors, xml_values

NAME = "rest-xml"
_DECLARATION = '<?xml version="1.0" encoding="UTF-8"?>\n'
_NAMESPACE = "http://s3.amazonaws.com/doc/2006-03-01/"
# What S3 calls the documents whose name the model does not tell. botocore does not look; Arrow and others do.
_ROOTS = {
    "CompleteMultipartUpload": "CompleteMultipartUploadResult",
    "CreateMultipartUpload": "InitiateMultipartUploadResult",
    "DeleteObjects": "DeleteResult",
    "GetBucketAcl": "AccessControlPolicy",
    "GetBucketTagging": "Tagging",
    "GetBucketVersioning": "VersioningConfiguration",
    "GetObjectAcl": "AccessControlPolicy",
    "GetObjectAttributes": "GetObjectAttributesResponse",
    "GetObjectTagging": "Tagging",
    "ListBuckets": "ListAllMyBucketsResult",
    "ListMultipartUploads": "ListMultipartUploadsResult",
    "ListObjectVersions": "ListVersionsResult",
    "ListObjects": "ListBucketResult",
    "ListObjectsV2": "ListBucketResult",
    "ListParts": "ListPartsResult",
}


def parse(operation: OperationModel, http: HttpRequest, labels: dict[str, str]) -> dict[str, Any]:
    """The members of a request; ``MalformedXML`` if the body is not what the model says."""
    found = locations.parse(operation, http, labels)
    shape = operation.input_shape
    if (payload := locations.payload_member(shape)) is not None:
        name, member = payload
        if isinstance(member, StructureShape):
            if http.body:
                found[name] = xml_values.from_xml(member, xml_values.load(http.body))
        else:
            value = http.body if http.stream is None else http.stream
            found[name] = locations.text_body(value) if member.type_name == "string" else value
    elif shape is not None and http.body and locations.body_members(shape):
        body = xml_values.from_xml(shape, xml_values.load(http.body))
        found |= {name: body[name] for name in locations.body_members(shape) if name in body}
    return found


def serialize(operation: OperationModel, result: dict[str, Any], request_id: str) -> HttpAnswer:
    shape = operation.output_shape
    headers = {**_ids(request_id), **locations.headers(shape, result)}
    status = locations.status(operation, result)
    if operation.name == "GetBucketLocation":
        return HttpAnswer(status, _xml(headers), _location(result))
    if (streamed := event_stream.member(shape)) is not None:
        name, stream = streamed
        frames = event_stream.frames(operation, stream, result[name], _event, "text/xml")
        return HttpAnswer(status, {"Content-Type": event_stream.CONTENT_TYPE, **headers}, frames)
    if (payload := locations.payload_member(shape)) is not None:
        name, member = payload
        value = result.get(name)
        if isinstance(member, StructureShape):
            root = member.serialization.get("name", member.name)
            body = _document(member, value, root) if value is not None else b""
            return HttpAnswer(status, _xml(headers), body)
        value = b"" if value is None else value
        return HttpAnswer(status, headers, value.encode() if isinstance(value, str) else value)
    if shape is None or not locations.body_members(shape):
        return HttpAnswer(status, headers, b"")
    members = {name: result[name] for name in locations.body_members(shape) if result.get(name) is not None}
    root = _ROOTS.get(operation.name) or shape.serialization.get("name", shape.name)
    return HttpAnswer(status, _xml(headers), _document(shape, members, root))


def serialize_error(
    operation: OperationModel | None, error: ServiceError, request_id: str, http: HttpRequest
) -> HttpAnswer:
    """S3's error document has no namespace: with one, clients find no code in it."""
    shape = modelled_errors.shape(operation, error)
    status = modelled_errors.status(shape, error)
    headers = _xml(_ids(request_id))
    headers |= {name: str(value) for name, value in error.members.items() if _is_header(name)}
    if http.method == "HEAD" or status == 304:
        return HttpAnswer(status, {k: v for k, v in headers.items() if _is_header(k)}, b"")
    fields = {"Code": error.code, "Message": error.message}
    fields |= {k: v for k, v in error.members.items() if not _is_header(k)}
    fields |= {"RequestId": request_id, "HostId": request_id}
    inner = "".join(f"<{name}>{xml_values.escaped(str(value))}</{name}>" for name, value in fields.items())
    return HttpAnswer(status, headers, f"{_DECLARATION}<Error>{inner}</Error>".encode())


def _is_header(member: str) -> bool:
    """Whether a member of an error travels as a header."""
    return member.startswith("x-amz-") or member in {"Allow", "Last-Modified"}


def _event(shape: StructureShape, value: Any) -> bytes:
    return _document(shape, value, shape.name)


def _document(shape: StructureShape, value: Any, root: str) -> bytes:
    text = xml_values.to_xml(shape, value, root)
    if "xmlns=" not in text.partition(">")[0]:
        text = text.replace(f"<{root}", f'<{root} xmlns="{_NAMESPACE}"', 1)
    return (_DECLARATION + text).encode()


def _location(result: dict[str, Any]) -> bytes:
    where = xml_values.escaped(result.get("LocationConstraint") or "")
    return f'{_DECLARATION}<LocationConstraint xmlns="{_NAMESPACE}">{where}</LocationConstraint>'.encode()


def _ids(request_id: str) -> dict[str, str]:
    return {"x-amz-request-id": request_id.replace("-", "")[:16].upper(), "x-amz-id-2": request_id}


def _xml(headers: dict[str, str]) -> dict[str, str]:
    return {"Content-Type": "application/xml", **headers}
