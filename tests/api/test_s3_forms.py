"""Form uploads as browsers send them, with the fields that boto3 makes for a page."""

from __future__ import annotations

import base64
import http.client
import json
import urllib.parse
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from botocore.config import Config

from tests.conftest import Studio

MIB = 1 << 20


@pytest.fixture
def s3(boto: Callable[..., Any]) -> Any:
    client = boto("s3")
    client.create_bucket(Bucket="forms")
    return client


@pytest.fixture(params=["s3", "s3v4"])
def presign(request: pytest.FixtureRequest, boto: Callable[..., Any], s3: Any) -> Callable[..., dict[str, Any]]:
    """boto3's form fields, signed by version 2 and by version 4."""
    client = boto("s3", config=Config(signature_version=request.param, proxies={}))

    def post(key: str, fields: dict[str, str] | None = None, *more: Any, **given: Any) -> dict[str, Any]:
        conditions = [{name: value} for name, value in (fields or {}).items()]
        made: dict[str, Any] = client.generate_presigned_post(
            "forms", key, Fields=fields, Conditions=[*conditions, *more], **given
        )
        return made

    return post


def form(fields: dict[str, str], name: str, content: bytes | Iterator[bytes]) -> Iterator[bytes]:
    for field, value in fields.items():
        yield f'--edge\r\nContent-Disposition: form-data; name="{field}"\r\n\r\n{value}\r\n'.encode()
    yield f'--edge\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n'.encode()
    yield b"Content-Type: image/png\r\n\r\n"
    yield from [content] if isinstance(content, bytes) else content
    yield b"\r\n--edge--\r\n"


def send(
    post: dict[str, Any], content: bytes | Iterator[bytes] = b"bytes", name: str = "scan.png", **fields: str
) -> tuple[int, dict[str, str], bytes]:
    address = urllib.parse.urlsplit(post["url"])
    connection = http.client.HTTPConnection(address.netloc)
    pieces = form({**post["fields"], **fields}, name, content)
    body = b"".join(pieces) if isinstance(content, bytes) else pieces
    connection.request("POST", address.path, body, {"Content-Type": 'multipart/form-data; boundary="edge"'})
    answer = connection.getresponse()
    found = answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read()
    connection.close()
    return found


def refusal(answer: tuple[int, dict[str, str], bytes]) -> tuple[int, str, str]:
    root = ElementTree.fromstring(answer[2])
    return answer[0], root.findtext("Code", ""), root.findtext("Message", "")


def test_a_file_becomes_an_object(s3: Any, presign: Callable[..., dict[str, Any]]) -> None:
    fields = {"Content-Type": "image/png", "x-amz-meta-unit": "icu", "tagging": TAGGING}
    more = [["starts-with", "$x-amz-meta-unit", "i"], ["content-length-range", 1, 100]]
    post = presign("scans/${filename}", fields, *more)
    content = b"\r\n--edg\r\n\0" * 5
    status, headers, body = send(post, content, name="C:\\pictures\\ä b.png")
    assert (status, body) == (204, b"")
    assert headers["location"].endswith("/forms/scans/%C3%A4%20b.png")
    got = s3.get_object(Bucket="forms", Key="scans/ä b.png")
    assert got["Body"].read() == content
    assert (got["ETag"], got["ContentType"], got["Metadata"]) == (headers["etag"], "image/png", {"unit": "icu"})
    assert s3.get_object_tagging(Bucket="forms", Key="scans/ä b.png")["TagSet"] == [{"Key": "k", "Value": "v&w"}]


TAGGING = "<Tagging><TagSet><Tag><Key>k</Key><Value>v&amp;w</Value></Tag></TagSet></Tagging>"


def test_the_answer_that_the_form_asks_for(s3: Any, presign: Callable[..., dict[str, Any]]) -> None:
    for status in ("200", "201", "204", "999"):
        asked = {"success_action_status": status}
        post = presign("a", asked)
        code, headers, body = send(post)
        assert code == (204 if status == "999" else int(status))
        if status == "201":
            root = ElementTree.fromstring(body)
            assert [root.findtext(name) for name in ("Bucket", "Key", "ETag")] == ["forms", "a", headers["etag"]]
    asked = {"success_action_redirect": "https://hospital.example/done?x=1"}
    post = presign("a b", asked)
    code, headers, _ = send(post)
    assert code == 303
    target = urllib.parse.urlsplit(headers["location"])
    assert urllib.parse.parse_qs(target.query) == {
        "x": ["1"],
        "bucket": ["forms"],
        "key": ["a b"],
        "etag": [headers["etag"]],
    }


