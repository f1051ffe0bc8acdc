"""Every operation of every service that Clary knows, both ways against botocore: what its serializer writes we read
equal, what we write its parser reads equal, errors likewise. Values are made from the shapes."""

from __future__ import annotations

import io
import math
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any
from urllib.parse import quote, urlencode

import cbor2
import pytest
from botocore.awsrequest import HeadersDict
from botocore.model import OperationModel, Shape, StructureShape
from botocore.parsers import create_parser
from botocore.serialize import create_serializer
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.datastructures import Headers

from clary.errors import ServiceError
from clary.gateway import models, routing
from clary.gateway.http import HttpAnswer, HttpRequest
from clary.gateway.protocols import cbor, json, query, rest_json, rest_xml
from tests.contracts.protocol import ANY_TEXT, XML_TEXT, Values, values

MODULES = {module.NAME: module for module in (cbor, json, query, rest_json, rest_xml)}
SEEDS = range(4)
Case = tuple[str, str, str]
Make = Callable[[Shape], Any]


def operations() -> Iterator[Case]:
    for service in models.SERVED:
        for protocol in models.protocols(service):
            model = models.service(service)
            for name in model.operation_names:
                # Over REST a deprecated one has the address of its heir. Directory buckets have hosts of their own, by
                # which botocore tells the two listings apart.
                hidden = model.operation_model(name).deprecated and protocol.startswith("rest")
                if not hidden and name != "ListDirectoryBuckets":
                    yield service, protocol, name


CASES = list(operations())


def case_id(case: Case) -> str:
    return "-".join(case)


def test_every_protocol_that_a_service_lists_is_here() -> None:
    assert {protocol for _, protocol, _ in CASES} == MODULES.keys()
    assert {service for service, _, _ in CASES} == set(models.SERVED)


@pytest.mark.parametrize("case", CASES, ids=case_id)
def test_what_botocore_sends_is_read_as_it_was_meant(case: Case) -> None:
    for seed in SEEDS:
        check_request(case, Values(seed).make)


@pytest.mark.parametrize("case", CASES, ids=case_id)
def test_what_we_answer_botocore_reads_as_it_was_meant(case: Case) -> None:
    for seed in SEEDS:
        check_answer(case, Values(seed).make)


@pytest.mark.parametrize("case", CASES, ids=case_id)
def test_an_error_reaches_botocore_with_code_and_message(case: Case) -> None:
    check_errors(case, "what & <why> it is", Values(1).make)


generated = settings(suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])


@pytest.mark.parametrize("protocol", MODULES)
@settings(generated, max_examples=60, derandomize=True)
@given(data=st.data())
def test_values_at_the_corners_of_their_types_go_both_ways(protocol: str, data: st.DataObject) -> None:
    check_corners(data.draw(st.sampled_from([case for case in CASES if case[1] == protocol])), data)


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES, ids=case_id)
def test_so_do_they_in_every_operation(case: Case) -> None:
    # A property of its own for each: Hypothesis chains the settings of one that is parametrized, a thousand deep.
    @settings(generated, max_examples=8)
    @given(data=st.data())
    def goes_both_ways(data: st.DataObject) -> None:
        check_corners(case, data)

    goes_both_ways()


@pytest.mark.parametrize("protocol", ["json", "smithy-rpc-v2-cbor", "query"])
def test_members_of_a_newer_client_are_left_out(protocol: str) -> None:
    operation = models.service("cloudwatch").operation_model("PutMetricData")
    wanted = {"Namespace": "N", "MetricData": [{"MetricName": "m", "Value": 1.5}]}
    http = http_request(operation, protocol, wanted)
    body = {
        "json": b'{"Later": {"a": [1]}, "Namespace": "N", "MetricData": [{"MetricName": "m", "Value": 1.5, "New": 1}]}',
        "smithy-rpc-v2-cbor": cbor2.dumps({"Later": {"a": [1]}, **wanted}),
        "query": http.body + b"&Later.entry.1.key=a&MetricData.member.1.New=1&Later=x",
    }[protocol]
    assert MODULES[protocol].parse(operation, replace(http, body=body), {}) == wanted


