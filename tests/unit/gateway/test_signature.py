"""Signatures against botocore, which signs for real clients."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

import pytest
from botocore.auth import HmacV1QueryAuth, S3SigV4Auth, S3SigV4QueryAuth, SigV4Auth, SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from starlette.datastructures import Headers

from clary.errors import ServiceError
from clary.gateway import bodies, signature
from clary.gateway.http import HttpRequest
from clary.gateway.signature import SignatureProblem

SECRET = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
CREDENTIALS = Credentials("AKIDEXAMPLE", SECRET)
HOST = "http://127.0.0.1:8780"


def as_received(request: AWSRequest) -> HttpRequest:
    prepared = request.prepare()
    url = urlsplit(prepared.url)
    headers = {str(k): v.decode() if isinstance(v, bytes) else str(v) for k, v in prepared.headers.items()}
    headers.setdefault("Host", url.netloc)
    body = prepared.body or b""
    return HttpRequest(
        prepared.method,
        url.path,
        url.query,
        Headers(headers=headers),
        body if isinstance(body, bytes) else body.encode(),
    )


def check(request: HttpRequest, secret: str = SECRET, now: datetime | None = None) -> None:
    claim = signature.read_claim(request)
    assert claim is not None
    signature.verify(claim, request, secret, now or datetime.now(UTC))


@pytest.mark.parametrize(
    ("service", "method", "path", "body"),
    [
        ("sagemaker", "POST", "/", b'{"a": "b"}'),
        ("sagemaker", "GET", "/FeatureGroup/arn%3Aaws%3Ax%2Fy?FeatureName=b&FeatureName=a", b""),
        ("sagemaker", "POST", "/endpoints/x//./y/../z/invocations", b"1,2"),
        ("sts", "POST", "/", b"Action=GetCallerIdentity&Version=2011-06-15"),
    ],
)
def test_a_signature_in_the_header_holds(service: str, method: str, path: str, body: bytes) -> None:
    request = AWSRequest(method=method, url=HOST + path, data=body, headers={"X-Amz-Target": "x"})
    SigV4Auth(CREDENTIALS, service, "eu-west-1").add_auth(request)
    check(as_received(request))


@pytest.mark.parametrize(
    "path", ["/b/k", "/b//k/../%2F%20+é", "/b?tagging", "/b?list-type=2&prefix=a%2Fb&delimiter=%2F"]
)
def test_s3_signs_the_path_as_it_is_on_the_wire(path: str) -> None:
    request = AWSRequest(method="GET", url=HOST + path)
    S3SigV4Auth(CREDENTIALS, "s3", "us-east-1").add_auth(request)
    check(as_received(request))


@pytest.mark.parametrize("auth", [S3SigV4QueryAuth, SigV4QueryAuth])
def test_a_presigned_url_holds_until_it_expires(auth: type) -> None:
    service = "s3" if auth is S3SigV4QueryAuth else "sts"
    request = AWSRequest(method="GET", url=f"{HOST}/b/k?versionId=3")
    auth(CREDENTIALS, service, "us-east-1", expires=60).add_auth(request)
    received = as_received(request)
    check(received)
    with pytest.raises(SignatureProblem) as problem:
        check(received, now=datetime.now(UTC) + timedelta(seconds=62))
    assert problem.value.reason == "presigned-expired"


def test_a_presigned_url_of_version_2_holds() -> None:
    request = AWSRequest(method="GET", url=f"{HOST}/b/k?versionId=3&response-content-type=text/plain")
    HmacV1QueryAuth(CREDENTIALS, expires=60).add_auth(request)
    received = as_received(request)
    check(received)
    with pytest.raises(SignatureProblem) as problem:
        check(received, secret="other")
    assert problem.value.reason == "mismatch"


@pytest.mark.parametrize(
    "spoil",
    [
        lambda r: replace(r, body=b"other"),
        lambda r: replace(r, path="/other"),
        lambda r: replace(r, query="a=b"),
        lambda r: replace(r, method="PUT"),
    ],
    ids=["body", "path", "query", "method"],
)
def test_whatever_is_changed_on_the_way_breaks_the_signature(spoil: object) -> None:
    request = AWSRequest(method="POST", url=HOST + "/", data=b"{}")
    SigV4Auth(CREDENTIALS, "sagemaker", "us-east-1").add_auth(request)
    with pytest.raises(SignatureProblem) as problem:
        check(spoil(as_received(request)))  # type: ignore[operator]
    assert problem.value.reason == "mismatch"


def test_another_secret_is_refused_and_the_answer_says_what_was_signed() -> None:
    request = AWSRequest(method="POST", url=HOST + "/", data=b"{}")
    SigV4Auth(CREDENTIALS, "sagemaker", "us-east-1").add_auth(request)
    with pytest.raises(SignatureProblem) as problem:
        check(as_received(request), secret="other")
    assert problem.value.members["StringToSign"].startswith("AWS4-HMAC-SHA256\n")


@pytest.mark.parametrize(("minutes", "text"), [(16, "Signature expired"), (-16, "not yet current")])
def test_a_skewed_clock_is_told_with_both_times(minutes: int, text: str) -> None:
    request = AWSRequest(method="POST", url=HOST + "/", data=b"{}")
    SigV4Auth(CREDENTIALS, "sagemaker", "us-east-1").add_auth(request)
    with pytest.raises(SignatureProblem, match=text):
        check(as_received(request), now=datetime.now(UTC) + timedelta(minutes=minutes))


def test_an_amz_header_that_is_not_signed_is_refused() -> None:
    request = AWSRequest(method="PUT", url=HOST + "/b/k", data=b"x")
    S3SigV4Auth(CREDENTIALS, "s3", "us-east-1").add_auth(request)
    received = as_received(request)
    more = Headers(headers={**dict(received.headers), "x-amz-acl": "public-read"})
    with pytest.raises(SignatureProblem) as problem:
        check(replace(received, headers=more))
    assert problem.value.reason == "headers-not-signed"


@pytest.mark.parametrize("text", ["AWS4-HMAC-SHA256 nonsense", "Basic abc", "AWS4-HMAC-SHA256 Credential=a/b, x=y"])
def test_a_header_that_cannot_be_read_says_what_is_missing(text: str) -> None:
    request = HttpRequest("GET", "/", "", Headers(headers={"authorization": text}))
    with pytest.raises(SignatureProblem) as problem:
        signature.read_claim(request)
    assert problem.value.reason == "malformed"


async def pieces(data: bytes, size: int) -> AsyncIterator[bytes]:
    for start in range(0, len(data), size):
        yield data[start : start + size]


def read(stream: AsyncIterator[bytes]) -> bytes:
    async def whole() -> bytes:
        return b"".join([piece async for piece in stream])

    return asyncio.run(whole())


CLAIM = signature.Claim(version=4, access_key="a", signature="seed", presigned=False)
FRAMED = b"5\r\nhello\r\n6\r\n world\r\n0\r\nx-amz-checksum-crc32:abc=\r\n\r\n"


@pytest.mark.parametrize("size", [1, 3, 7, 1000])
def test_a_chunked_body_is_taken_out_of_its_framing(size: int) -> None:
    chunked = bodies.Chunked(pieces(FRAMED, size), "STREAMING-UNSIGNED-PAYLOAD-TRAILER", 11, CLAIM, b"")
    assert read(chunked.__aiter__()) == b"hello world"
    assert chunked.trailers == {"x-amz-checksum-crc32": "abc="}


@pytest.mark.parametrize(
    ("body", "expected"),
    [(FRAMED[:12], 11), (FRAMED, 12), (b"zz\r\n", 1), (b"2\r\nabc\r\n0\r\n\r\n", 2)],
    ids=["cut off", "wrong length", "no number", "too long a chunk"],
)
def test_broken_framing_is_an_error(body: bytes, expected: int) -> None:
    chunked = bodies.Chunked(pieces(body, 5), "STREAMING-UNSIGNED-PAYLOAD-TRAILER", expected, CLAIM, b"")
    with pytest.raises(ServiceError):
        read(chunked.__aiter__())


def test_a_body_with_another_hash_is_an_error_at_its_end() -> None:
    data = b"x" * 1000
    for promised in (data, b"y"):
        payload = bodies.PayloadHash(hashlib.sha256(promised).hexdigest().upper())
        payload.update(data[:300])
        payload.update(data[300:])
        if promised is data:
            payload.check()
        else:
            with pytest.raises(ServiceError, match="does not match"):
                payload.check()