def test_what_the_policy_does_not_allow(s3: Any, presign: Callable[..., dict[str, Any]]) -> None:
    post = presign("only/this", None, ["content-length-range", 3, 10])
    assert refusal(send(post, key="other")) == (
        403,
        "AccessDenied",
        'Invalid according to Policy: Policy Condition failed: ["eq", "$key", "other"]'.replace("other", "only/this"),
    )
    assert refusal(send(post, acl="private"))[1:] == (
        "AccessDenied",
        "Invalid according to Policy: Extra input fields: acl",
    )
    assert refusal(send(post, b"x" * 11))[:2] == (400, "EntityTooLarge")
    assert refusal(send(post, b"xx"))[:2] == (400, "EntityTooSmall")
    other = {**post, "url": post["url"].replace("forms", "elsewhere")}
    s3.create_bucket(Bucket="elsewhere")
    assert refusal(send(other))[:2] == (403, "AccessDenied")
    expired = presign("only/this", ExpiresIn=-5)
    assert refusal(send(expired))[2] == "Invalid according to Policy: Policy expired."
    assert "Contents" not in s3.list_objects_v2(Bucket="forms", Prefix="only/")
    assert "Contents" not in s3.list_objects_v2(Bucket="elsewhere")


def test_a_policy_that_nobody_signed(s3: Any, presign: Callable[..., dict[str, Any]]) -> None:
    post = presign("a")
    wider = {"expiration": (datetime.now(UTC) + timedelta(hours=1)).isoformat(), "conditions": [{"bucket": "forms"}]}
    forged = base64.b64encode(json.dumps(wider).encode()).decode()
    assert refusal(send(post, policy=forged))[0] == 403
    fields = {"key": "a"}
    assert refusal(send({**post, "fields": fields})) == (403, "AccessDenied", "Access Denied")


def test_forms_that_are_none(s3: Any, presign: Callable[..., dict[str, Any]], studio: Studio) -> None:
    post = presign("a")
    keyless = {**post, "fields": {k: v for k, v in post["fields"].items() if k != "key"}}
    assert refusal(send(keyless))[:2] == (400, "InvalidArgument")
    assert refusal(send(post, **{"x-amz-meta-long": "x" * 30_000}))[:2] == (400, "MaxPostPreDataLengthExceeded")
    for body, code in [
        (b'--edge\r\nContent-Disposition: form-data; name="key"\r\n\r\na\r\n--edge--\r\n', "InvalidArgument"),
        (b"no form at all", "MalformedPOSTRequest"),
        (b"", "InvalidArgument"),
        (b"".join(form(post["fields"], "x", b"cut off"))[:-8], "MalformedPOSTRequest"),
    ]:
        connection = http.client.HTTPConnection(studio.url.removeprefix("http://"))
        connection.request("POST", "/forms", body, {"Content-Type": "multipart/form-data; boundary=edge"})
        answer = connection.getresponse()
        assert refusal((answer.status, {}, answer.read()))[:2] == (400, code)
        connection.close()
    assert "Contents" not in s3.list_objects_v2(Bucket="forms", Prefix="cut")


def test_a_form_cannot_ask_for_more_than_an_object(s3: Any, presign: Callable[..., dict[str, Any]]) -> None:
    """A field is no way to another operation, or to read what lies elsewhere."""
    s3.put_object(Bucket="forms", Key="secret", Body=b"secret")
    asked = {"x-amz-copy-source": "/forms/secret"}
    post = presign("copy", asked)
    assert send(post)[0] == 204
    assert s3.get_object(Bucket="forms", Key="copy")["Body"].read() == b"bytes"


def test_a_large_file_streams(s3: Any, presign: Callable[..., dict[str, Any]], studio: Studio) -> None:
    """200 MiB through a server that must not grow by a tenth of it."""
    status = Path(f"/proc/{studio._process.pid}/status")
    if not status.exists():
        pytest.skip("the system tells no peak of memory")

    def peak() -> int:
        return next(int(line.split()[1]) for line in status.read_text().splitlines() if line.startswith("VmHWM"))

    post = presign("big")
    send(post, iter([b"x" * MIB] * 8))
    before = peak()
    assert send(post, iter([b"x" * MIB] * 200))[0] == 204
    assert s3.head_object(Bucket="forms", Key="big")["ContentLength"] == 200 * MIB
    assert peak() - before < 20 * 1024  # KiB
