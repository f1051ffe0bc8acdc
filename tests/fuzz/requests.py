"""Strategies for requests that are almost right: a valid one of an operation's model, then something in it spoilt."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import quote

from botocore.model import OperationModel, StringShape
from hypothesis import strategies as st

from clary.gateway import java_patterns, models
from tests import jobs
from tests.contracts.protocol import Values
from tests.unit.gateway.test_round_trips import http_request, request_values


@dataclass(frozen=True)
class Request:
    """``path`` and ``query`` as on the wire."""

    service: str
    method: str
    path: str
    query: str
    headers: dict[str, str]
    body: bytes

    @property
    def target(self) -> str:
        return f"{self.path}?{self.query}" if self.query else self.path


TEXTS = (
    *("", " ", "\0", "a\0b", "\x01\x1f", "é", "\u202e", "\ufffe", "𝕏" * 20, "a" * 5000, "-" * 63, "../../etc/passwd"),
    *("__proto__", "constructor", "None", "null", "true", "NaN", "Infinity", "-1", "0", "1e999", "9" * 25, "9" * 5000),
    *("²", "１２", "1_0", "0x10", "+5", "2024-99-99", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"),
    *("253402300800", "-62135596801", "1e300", "%", "%zz", "%ff%fe", "%00", "'; DROP TABLE records;--", "*", "]]>&<"),
    *(
        "bytes=0-",
        "bytes=-" + "9" * 5000,
        "bytes=" + "9" * 30 + "-",
        "bytes=2-1",
        "=",
        "=" * 7,
        "YQ==",
        "bnVsbA==",
        "W10=",
    ),
    *("NQ==", "W251bGxd", "eyJhIjoxfQ==", "W1tdXQ==", "arn:aws:sagemaker:us-east-1:000000000000:model/x", "arn:::::"),
    *(
        "s3://",
        "s3:///",
        "s3://b",
        "s3://jobs/\0",
        "[" * 3000,
        '{"a":' * 3000,
        "(a+)+$",
        "%(%",
        "%[%",
        "a\r\nX-Injected: 1",
    ),
    *("text/plain; charset=é", '"', "W/", 'W/"x"', "Thu, 99 Foo 2024", "Thu, 01 Jan 1970 00:00:00 GMT", "x" * 1025),
)
JSON_TOKENS = (
    *(
        b"NaN",
        b"Infinity",
        b"-Infinity",
        b"1e999",
        b"-1",
        b"0",
        b"9" * 25,
        b"-" + b"9" * 25,
        b"9" * 5000,
        b"1.5",
        b"1e300",
    ),
    *(
        b'"\\ud800"',
        b'"\\udc00\\ud800"',
        b'"\xff\xfe"',
        b'"\\u0000"',
        b"{}",
        b"[]",
        b"null",
        b"true",
        b"[null]",
        b"[{}]",
    ),
    *(
        b"[[[]]]",
        b"[" * 100_000,
        b'{"a":' * 50_000,
        b"[" * 400 + b"]" * 400,
        b'{"__proto__":{"a":1}}',
        b'{"a":1,"a":[2]}',
    ),
    *(
        b'{"\\ud800":1}',
        b'{"":""}',
        b"[" + b"1," * 2000 + b"1]",
        b"[" + b'"a",' * 20_000 + b'"a"]',
        b"",
        b"'x'",
        b"tru",
    ),
    *(
        b"253402300800",
        b"-62135596801",
        b"2147483648",
        b"9223372036854775808",
        b"-9223372036854775809",
        b"0.1e1",
        b"01",
    ),
)
XML_BODIES = (
    *(
        b"",
        b"<",
        b"<a/>",
        b"<a>" * 50_000,
        b"\0",
        b"\xff\xfe<\0a\0/\0>\0",
        b"<a>\xff</a>",
        b"<?xml version='1.0' encoding='x'?><a/>",
    ),
    *(
        b"<?xml version='1.0' encoding='utf-7'?><a/>",
        b"<?xml version='1.0' encoding='big5'?><a/>",
        b"<a" + b" b='1'" * 2000 + b"/>",
    ),
    b"<!DOCTYPE a [<!ENTITY b 'c'><!ENTITY d '&b;&b;'>]><a>&d;</a>",
    b"<!DOCTYPE a SYSTEM 'file:///etc/passwd'><a/>",
    "<?xml version='1.0' encoding='utf-16'?><!DOCTYPE a [<!ENTITY b 'ccc'>]><a>&b;</a>".encode("utf-16"),
    b"<Delete><Object/><Object><Key>a</Key></Object></Delete>",
    b"<Tagging><TagSet><Tag/></TagSet></Tagging>",
    b"<CompleteMultipartUpload><Part><PartNumber>x</PartNumber></Part></CompleteMultipartUpload>",
)
FORMS = (
    *(
        b"Tags.member.99999999999999.Key=a",
        b"Tags.member.1=a",
        b"Tags.member.1.Key.x=1",
        b"Tags.member.=1",
        b"Tags=&Tags.member.1.Key",
    ),
    *(
        b"%ff=%fe&=&&=&%",
        b"\0=\0",
        b"Tags.member.01.Key=a",
        b"a" * 70_000,
        b"Action=&Version=",
        b"Action=GetRole&Action=ListRoles",
    ),
    b"&".join(b"Tags.member.%d.Key=a&Tags.member.%d.Value=b" % (n, n) for n in range(1, 3000)),
    b"DurationSeconds=99999999999999999999999",
    b"DurationSeconds=" + b"9" * 5000,
    b"MaxItems=NaN&Marker=%ff",
    b"PolicyDocument=" + b"%5B" * 3000,
    b"PolicyDocument=%22%5Cud800%22",
)
CBOR_TOKENS = (
    *(
        b"\xa0",
        b"\xbf",
        b"\xff",
        b"\x80",
        b"\x9f",
        b"\xf7",
        b"\xf6",
        b"\x1b" + b"\xff" * 8,
        b"\x3b" + b"\xff" * 8,
        b"\x81" * 5000,
    ),
    *(
        b"\xfb\x7f\xf8" + bytes(6),
        b"\xf9\x7c\x00",
        b"\x62\xff\xfe",
        b"\x7f\x61",
        b"\xc1\xfb\x7f\xf0" + bytes(6),
        b"\xc2\x58\xff" + b"\xff" * 255,
    ),
    *(
        b"\xc1\x63abc",
        b"\x5b" + b"\xff" * 8,
        b"\x9b" + b"\x0f" * 8,
        b"\xbb" + b"\x0f" * 8,
        b"\xa1\x01\x02",
        b"\xd8\x1c\x81\xd8\x1d\x00",
        b"\xf8\x18",
    ),
    *(
        b"\xc4\x82\x1b" + b"\x7f" * 8 + b"\x01",
        b"\xc5\x82\x1b" + b"\x7f" * 8 + b"\x01",
        b"\xd8\x25\x41a",
        b"\xd8\x23\x61(",
        b"\xd9\x01\x02\x81\xa0",
    ),
)
FITTING = (
    *(
        "fuzz",
        "fuzz-1",
        "a",
        "1",
        "0.5",
        "1.0.0",
        "s3://nowhere/a",
        "s3://jobs/a/",
        "https://example.com/a",
        "jobs",
        "text/csv",
    ),
    *(
        "arn:aws:sagemaker:us-east-1:000000000000:model/fuzz",
        "arn:aws:sagemaker:us-east-1:000000000000:experiment/fuzz",
        jobs.ROLE,
    ),
    *(
        "arn:aws:iam::000000000000:policy/fuzz",
        "arn:aws:s3:::jobs",
        "000000000000",
        "d-abcdefghijkl",
        "/aws/fuzz",
        "AWS/Fuzz",
        "P1D",
    ),
    *(
        "arn:aws:kms:us-east-1:000000000000:key/fuzz",
        "subnet-12345678",
        "sg-12345678",
        "us-east-1a",
        "2026-11-25T00:00:00Z",
        "{}",
    ),
    *(
        "123456789012.dkr.ecr.us-east-1.amazonaws.com/none:1",
        "fuzz@example.com",
        "a" * 32,
        "/",
        "[]",
        "AAAAAAAAAAAAAAAAAAAA",
    ),
)
STARTING = ("CreateTrainingJob", "CreateAutoMLJob", "CreateAutoMLJobV2")
"""Operations whose valid requests would start programs."""
KNOWN = {
    "Bucket": "jobs",
    "RoleArn": jobs.ROLE,
    "ExecutionRoleArn": jobs.ROLE,
    "RoleName": "ClaryExecutionRole",
    "logGroupName": "/aws/fuzz",
    "logStreamName": "fuzz",
    "ModelName": "fuzz",
}
"""Names that are there, so that some requests come further than the look-up."""


@st.composite
def requests(draw: st.DrawFn, operations: list[tuple[str, str, str]]) -> Request:
    """One request of one of (service, protocol, operation), with up to two things wrong in it."""
    service, protocol, name = draw(st.sampled_from(operations))
    request = valid(service, protocol, name, draw(st.integers(0, 10_000)))
    body = _JSON if "json" in protocol else _XML if "xml" in protocol else _FORM if protocol == "query" else _CBOR
    kinds = [_headers, _query, _path, _bytes, body]
    for kind in draw(st.lists(st.sampled_from([*kinds, kinds[-1], kinds[-1]]), min_size=0, max_size=2)):
        request = kind(draw, request)
    return request


class Fitting(Values):
    """Values whose texts match their patterns too, so that requests come through validation to what serves them."""

    def _string(self, shape: StringShape) -> str:
        pattern, low, high = (
            shape.metadata.get("pattern"),
            shape.metadata.get("min", 0),
            shape.metadata.get("max", 1 << 30),
        )
        if shape.enum or not pattern:
            return super()._string(shape)
        texts = [t for t in FITTING if low <= len(t) <= high and java_patterns.matches(pattern, t)]
        return self._random.choice(texts) if texts else super()._string(shape)


def valid(service: str, protocol: str, name: str, seed: int) -> Request:
    model: OperationModel = models.service(service).operation_model(name)
    wanted = request_values(model, (Values if name in STARTING else Fitting)(seed).make)
    members = model.input_shape.members if model.input_shape else {}
    wanted |= {member: KNOWN[member] for member in wanted if member in KNOWN and members[member].type_name == "string"}
    http = http_request(model, protocol, wanted)
    headers = {key.title(): value for key, value in http.headers.items() if key not in {"host", "content-length"}}
    headers = {key: value.encode().decode("latin-1") for key, value in headers.items()}
    return Request(models.service(service).signing_name, http.method, http.path, http.query, headers, http.body)


def _text(draw: st.DrawFn) -> str:
    return draw(st.one_of(st.sampled_from(TEXTS), st.text(max_size=20)))


def _headers(draw: st.DrawFn, request: Request) -> Request:
    names = [*request.headers, "Range", "If-Match", "If-Modified-Since", "X-Amz-Checksum-Crc32", "X-Amz-Copy-Source"]
    names += [
        "Content-Md5",
        "X-Amz-Tagging",
        "X-Amz-Meta-A",
        "Content-Encoding",
        "Accept",
        "X-Amz-Decoded-Content-Length",
    ]
    names += [
        "Content-Type",
        "X-Amz-Trailer",
        "X-Amzn-Query-Mode",
        "Expires",
        "User-Agent",
    ]
    value = "".join(c for c in _text(draw) if c >= " " and c != "\x7f").encode().decode("latin-1").strip()
    return replace(request, headers={**request.headers, draw(st.sampled_from(names)): value[:4000]})


def _query(draw: st.DrawFn, request: Request) -> Request:
    pairs = [item for item in request.query.split("&") if item]
    names = [pair.partition("=")[0] for pair in pairs]
    names += [
        "max-keys",
        "partNumber",
        "uploadId",
        "versionId",
        "continuation-token",
        "prefix",
        "delimiter",
        "Action",
        "Version",
    ]
    names += [
        "response-content-type",
        "response-expires",
        "encoding-type",
        "list-type",
        "X-Amz-Expires",
        "marker",
        "uploads",
    ]
    text = _text(draw)
    value = (
        text
        if draw(st.booleans()) and text.isascii() and text.isprintable() and " " not in text
        else quote(text, safe="")
    )
    spoilt = f"{draw(st.sampled_from(names))}={value}".replace("#", "")
    at = draw(st.integers(0, len(pairs)))
    return replace(request, query="&".join([*pairs[:at], spoilt, *pairs[at + draw(st.integers(0, 1)) :]]))


def _path(draw: st.DrawFn, request: Request) -> Request:
    segments = request.path.split("/")
    at = draw(st.integers(1, len(segments) - 1)) if len(segments) > 1 else 0
    segments[at] = quote(_text(draw), safe=draw(st.sampled_from(["", "%", "/.%"])))
    return replace(request, path="/" + "/".join(segments).lstrip("/"))


def _bytes(draw: st.DrawFn, request: Request) -> Request:
    body = request.body
    at = draw(st.integers(0, len(body)))
    spoilt = draw(st.sampled_from([b"", b"\0", b"\xff", b'"', b"{", b"<", b"&", b"%", body[:200]]))
    return replace(request, body=body[:at] + spoilt + body[at + draw(st.integers(0, 3)) :])


def _JSON(draw: st.DrawFn, request: Request) -> Request:
    """A value somewhere in the document becomes another one."""
    try:
        document = json.loads(request.body or b"{}")
    except (ValueError, RecursionError):
        return replace(request, body=draw(st.sampled_from(JSON_TOKENS)))
    hole, places = "@hole@", list(_places(document))
    if not places or draw(st.integers(0, 9)) == 0:
        return replace(request, body=draw(st.sampled_from(JSON_TOKENS)))
    parent, key = draw(st.sampled_from(places))
    parent[key] = hole
    token = draw(st.one_of(st.sampled_from(JSON_TOKENS), st.sampled_from(TEXTS).map(lambda t: json.dumps(t).encode())))
    return replace(request, body=json.dumps(document).encode().replace(b'"@hole@"', token, 1))


def _places(value: Any) -> list[tuple[Any, Any]]:
    keys = list(value) if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    return [(value, key) for key in keys] + [place for key in keys for place in _places(value[key])]


def _XML(draw: st.DrawFn, request: Request) -> Request:
    body = request.body
    if b">" not in body or draw(st.integers(0, 3)) == 0:
        return replace(request, body=draw(st.sampled_from(XML_BODIES)))
    ends = [n for n in range(len(body)) if body[n : n + 1] == b">"]
    at = draw(st.sampled_from(ends)) + 1
    end = body.find(b"<", at)
    text = draw(st.sampled_from(TEXTS)).replace("&", "&amp;").replace("<", "&lt;").encode()
    return replace(request, body=body[:at] + text + body[end if end > 0 else at :])


def _FORM(draw: st.DrawFn, request: Request) -> Request:
    pairs = request.body.split(b"&")
    if draw(st.booleans()):
        return replace(request, body=request.body + b"&" + draw(st.sampled_from(FORMS)))
    at = draw(st.integers(0, len(pairs) - 1))
    pairs[at] = pairs[at].partition(b"=")[0] + b"=" + quote(draw(st.sampled_from(TEXTS)), safe="").encode()
    return replace(request, body=b"&".join(pairs))


def _CBOR(draw: st.DrawFn, request: Request) -> Request:
    body, token = request.body, draw(st.sampled_from(CBOR_TOKENS))
    if draw(st.integers(0, 3)) == 0:
        return replace(request, body=token)
    at = draw(st.integers(0, len(body)))
    return replace(request, body=body[:at] + token + body[at + draw(st.integers(0, 3)) :])
