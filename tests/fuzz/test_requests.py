"""Signed requests with something wrong in them, of every operation that is served, at a real server."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from xml.etree import ElementTree

import pytest
from botocore import xform_name
from hypothesis import HealthCheck, Phase, given, settings

from clary import services
from clary.gateway import models
from tests.conftest import Studio
from tests.fuzz.requests import Request, requests
from tests.wire import Answer, Wire

EXAMPLES = int(os.environ.get("CLARY_FUZZ", "300"))
_PROTOCOLS = {"json", "query", "rest-json", "rest-xml", "smithy-rpc-v2-cbor"}


def operations() -> list[tuple[str, str, str]]:
    served = services.discover()
    return [
        (service, protocol, name)
        for service in models.SERVED
        for protocol in models.protocols(service)
        if protocol in _PROTOCOLS
        for name in models.service(service).operation_names
        if (service, xform_name(name)) in served and not models.service(service).operation_model(name).deprecated
    ]


OPERATIONS = operations()


@pytest.fixture(scope="module")
def wire(studio: Studio) -> Iterator[Wire]:
    s3 = studio.client("s3")
    s3.create_bucket(Bucket="jobs")
    s3.put_object(Bucket="jobs", Key="a/key with %2F+.txt", Body=b"text", Metadata={"a": "b"})
    logs = studio.client("logs")
    logs.create_log_group(logGroupName="/aws/fuzz")
    logs.create_log_stream(logGroupName="/aws/fuzz", logStreamName="fuzz")
    yield Wire.of(studio.url, studio.data)
    assert "Traceback" not in (studio.data.parent / "up.log").read_text()


@settings(
    max_examples=EXAMPLES,
    derandomize=True,
    database=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)
@given(request=requests(OPERATIONS))
def test_a_spoilt_request_is_told_what_is_wrong(wire: Wire, request: Request) -> None:
    sent = wire.signed(request.service, request.method, request.target, request.headers, request.body)
    check(wire.ask(sent), sent)


def check(answer: Answer, sent: bytes) -> None:
    assert answer.status != 500, sent[:2000]
    assert "x-injected" not in answer.headers
    if answer.status >= 400 and not sent.startswith(b"HEAD"):
        kind = answer.headers["content-type"]
        if "json" in kind:
            assert json.loads(answer.body)
        elif "xml" in kind:
            assert ElementTree.fromstring(answer.body) is not None
