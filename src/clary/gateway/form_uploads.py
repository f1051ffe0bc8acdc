"""A browser's form upload to S3 (POST Object): the form in, the PutObject that it means out.

The fields that come before the file are read whole, the file streams on. What the policy says is checked before the first
of the file's bytes is taken, the size while they come. Source: S3's API reference, "POST Object" and "POST Policy".
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any
from urllib.parse import quote, urlencode
from xml.etree import ElementTree
from xml.sax.saxutils import escape

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.datastructures import Headers

from clary.clock import machine_now
from clary.errors import ServiceError
from clary.gateway import models, signature
from clary.gateway.http import HttpAnswer, HttpRequest
from clary.gateway.protocols import xml_values
from clary.gateway.signature import Claim, SignatureProblem

_FIELDS = 20 << 10  # bytes of all fields before the file: S3's limit
# Fields that a policy need not name.
_FREE = frozenset("awsaccesskeyid signature x-amz-signature policy file".split())


def is_upload(http: HttpRequest, path: str) -> bool:
    """Whether it is a form sent to a bucket; ``path`` is the raw path with the bucket in it."""
    content, bucket = http.headers.get("content-type", "").lower(), path.strip("/")
    is_form = http.method == "POST" and content.startswith("multipart/form-data")
    return is_form and bool(bucket) and "/" not in bucket and "authorization" not in http.headers


@dataclass(frozen=True)
class FormUpload:
    """``put`` is the PutObject that the form means, its stream the file; ``claim`` None if nobody signed the form."""

    bucket: str
    key: str
    fields: Mapping[str, str]  # names in lower case
    claim: Claim | None
    put: HttpRequest
    url: str  # of the bucket, as the client wrote it

    def answer(self, done: HttpAnswer) -> HttpAnswer:
        """What the form asked to be answered, for a PutObject that went well."""
        kept = {name: value for name, value in done.headers.items() if name.lower() != "content-type"}
        etag = done.headers.get("ETag", "")
        where = f"{self.url}/{quote(self.key)}"
        target = self.fields.get("success_action_redirect") or self.fields.get("redirect")
        if target and re.match(r"https?://[^\s]+$", target):
            added = urlencode({"bucket": self.bucket, "key": self.key, "etag": etag})
            return HttpAnswer(303, {**kept, "Location": f"{target}{'&' if '?' in target else '?'}{added}"})
        status = self.fields.get("success_action_status")
        kept["Location"] = where
        if status != "201":
            return HttpAnswer(200 if status == "200" else 204, kept)
        fields = {"Location": where, "Bucket": self.bucket, "Key": self.key, "ETag": etag}
        inner = "".join(f"<{name}>{escape(value)}</{name}>" for name, value in fields.items())
        text = f'<?xml version="1.0" encoding="UTF-8"?>\n<PostResponse>{inner}</PostResponse>'
        return HttpAnswer(201, {**kept, "Content-Type": "application/xml"}, text.encode())


async def read(http: HttpRequest, path: str, body: AsyncIterator[bytes]) -> FormUpload:
    """The form up to its file. ``ServiceError`` if it is none, lacks key or file, or its policy forbids it."""
    bucket = path.strip("/")
    reader = _Reader(http.headers.get("content-type", ""), body)
    fields = await reader.fields()
    if "key" not in fields:
        raise ServiceError(
            "Bucket POST must contain a field named 'key'.  If it is specified, please check the order of the fields.",
            code="InvalidArgument",
            ArgumentName="key",
            ArgumentValue="",
        )
    key = fields["key"] = fields["key"].replace("${filename}", reader.filename)
    claim = _claim(fields)
    low, high = (0, None) if claim is None else _check_policy(fields, bucket, machine_now())
    headers = {name: value for name, value in fields.items() if name in _headers() or name.startswith("x-amz-meta-")}
    if "acl" in fields:
        headers["x-amz-acl"] = fields["acl"]
    if "tagging" in fields:
        headers["x-amz-tagging"] = _tagging(fields["tagging"])
    put = HttpRequest(
        method="PUT",
        path=f"/{bucket}/{quote(key, safe='')}",
        query="",
        headers=Headers(raw=[(name.encode(), value.encode()) for name, value in headers.items()]),
        stream=_sized(reader.file(), low, high),
    )
    host = http.headers.get("host", "")
    scheme = "https" if host.endswith("amazonaws.com") else "http"  # the tunnel's names are reached by TLS alone
    url = f"{scheme}://{host}" if path != http.path else f"{scheme}://{host}/{bucket}"
    return FormUpload(bucket, key, fields, claim, put, url)


@cache
def _headers() -> frozenset[str]:
    """The headers of a PutObject that a form may set by a field of the same name."""
    shape = models.service("s3").operation_model("PutObject").input_shape
    members = (member.serialization for member in shape.members.values())
    return frozenset(m["name"].lower() for m in members if m.get("location") == "header") - {"content-length"}


class _Reader:
    """Takes a multipart body apart as it comes."""

    def __init__(self, content_type: str, body: AsyncIterator[bytes]) -> None:
        self.filename = ""
        self._body = aiter(body)
        _, options = parse_options_header(content_type)
        self._fields: dict[str, str] = {}
        self._headers: dict[str, str] = {}
        self._header, self._value = b"", b""
        self._name = ""
        self._text = bytearray()
        self._pieces: list[bytes] = []
        self._files, self._size = 0, 0
        self._in_file, self._ended = False, False
        try:
            self._parser = MultipartParser(
                options[b"boundary"],
                {
                    "on_part_begin": self._begin,
                    "on_header_field": self._add_header,
                    "on_header_value": self._add_value,
                    "on_header_end": self._end_header,
                    "on_headers_finished": self._name_part,
                    "on_part_data": self._add_data,
                    "on_part_end": self._end_part,
                    "on_end": self._end,
                },
            )
        except (KeyError, FormParserError):
            raise _malformed() from None

    async def fields(self) -> dict[str, str]:
        """All fields before the file, by their names in lower case."""
        while not self._files:
            if not await self._feed():
                raise ServiceError(
                    "POST requires exactly one file upload per request.",
                    code="InvalidArgument",
                    ArgumentName="file",
                    ArgumentValue="0",
                )
            if self._size > _FIELDS:
                raise ServiceError(
                    "Your POST request fields preceding the upload file was too large.",
                    code="MaxPostPreDataLengthExceeded",
                    MaxPostPreDataLengthBytes=str(_FIELDS),
                )
        return self._fields

    async def file(self) -> AsyncIterator[bytes]:
        while True:
            pieces, self._pieces = self._pieces, []
            for piece in pieces:
                yield piece
            if not await self._feed():
                break
        if not self._ended:
            raise _malformed()
        for piece in self._pieces:
            yield piece

    async def _feed(self) -> bool:
        piece = await anext(self._body, None)
        if piece is None:
            return False
        try:
            self._parser.write(piece)
        except FormParserError:
            raise _malformed() from None
        return True

    def _begin(self) -> None:
        self._headers, self._name, self._in_file = {}, "", False
        self._text.clear()

    def _add_header(self, data: bytes, start: int, end: int) -> None:
        self._header += data[start:end]

    def _add_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _end_header(self) -> None:
        self._size += len(self._header) + len(self._value)
        self._headers[self._header.decode("latin-1").lower()] = self._value.decode("latin-1")
        self._header, self._value = b"", b""

    def _name_part(self) -> None:
        _, options = parse_options_header(self._headers.get("content-disposition", ""))
        self._name = options.get(b"name", b"").decode("utf-8", "replace").lower()
        if self._name == "file" and not self._files:
            self._files, self._in_file = 1, True
            name = options.get(b"filename", b"").decode("utf-8", "replace")
            self.filename = name.replace("\\", "/").rpartition("/")[2]

    def _add_data(self, data: bytes, start: int, end: int) -> None:
        if self._in_file:
            self._pieces.append(data[start:end])
        elif not self._files:  # what comes behind the file is let go by
            self._text += data[start:end]
            self._size += end - start

    def _end_part(self) -> None:
        if not self._files:
            self._fields[self._name] = self._text.decode("utf-8", "replace")

    def _end(self) -> None:
        self._ended = True


async def _sized(file: AsyncIterator[bytes], low: int, high: int | None) -> AsyncIterator[bytes]:
    """The file as it is; an error once it is larger than ``high`` bytes, or at its end if smaller than ``low``."""
    size = 0
    async for piece in file:
        size += len(piece)
        if high is not None and size > high:
            raise ServiceError(
                "Your proposed upload exceeds the maximum allowed size",
                code="EntityTooLarge",
                ProposedSize=str(size),
                MaxSizeAllowed=str(high),
            )
        yield piece
    if size < low:
        raise ServiceError(
            "Your proposed upload is smaller than the minimum allowed size",
            code="EntityTooSmall",
            ProposedSize=str(size),
            MinSizeAllowed=str(low),
        )


def _claim(fields: Mapping[str, str]) -> Claim | None:
    """Who signed the policy; ``SignatureProblem`` if that cannot be read."""
    policy = fields.get("policy")
    if policy is None:
        return None
    if "x-amz-signature" in fields:
        lacking = [n for n in ("x-amz-algorithm", "x-amz-credential", "x-amz-date") if n not in fields]
        if lacking or fields["x-amz-algorithm"] != signature.ALGORITHM:
            raise SignatureProblem(
                "malformed", f"A form signed by version 4 needs {', '.join(lacking) or signature.ALGORITHM}"
            )
        access_key, date, region, service = signature.credential(fields["x-amz-credential"])
        if service != "s3":
            raise SignatureProblem("malformed", f"The credential is of the service {service!r}; a form needs one of s3")
        return Claim(
            version=4,
            access_key=access_key,
            signature=fields["x-amz-signature"],
            presigned=True,
            date=date,
            region=region,
            service=service,
            time=fields["x-amz-date"],
            token=fields.get("x-amz-security-token", ""),
            policy=policy,
        )
    if not {"awsaccesskeyid", "signature"} <= fields.keys():
        raise SignatureProblem("malformed", "A form with a policy needs AWSAccessKeyId and signature")
    return Claim(
        version=2,
        access_key=fields["awsaccesskeyid"],
        signature=fields["signature"],
        presigned=True,
        service="s3",
        token=fields.get("x-amz-security-token", ""),
        policy=policy,
    )


def _check_policy(fields: Mapping[str, str], bucket: str, now: datetime) -> tuple[int, int | None]:
    """The sizes that the policy allows; ``ServiceError`` if it allows not this form."""
    try:
        policy = json.loads(base64.b64decode(fields["policy"], validate=True))
        ends, conditions = datetime.fromisoformat(policy["expiration"]), list(policy["conditions"])
    except (binascii.Error, ValueError, KeyError, TypeError, RecursionError) as error:
        raise _bad_policy(f"Invalid JSON: {error}") from None
    if ends.tzinfo is None or ends <= now:
        raise _forbidden("Policy expired.")
    values = {**fields, "bucket": bucket}
    named, low, high = {*_FREE, "bucket"}, 0, None
    for condition in conditions:
        for kind, name, value in _flat(condition):
            if kind == "content-length-range":
                low, high = int(name), int(value)
                continue
            field = str(name).removeprefix("$").lower()
            named.add(field)
            given = values.get(field, "")
            if given != value if kind == "eq" else not given.startswith(value):
                raise _forbidden(f"Policy Condition failed: {json.dumps([kind, f'${field}', value])}")
    extra = [name for name in fields if name not in named and not name.startswith("x-ignore-")]
    if extra:
        raise _forbidden(f"Extra input fields: {', '.join(extra)}")
    return low, high


def _flat(condition: Any) -> list[tuple[str, Any, Any]]:
    """(kind, name, value) of a condition, in any of the forms that a policy writes them."""
    match condition:
        case dict():
            if all(isinstance(value, str) for value in condition.values()):
                return [("eq", name, value) for name, value in condition.items()]
        case [str(kind), name, value]:
            kind = kind.lower()
            if kind == "content-length-range" and all(re.fullmatch("[0-9]{1,18}", str(size)) for size in (name, value)):
                return [(kind, name, value)]
            if kind in {"eq", "starts-with"} and isinstance(name, str) and name[:1] == "$" and isinstance(value, str):
                return [(kind, name, value)]
    raise _bad_policy(f"Invalid Condition: {json.dumps(condition)[:200]}")


def _tagging(document: str) -> str:
    """The field's XML as the header writes tags."""
    root = xml_values.load(document.encode())
    space = "{*}"
    tags = [(tag.findtext(f"{space}Key", ""), tag.findtext(f"{space}Value", "")) for tag in root.iter() if _is_tag(tag)]
    return urlencode(tags)


def _is_tag(node: ElementTree.Element) -> bool:
    return node.tag.rpartition("}")[2] == "Tag"


def _forbidden(why: str) -> ServiceError:
    return ServiceError(f"Invalid according to Policy: {why}", code="AccessDenied", status=403)


def _bad_policy(why: str) -> ServiceError:
    return ServiceError(f"Invalid Policy: {why}", code="InvalidPolicyDocument")


def _malformed() -> ServiceError:
    return ServiceError(
        "The body of your POST request is not well-formed multipart/form-data.", code="MalformedPOSTRequest"
    )
