"""Bytes that are no request, or an absurd one, at a real server: it says so, closes where it must, and goes on."""

from __future__ import annotations

import hashlib
import json
import random
import re
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.conftest import Studio
from tests.fuzz.test_requests import check
from tests.wire import FORM, JSON, Wire, head

MIB = 1 << 20


@pytest.fixture(scope="module")
def wire(studio: Studio) -> Iterator[Wire]:
    studio.client("s3").create_bucket(Bucket="jobs")
    yield Wire.of(studio.url, studio.data)
    assert "Traceback" not in (studio.data.parent / "up.log").read_text()


def raw(*lines: bytes, body: bytes = b"") -> bytes:
    return b"\r\n".join([*lines, b"", b""]) + body


HOST = b"Host: x"
NO_REQUESTS = {
    "nothing but noise": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(range(256)),
    "another protocol": b"SSH-2.0-OpenSSH_9.9\r\n",
    "an unknown method": raw(b"FROB / HTTP/1.1", HOST),
    "a version of the future": raw(b"GET / HTTP/9.9", HOST),
    "no path": raw(b"GET  HTTP/1.1", HOST),
    "a header without a colon": raw(b"GET / HTTP/1.1", HOST, b"nonsense"),
    "a space before the colon": raw(b"GET / HTTP/1.1", b"Host : x"),
    "a control character in a header": raw(b"GET / HTTP/1.1", HOST, b"A: b\x00c"),
    "a length that is no number": raw(b"POST / HTTP/1.1", HOST, b"Content-Length: ten"),
    "a negative length": raw(b"POST / HTTP/1.1", HOST, b"Content-Length: -1"),
    "a length beyond 64 bits": raw(b"POST / HTTP/1.1", HOST, b"Content-Length: " + b"9" * 30),
    "two lengths": raw(b"POST / HTTP/1.1", HOST, b"Content-Length: 1", b"Content-Length: 2", body=b"ab"),
    "a length and chunks": raw(
        b"POST / HTTP/1.1", HOST, b"Content-Length: 4", b"Transfer-Encoding: chunked", body=b"0\r\n\r\n"
    ),
    "a chunk of a size that is no number": raw(
        b"POST / HTTP/1.1", HOST, b"Transfer-Encoding: chunked", body=b"zz\r\nab\r\n0\r\n\r\n"
    ),
    "a chunk without its end": raw(
        b"POST / HTTP/1.1", HOST, b"Transfer-Encoding: chunked", body=b"1\r\nabcdef\r\n0\r\n\r\n"
    ),
    "a chunk of 64 bits and more": raw(
        b"POST / HTTP/1.1", HOST, b"Transfer-Encoding: chunked", body=b"f" * 17 + b"\r\n"
    ),
    "a path in latin-1": raw(b"GET /\xe9 HTTP/1.1", HOST),
}


@pytest.mark.parametrize("name", NO_REQUESTS)
def test_what_is_no_request_is_refused_and_the_connection_closed(wire: Wire, name: str) -> None:
    found = wire.ask(NO_REQUESTS[name])
    assert found.status == 400
    assert found.headers["connection"] == "close"


ODD_REQUESTS = {
    "an absolute address": raw(b"GET http://example.com/x HTTP/1.1", HOST),
    "an asterisk": raw(b"OPTIONS * HTTP/1.1", HOST),
    "CONNECT": raw(b"CONNECT example.com:443 HTTP/1.1", HOST),
    "no host": raw(b"GET / HTTP/1.0"),
    "two hosts": raw(b"GET / HTTP/1.1", HOST, b"Host: y"),
    "a host of dots": raw(b"GET / HTTP/1.1", b"Host: " + b"." * 5000 + b"s3.localhost"),
    "a websocket": raw(b"GET / HTTP/1.1", HOST, b"Connection: Upgrade", b"Upgrade: websocket", b"Sec-WebSocket-Key: x"),
    "HTTP/2 by upgrade": raw(b"GET / HTTP/1.1", HOST, b"Connection: Upgrade, HTTP2-Settings", b"Upgrade: h2c"),
    "an encoding nobody has": raw(b"POST / HTTP/1.1", HOST, b"Transfer-Encoding: gzip, chunked", body=b"0\r\n\r\n"),
    "a credentials page with a strange name": raw(
        b"GET /_/credentials/%00..%2f HTTP/1.1", HOST, b"Authorization: \xe9"
    ),
    "an authorization of another kind": raw(b"GET / HTTP/1.1", HOST, b"Authorization: Basic \xff\xfe"),
    "many signed headers": raw(
        b"GET / HTTP/1.1",
        HOST,
        b"X-Amz-Date: 20240101T000000Z",
        b"Authorization: AWS4-HMAC-SHA256 Credential=a/20240101/us-east-1/s3/aws4_request, SignedHeaders=host;x-amz-date;"
        + b"a;" * 20_000
        + b", Signature=\xe9",
    ),
    "a query of ampersands": raw(b"GET /?" + b"&=" * 20_000 + b" HTTP/1.1", HOST),
    "an expiry of superscripts": raw(b"GET /b?AWSAccessKeyId=a&Signature=b&Expires=%C2%B2 HTTP/1.1", HOST),
}


