"""CORS: the rules of a bucket, and what a browser's requests are answered by them."""

from __future__ import annotations

import http.client
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.conftest import Studio

PAGE = "https://ward.example"
RULES = [
    {"AllowedOrigins": ["https://*.trusted.example"], "AllowedMethods": ["DELETE"], "AllowedHeaders": ["*"]},
    {
        "ID": "page",
        "AllowedOrigins": [PAGE],
        "AllowedMethods": ["GET", "PUT"],
        "AllowedHeaders": ["Content-Type", "x-amz-meta-*"],
        "ExposeHeaders": ["ETag", "x-amz-version-id"],
        "MaxAgeSeconds": 600,
    },
    {"AllowedOrigins": ["*"], "AllowedMethods": ["HEAD"]},
]


@pytest.fixture
def s3(boto: Callable[..., Any]) -> Any:
    client = boto("s3")
    client.create_bucket(Bucket="shared")
    client.put_bucket_cors(Bucket="shared", CORSConfiguration={"CORSRules": RULES})
    return client


@pytest.fixture
def ask(studio: Studio) -> Callable[..., tuple[int, dict[str, str], bytes]]:
    def call(method: str, path: str, **headers: str) -> tuple[int, dict[str, str], bytes]:
        connection = http.client.HTTPConnection(studio.url.removeprefix("http://"))
        connection.request(method, path, headers={k.replace("_", "-"): v for k, v in headers.items()})
        answer = connection.getresponse()
        found = answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read()
        connection.close()
        return found

    return call


def test_rules_are_kept_and_checked(s3: Any) -> None:
    assert s3.get_bucket_cors(Bucket="shared")["CORSRules"] == RULES
    for rule, code in [
        ({"AllowedOrigins": ["*"], "AllowedMethods": ["PATCH"]}, "InvalidRequest"),
        ({"AllowedOrigins": ["https://*.*"], "AllowedMethods": ["GET"]}, "InvalidRequest"),
        ({"AllowedOrigins": ["*"], "AllowedMethods": ["GET"], "ExposeHeaders": ["*"]}, "InvalidRequest"),
        ({"AllowedOrigins": ["*"], "AllowedMethods": ["GET"], "AllowedHeaders": ["*-*"]}, "InvalidRequest"),
        ({"AllowedOrigins": [], "AllowedMethods": ["GET"]}, "MalformedXML"),
    ]:
        with pytest.raises(ClientError) as error:
            s3.put_bucket_cors(Bucket="shared", CORSConfiguration={"CORSRules": [rule]})
        assert error.value.response["Error"]["Code"] == code
    assert s3.get_bucket_cors(Bucket="shared")["CORSRules"] == RULES


def test_a_preflight_that_is_allowed(s3: Any, ask: Callable[..., Any]) -> None:
    status, headers, body = ask(
        "OPTIONS",
        "/shared/a",
        Origin=PAGE,
        Access_Control_Request_Method="PUT",
        Access_Control_Request_Headers="content-type, X-Amz-Meta-Unit",
    )
    assert (status, body) == (200, b"")
    assert {name: value for name, value in headers.items() if name.startswith("access-control")} == {
        "access-control-allow-origin": PAGE,
        "access-control-allow-methods": "GET, PUT",
        "access-control-allow-headers": "content-type, x-amz-meta-unit",
        "access-control-allow-credentials": "true",
        "access-control-expose-headers": "ETag, x-amz-version-id",
        "access-control-max-age": "600",
    }
    assert "Origin" in headers["vary"]
    status, headers, _ = ask(
        "OPTIONS", "/shared", Origin="https://a.trusted.example", Access_Control_Request_Method="DELETE"
    )
    assert (status, headers["access-control-allow-origin"]) == (200, "https://a.trusted.example")
    status, headers, _ = ask("OPTIONS", "/shared/a", Origin="null", Access_Control_Request_Method="HEAD")
    assert (status, headers["access-control-allow-origin"]) == (200, "*")
    assert "access-control-allow-credentials" not in headers


@pytest.mark.parametrize(
    ("path", "asked", "status", "code"),
    [
        (
            "/shared/a",
            {"Origin": "https://evil.example", "Access_Control_Request_Method": "GET"},
            403,
            b"AccessForbidden",
        ),
        ("/shared/a", {"Origin": PAGE, "Access_Control_Request_Method": "DELETE"}, 403, b"AccessForbidden"),
        (
            "/shared/a",
            {"Origin": PAGE, "Access_Control_Request_Method": "PUT", "Access_Control_Request_Headers": "x-other"},
            403,
            b"AccessForbidden",
        ),
        ("/shared/a", {"Origin": PAGE}, 400, b"BadRequest"),
        ("/shared/a", {}, 400, b"BadRequest"),
        ("/unshared/a", {"Origin": PAGE, "Access_Control_Request_Method": "GET"}, 403, b"CORS is not enabled"),
        ("/nowhere/a", {"Origin": PAGE, "Access_Control_Request_Method": "GET"}, 404, b"NoSuchBucket"),
    ],
)
def test_a_preflight_that_is_not(
    s3: Any, ask: Callable[..., Any], path: str, asked: dict[str, str], status: int, code: bytes
) -> None:
    s3.create_bucket(Bucket="unshared")
    found, headers, body = ask("OPTIONS", path, **asked)
    assert found == status
    assert code in body
    assert "access-control-allow-origin" not in headers


def test_the_call_itself(s3: Any, ask: Callable[..., Any], studio: Studio) -> None:
    s3.put_object(Bucket="shared", Key="a", Body=b"bytes")
    path = s3.generate_presigned_url("get_object", Params={"Bucket": "shared", "Key": "a"}).removeprefix(studio.url)
    status, headers, body = ask("GET", path, Origin=PAGE)
    assert (status, body, headers["access-control-allow-origin"]) == (200, b"bytes", PAGE)
    assert headers["access-control-expose-headers"] == "ETag, x-amz-version-id"
    _, headers, _ = ask("GET", path, Origin="https://evil.example")
    assert "access-control-allow-origin" not in headers
    _, headers, _ = ask("GET", path)
    assert "access-control-allow-origin" not in headers
    status, headers, _ = ask("GET", "/shared/a", Origin=PAGE)  # the page may read why it was refused
    assert (status, headers["access-control-allow-origin"]) == (403, PAGE)


def test_without_rules_nothing_is_shared(s3: Any, ask: Callable[..., Any]) -> None:
    s3.delete_bucket_cors(Bucket="shared")
    with pytest.raises(ClientError) as error:
        s3.get_bucket_cors(Bucket="shared")
    assert error.value.response["Error"]["Code"] == "NoSuchCORSConfiguration"
    assert ask("OPTIONS", "/shared/a", Origin=PAGE, Access_Control_Request_Method="GET")[0] == 403