def check_corners(case: Case, data: st.DataObject) -> None:
    protocol = case[1]
    sent = XML_TEXT if protocol == "rest-xml" else ANY_TEXT
    read = XML_TEXT if protocol in {"rest-xml", "query"} else ANY_TEXT
    check_request(case, lambda shape: data.draw(values(shape, sent)))
    check_answer(case, lambda shape: data.draw(values(shape, read)))
    check_errors(case, data.draw(st.text(read)).strip() or "why", lambda shape: data.draw(values(shape, sent)))


def check_request(case: Case, make: Make) -> None:
    service, protocol, name = case
    operation = models.service(service).operation_model(name)
    wanted = request_values(operation, make)
    http = http_request(operation, protocol, wanted)
    route = routing.route(http, models.service(service).signing_name)
    assert (route.service, route.operation.name, route.protocol.NAME) == (service, name, protocol)
    got = route.protocol.parse(route.operation, http, route.labels)
    assert normal(operation.input_shape, got) == normal(operation.input_shape, wanted)


def check_answer(case: Case, make: Make) -> None:
    service, protocol, name = case
    operation = models.service(service).operation_model(name)
    shape = operation.output_shape
    if operation.has_event_stream_output:
        return  # tests/unit/gateway/test_event_stream.py
    wanted = make(shape) if shape else {}
    drop_status_codes(shape, wanted)
    drop_streams(shape, wanted)
    answer = MODULES[protocol].serialize(operation, wanted, "request-1")
    got = botocore_reads(operation, protocol, answer)
    if name == "GetBucketLocation":  # botocore reads this one by a hook of its client
        assert wanted.get("LocationConstraint", "").encode() in answer.body
        return
    drop_streams(shape, got)
    metadata = got.pop("ResponseMetadata")
    assert "RequestId" in metadata or protocol == "rest-xml" or shape is None
    drop_status_codes(shape, got)
    assert normal(shape, got) == normal(shape, wanted)


def check_errors(case: Case, message: str, make: Make) -> None:
    service, protocol, name = case
    operation = models.service(service).operation_model(name)
    http = http_request(operation, protocol, request_values(operation, make))
    for shape in [*operation.error_shapes, None]:
        code = shape.name if shape else "NotImplemented"
        answer = MODULES[protocol].serialize_error(operation, ServiceError(message, code=code), "request-1", http)
        got = botocore_reads(operation, protocol, answer)["Error"]
        if http.method == "HEAD":
            continue
        modelled = shape.metadata.get("error", {}).get("code", shape.name) if shape else code
        assert got["Code"] in {modelled, code}
        assert got["Message"] == message
        if operation.service_model.is_query_compatible and protocol != "query":
            assert answer.headers["x-amzn-query-error"] == f"{modelled};Sender"


def request_values(operation: OperationModel, make: Make) -> dict[str, Any]:
    shape = operation.input_shape
    if shape is None:
        return {}
    wanted: dict[str, Any] = make(shape)
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
    if operation.service_model.is_query_compatible and protocol != "query":
        headers["x-amzn-query-mode"] = "true"
    return HttpRequest(
        serialized["method"],
        path,
        "&".join(t for t in (fixed, text) if t),
        Headers(headers=headers),
        body or b"",
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
        if is_body:
            value.pop(name, None)


def normal(shape: Shape | None, value: Any) -> Any:
    """What the wire cannot tell apart is made equal: empty lists and maps that are left out, text for bytes, and the
    word Infinity, which botocore's JSON parser leaves as it is."""
    if isinstance(value, dict):
        members = shape.members if isinstance(shape, StructureShape) else {}
        inner = getattr(shape, "value", None)
        kept = {k: normal(members.get(k, inner), v) for k, v in value.items()}
        return {k: v for k, v in kept.items() if v not in ({}, [], None, "", b"")}
    if isinstance(value, list):
        return [normal(getattr(shape, "member", None), v) for v in value]
    if isinstance(value, float) and math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    if isinstance(value, bytes):
        return value.decode("latin-1")
    return value