@pytest.mark.parametrize("name", ODD_REQUESTS)
def test_an_odd_request_without_a_signature_is_answered(wire: Wire, name: str) -> None:
    found = wire.ask(ODD_REQUESTS[name])
    assert found.status != 500
    assert found.status >= 200


@pytest.mark.parametrize(
    "fields",
    [
        [b"A: " + b"x" * 70_000],
        [b"A: b"] * 300,
        [b"A%d: " % n + b"x" * 1000 for n in range(100)],
        [b"x" * 70_000 + b": a"],
    ],
    ids=["one long", "many", "many long", "a long name"],
)
def test_a_head_that_is_too_large_is_refused(wire: Wire, fields: list[bytes]) -> None:
    found = wire.ask(raw(b"GET / HTTP/1.1", HOST, *fields))
    assert found.status == 431


def test_a_head_without_an_end_is_refused_while_it_comes(wire: Wire) -> None:
    with wire.connect() as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nA: ")
        sent = 0
        try:
            while sent < 64 * MIB:
                sent += connection.send(b"x" * 65536)
                connection.setblocking(False)
                try:
                    if connection.recv(1, 2):  # MSG_PEEK
                        break
                except BlockingIOError:
                    pass
                finally:
                    connection.setblocking(True)
        except OSError:
            pass
        assert sent < 8 * MIB


@pytest.mark.parametrize(
    ("service", "target", "headers", "length", "status", "code"),
    [
        (
            "sagemaker",
            "/",
            {"X-Amz-Target": "SageMaker.CreateModel", "Content-Type": JSON},
            9 * MIB,
            413,
            "RequestEntityTooLarge",
        ),
        ("sagemaker", "/endpoints/e/invocations", {}, 26 * MIB, 413, "RequestEntityTooLarge"),
        ("s3", "/jobs?delete", {}, 9 * MIB, 400, "MaxMessageLengthExceeded"),
        ("iam", "/", {"Content-Type": FORM}, 3 * MIB, 413, "RequestEntityTooLarge"),
        ("s3", "/jobs/key", {"x": "y"}, 6 << 30, 400, "EntityTooLarge"),
    ],
    ids=["json", "invocation", "s3 document", "form", "object"],
)
def test_a_body_that_is_too_large_is_refused_before_it_is_read(
    wire: Wire, service: str, target: str, headers: dict[str, str], length: int, status: int, code: str
) -> None:
    method = "PUT" if target == "/jobs/key" else "POST"
    whole = wire.signed(service, method, target, {**headers, "Expect": "100-continue"}, b"")
    found = wire.ask(whole.replace(b"Content-Length: 0", b"Content-Length: %d" % length))
    assert found.status == status
    assert code.encode() in found.body + str(found.headers).encode()


def test_a_body_that_grows_too_large_in_chunks_is_refused(wire: Wire) -> None:
    whole = wire.signed("sagemaker", "POST", "/", {"X-Amz-Target": "SageMaker.ListModels", "Content-Type": JSON}, b"{}")
    whole = whole.replace(b"Content-Length: 2", b"Transfer-Encoding: chunked").removesuffix(b"{}")
    found = wire.ask(whole + b"100000\r\n%b\r\n" % (b" " * MIB) * 10 + b"0\r\n\r\n")
    assert found.status == 413


def test_a_body_other_than_the_signed_hash_says_is_refused(wire: Wire) -> None:
    given = {"X-Amz-Target": "SageMaker.ListModels", "Content-Type": JSON}
    given["X-Amz-Content-Sha256"] = hashlib.sha256(b'{"MaxResults": 1}').hexdigest()
    whole = wire.signed("sagemaker", "POST", "/", given, b'{"MaxResults": 1}')
    assert wire.ask(whole).status == 200
    found = wire.ask(whole.replace(b'{"MaxResults": 1}', b'{"MaxResults": 9}'))
    assert found.status == 400
    assert b"XAmzContentSHA256Mismatch" in found.body


