"""Every operation of every service that Clary knows, both ways against botocore: what its serializer writes we read
equal, what we write its parser reads equal, errors likewise. Values are made from the shapes."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from botocore.awsrequest import HeadersDict
from botocore.model import OperationModel, Shape, StructureShape
from botocore.parsers import create_parser
from botocore.serialize import create_serializer
from starlette.datastructures import Headers

from clary.errors import ServiceError
from clary.gateway import models, routing
from clary.gateway.http import HttpAnswer, HttpRequest
from clary.gateway.protocols import json, query, rest_json, rest_xml
from tests.contracts.protocol import Values

MODULES = {"json": json, "query": query, "rest-json": rest_json, "rest-xml": rest_xml}
SEEDS = range(4)


def operations() -> Iterator[tuple[str, str, str]]:
    for service in models.SERVED:
        for protocol in models.protocols(service):
            if protocol in MODULES:
                model = models.service(service)
                names = [n for n in model.operation_names if not model.operation_model(n).deprecated]
                # Directory buckets have hosts of their own, by which botocore tells the two apart.
                names = [n for n in names if n != "ListDirectoryBuckets"]
                if protocol == "json":  # event streams over JSON are not served: they answer 501
                    names = [n for n in names if not model.operation_model(n).has_event_stream_output]
                yield from ((service, protocol, name) for name in names)


CASES = list(operations())


def case_id(case: tuple[str, str, str]) -> str:
    return "-".join(case)


@pytest.mark.parametrize("case", CASES, ids=case_id)
def test_what_botocore_sends_is_read_as_it_was_meant(case: tuple[str, str, str]) -> None:
    service, protocol, name = case
    operation = models.service(service).operation_model(name)
    for seed in SEEDS:
        wanted = request_values(operation, Values(seed))
        http = http_request(operation, protocol, wanted)
        route = routing.route(http, models.service(service).signing_name)
        assert (route.service, route.operation.name, route.protocol.NAME) == (service, name, protocol)
        got = route.protocol.parse(route.operation, http, route.labels)
        assert normal(operation.input_shape, got) == normal(operation.input_shape, wanted)


@pytest.mark.parametrize("case", CASES, ids=case_id)
def test_what_we_answer_botocore_reads_as_it_was_meant(case: tuple[str, str, str]) -> None:
    service, protocol, name = case
    operation = models.service(service).operation_model(name)
    shape = operation.output_shape
    for seed in SEEDS:
        wanted = Values(seed).make(shape) if shape else {}
        drop_status_codes(shape, wanted)
        drop_streams(shape, wanted)
        answer = MODULES[protocol].serialize(operation, wanted, "request-1")
        got = botocore_reads(operation, protocol, answer)
        if name == "GetBucketLocation":  # botocore reads this one by a hook of its client
            assert wanted.get("LocationConstraint", "").encode() in answer.body
            continue
        drop_streams(shape, got)
        metadata = got.pop("ResponseMetadata")
        assert metadata["RequestId"] or protocol == "rest-xml"
        drop_status_codes(shape, got)
        assert normal(shape, got) == normal(shape, wanted)


@pytest.mark.parametrize("case", CASES, ids=case_id)
def test_an_error_reaches_botocore_with_code_and_message(case: tuple[str, str, str]) -> None:
    service, protocol, name = case
    operation = models.service(service).operation_model(name)
    for shape in [*operation.error_shapes, None]:
        code = shape.name if shape else "NotImplemented"
        error = ServiceError("what & <why> it is", code=code, status=400)
        http = http_request(operation, protocol, request_values(operation, Values(1)))
        answer = MODULES[protocol].serialize_error(operation, error, "request-1", http)
        got = botocore_reads(operation, protocol, answer)["Error"]
        if http.method == "HEAD":
            continue
        modelled = shape.metadata.get("error", {}).get("code", shape.name) if shape else code
        assert got["Code"] in {modelled, code}
        assert got["Message"] == "what & <why> it is"


def request_values(operation: OperationModel, values: Values) -> dict[str, Any]:
    shape = operation.input_shape
    if shape is None:
        return {}
    wanted: dict[str, Any] = values.make(shape)
    for name, member in shape.members.items():
        where = member.serialization.get("location")
        if where == "uri":  # a label is never empty, and S3's are checked by the client
            wanted[name] = "bucket-1" if name == "Bucket" else "a/key with %2F+.txt" if name == "Key" else "label-1"
        if where == "headers":
            wanted.pop(name, None)
        if where == "header" and name in wanted and member.type_name == "string" and not member.enum:
            wanted[name] = "header-value"
        if where == "header" and name in wanted and member.type_name == "list":
            wanted[name] = [
                item if not isinstance(item, str) or member.member.enum else "item" for item in wanted[name]
            ]
        if where == "querystring" and name in wanted and member.type_name == "map":
            wanted.pop(name)
        if where == "querystring" and wanted.get(name) == []:
            wanted.pop(name)
    if operation.name == "SelectObjectContent":
        wanted.pop("RequestProgress", None)
    return wanted


def http_request(operation: OperationModel, protocol: str, wanted: dict[str, Any]) -> HttpRequest:
    serialized = create_serializer(protocol, include_validation=False).serialize_to_request(wanted, operation)
    body = serialized["body"]
    if isinstance(body, dict):
        body = urlencode(body).encode()
    elif isinstance(body, str):
        body = body.encode()
    elif isinstance(body, io.IOBase):
        body = body.read()
    path, _, fixed = serialized["url_path"].partition("?")
    given = serialized["query_string"]
    pairs = given.items() if isinstance(given, dict) else given
    text = "&".join(
        f"{quote(k, safe='-._~')}={quote(str(v), safe='-._~')}"
        for k, vs in pairs
        for v in (vs if isinstance(vs, list) else [vs])
    )
    headers = {str(k): v if isinstance(v, str) else str(v) for k, v in dict(serialized["headers"]).items()}
    headers["Host"] = "127.0.0.1:8780"
    return HttpRequest(
        serialized["method"], path, "&".join(t for t in (fixed, text) if t), Headers(headers=headers), body or b""
    )


def botocore_reads(operation: OperationModel, protocol: str, answer: HttpAnswer) -> dict[str, Any]:
    assert isinstance(answer.body, bytes)
    headers = HeadersDict(answer.headers)
    parsed: dict[str, Any] = create_parser(protocol).parse(
        {"status_code": answer.status, "headers": headers, "body": answer.body, "context": {}}, operation.output_shape
    )
    return parsed


def drop_status_codes(shape: StructureShape | None, value: dict[str, Any]) -> None:
    for name, member in (shape.members if shape else {}).items():
        if member.serialization.get("location") == "statusCode":
            value.pop(name, None)
        if member.serialization.get("location") in {"header", "headers"} and isinstance(value.get(name), str):
            value[name] = re.sub(r"[^\x21-\x7e]", "x", value[name])
        if member.serialization.get("location") == "headers" and isinstance(value.get(name), dict):
            value[name] = {k: re.sub(r"[^\x21-\x7e]", "x", v) for k, v in value[name].items()}


def drop_streams(shape: StructureShape | None, value: dict[str, Any]) -> None:
    """Bodies that stream are passed through as they are; the API tests look at them."""
    for name, member in (shape.members if shape else {}).items():
        is_body = shape is not None and shape.serialization.get("payload") == name and member.type_name == "blob"
        if is_body or getattr(member, "is_eventstream", False) or member.serialization.get("eventstream"):
            value.pop(name, None)


def normal(shape: Shape | None, value: Any) -> Any:
    """What the wire cannot tell apart is made equal: empty lists and maps that are left out, text for bytes."""
    if isinstance(value, dict):
        members = shape.members if isinstance(shape, StructureShape) else {}
        inner = getattr(shape, "value", None)
        kept = {k: normal(members.get(k, inner), v) for k, v in value.items()}
        return {k: v for k, v in kept.items() if v not in ({}, [], None, "", b"")}
    if isinstance(value, list):
        return [normal(getattr(shape, "member", None), v) for v in value]
    if isinstance(value, bytes):
        return value.decode("latin-1")
    return value