@pytest.mark.parametrize("size", ["-1", "0x5", "5 ", "1_0", "", "g", "f" * 17, "5;chunk-signature=\xe9"])
def test_aws_chunks_that_cannot_be_read_are_told(wire: Wire, size: str) -> None:
    framed = f"{size}\r\nabcde\r\n0\r\n\r\n".encode("latin-1")
    mode = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD" if ";" in size else "STREAMING-UNSIGNED-PAYLOAD-TRAILER"
    given = {"X-Amz-Content-Sha256": mode, "X-Amz-Decoded-Content-Length": "5", "Content-Encoding": "aws-chunked"}
    found = wire.ask(wire.signed("s3", "PUT", "/jobs/chunks", given, framed))
    assert found.status in {400, 403}


def test_no_answer_has_a_line_that_a_request_put_there(wire: Wire) -> None:
    put = wire.ask(wire.signed("s3", "PUT", "/jobs/key", {}, b"text"))
    assert put.status == 200
    for name in ("content-type", "content-disposition", "cache-control", "content-language", "content-encoding"):
        found = wire.ask(wire.signed("s3", "GET", f"/jobs/key?response-{name}=a%0D%0AX-Injected%3A%201"))
        assert (found.status, "x-injected" in found.headers) == (400, False)
        assert b"ISO-8859-1" in found.body


def test_names_that_are_no_utf_8_are_refused_and_not_mixed_up(wire: Wire) -> None:
    for target in ("/jobs/%ff", "/jobs/%zz", "/jobs/a%"):
        found = wire.ask(wire.signed("s3", "PUT", target, {}, b"text"))
        assert (found.status, b"InvalidURI" in found.body) == (400, True)
    for key in ("%00", "a%00b", "%01", "__proto__", "%E2%80%AE", "%F0%9D%95%8F", "..%2F..", "%2e%2e/%2e"):
        put = wire.ask(wire.signed("s3", "PUT", f"/jobs/odd/{key}", {}, key.encode()))
        assert put.status == 200
        got = wire.ask(wire.signed("s3", "GET", f"/jobs/odd/{key}"))
        assert got.body == key.encode()
    listed = wire.ask(wire.signed("s3", "GET", "/jobs?list-type=2&prefix=odd"))
    check(listed, b"GET")


def test_xml_that_would_grow_is_refused_in_every_encoding(wire: Wire) -> None:
    bomb = "<!DOCTYPE a [<!ENTITY a0 'ha'>" + "".join(f"<!ENTITY a{n} '{f'&a{n - 1};' * 10}'>" for n in range(1, 12))
    bomb += "]><Delete><Object><Key>&a11;</Key></Object></Delete>"
    for encoding in ("utf-8", "utf-16", "utf-8-sig"):
        found = wire.ask(wire.signed("s3", "POST", "/jobs?delete", {}, bomb.encode(encoding)))
        assert (found.status, b"MalformedXML" in found.body) == (400, True)


@pytest.mark.parametrize("target", ["SageMaker.ListModels", "Logs_20140328.DescribeLogGroups"])
@settings(max_examples=60, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
@given(data=st.binary(max_size=300))
def test_any_bytes_are_a_body_that_is_answered(wire: Wire, target: str, data: bytes) -> None:
    service = "sagemaker" if target.startswith("Sage") else "logs"
    found = wire.ask(wire.signed(service, "POST", "/", {"X-Amz-Target": target, "Content-Type": JSON}, data))
    assert found.status in {200, 400}
    assert json.loads(found.body) is not None


@settings(max_examples=100, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
@given(seed=st.integers(0, 1 << 32))
def test_a_request_with_bytes_changed_anywhere_is_answered_or_closed(wire: Wire, seed: int) -> None:
    chance = random.Random(seed)
    whole = bytearray(
        wire.signed("s3", "PUT", "/jobs/key?tagging", {"X-Amz-Meta-A": "b"}, b"<Tagging><TagSet/></Tagging>")
    )
    for _ in range(chance.randrange(1, 6)):
        at = chance.randrange(len(whole))
        whole[at : at + chance.randrange(3)] = bytes(chance.randrange(256) for _ in range(chance.randrange(3)))
    found = wire.ask_or_none(bytes(whole), end=True)
    assert found is None or found.status != 500


def test_requests_in_a_row_on_one_connection_are_answered_in_order(wire: Wire) -> None:
    with wire.connect() as connection:
        connection.sendall(b"".join(head("GET", f"/_/page-{n}", {"Host": "localhost"}) for n in range(20)))
        connection.sendall(head("GET", "/_/last", {"Host": "localhost", "Connection": "close"}))
        text = b"".join(iter(lambda: connection.recv(65536), b""))
    assert re.findall(rb"There is no page /_/([a-z0-9-]+)", text) == [*(b"page-%d" % n for n in range(20)), b"last"]
