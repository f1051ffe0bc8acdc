"""Objects: put, get, head, delete; conditions, ranges, checksums, tags."""

from __future__ import annotations

import base64
import hashlib
import zlib
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

import pytest
from awscrt import checksums as crt

from clary.errors import NotServed, ServiceError
from clary.services.s3.objects import parse_range
from tests.unit.services.s3.conftest import Caller, body

AN_HOUR = timedelta(hours=1)


def b64(value: int, width: int) -> str:
    return base64.b64encode(value.to_bytes(width, "big")).decode()


def refused(call: Callable[..., Any], code: str, **request: Any) -> ServiceError:
    with pytest.raises(ServiceError) as caught:
        call(**request)
    assert caught.value.code == code
    return caught.value


def test_what_was_put_is_read(s3: Caller) -> None:
    put = s3.put_object(Bucket="ward", Key="a", Body=[b"one ", b"two"], Metadata={"Unit": "mg"}, ContentType="text/csv")
    got = s3.get_object(Bucket="ward", Key="a")
    assert body(got) == b"one two"
    assert put["ETag"] == got["ETag"] == f'"{hashlib.md5(b"one two").hexdigest()}"'
    assert (got["ContentType"], got["Metadata"], got["ContentLength"]) == ("text/csv", {"unit": "mg"}, 7)
    assert "_status" not in got
    head = s3.head_object(Bucket="ward", Key="a")
    assert head == {name: value for name, value in got.items() if name != "Body"}


def test_without_a_type_the_bytes_are_binary(s3: Caller) -> None:
    s3.put_object(Bucket="ward", Key="a")
    got = s3.get_object(Bucket="ward", Key="a")
    assert (body(got), got["ContentType"]) == (b"", "binary/octet-stream")


def test_headers_come_back_and_can_be_overridden(s3: Caller) -> None:
    until = datetime(2030, 1, 1, tzinfo=UTC)
    s3.put_object(Bucket="ward", Key="a", CacheControl="no-store", ContentEncoding="aws-chunked,gzip", Expires=until)
    got = s3.get_object(Bucket="ward", Key="a", ResponseCacheControl="private")
    assert (got["CacheControl"], got["ContentEncoding"], got["Expires"]) == ("private", "gzip", until)


@pytest.mark.parametrize(
    "key", ["../../etc/passwd", "/a", "//", "a//b", ".", "a/../b", "ä/日本/😀", "a b+c%2F", "x\ty", "dir/", "k" * 1024]
)
def test_any_key_is_a_key_and_no_path(s3: Caller, key: str) -> None:
    s3.put_object(Bucket="ward", Key="other", Body=b"other")
    s3.put_object(Bucket="ward", Key=key, Body=key.encode())
    assert s3.content(Bucket="ward", Key=key) == key.encode()
    assert s3.content(Bucket="ward", Key="other") == b"other"
    assert key in [item["Key"] for item in s3.list_objects_v2(Bucket="ward")["Contents"]]


def test_a_key_has_1024_bytes_at_most(s3: Caller) -> None:
    refused(s3.put_object, "KeyTooLongError", Bucket="ward", Key="ä" * 513, Body=b"")


def test_a_missing_bucket_or_key_is_named(s3: Caller) -> None:
    assert refused(s3.get_object, "NoSuchKey", Bucket="ward", Key="a/b").members == {"Key": "a/b"}
    for call in (s3.get_object, s3.put_object, s3.delete_object):
        error = refused(call, "NoSuchBucket", Bucket="nowhere", Key="a")
        assert (error.status, error.members) == (404, {"BucketName": "nowhere"})
    refused(s3.get_object, "InvalidBucketName", Bucket="No_Bucket", Key="a")


def test_an_overwritten_blob_goes(s3: Caller, blobs: Callable[[], int]) -> None:
    for content in (b"one", b"two"):
        s3.put_object(Bucket="ward", Key="a", Body=content)
    assert s3.content(Bucket="ward", Key="a") == b"two"
    assert blobs() == 1
    s3.delete_object(Bucket="ward", Key="a")
    s3.delete_object(Bucket="ward", Key="a")
    assert blobs() == 0


def test_a_broken_body_leaves_the_old_object(s3: Caller, blobs: Callable[[], int]) -> None:
    async def broken() -> AsyncIterator[bytes]:
        yield b"x" * 3_000_000
        raise ServiceError("cut off", code="IncompleteBody")

    s3.put_object(Bucket="ward", Key="a", Body=b"old")
    refused(s3.put_object, "IncompleteBody", Bucket="ward", Key="a", Body=broken())
    assert s3.content(Bucket="ward", Key="a") == b"old"
    assert blobs() == 1


def test_a_large_body_in_small_pieces(s3: Caller) -> None:
    pieces = [bytes([n % 251]) * 60_001 for n in range(100)]
    whole = b"".join(pieces)
    put = s3.put_object(Bucket="ward", Key="a", Body=pieces)
    assert s3.content(Bucket="ward", Key="a") == whole
    assert put["ChecksumCRC64NVME"] == b64(crt.crc64nvme(whole), 8)


class TestChecksums:
    DATA = b"123456789"
    VALUES: ClassVar = {
        "CRC32": b64(zlib.crc32(DATA), 4),
        "CRC32C": b64(0xE3069283, 4),  # the check value of the CRC catalogue
        "CRC64NVME": b64(0xAE8B14860A799888, 8),  # likewise
        "SHA1": base64.b64encode(hashlib.sha1(DATA).digest()).decode(),
        "SHA256": base64.b64encode(hashlib.sha256(DATA).digest()).decode(),
        "SHA512": base64.b64encode(hashlib.sha512(DATA).digest()).decode(),
        "MD5": base64.b64encode(hashlib.md5(DATA).digest()).decode(),
    }

    @pytest.mark.parametrize("algorithm", VALUES)
    @pytest.mark.parametrize("how", ["header", "trailer", "trailer without a promise"])
    def test_what_is_sent_is_checked_kept_and_shown(self, s3: Caller, algorithm: str, how: str) -> None:
        value = self.VALUES[algorithm]
        request: dict[str, Any] = {"Bucket": "ward", "Key": "a", "Body": [self.DATA]}
        if how == "header":
            request[f"Checksum{algorithm}"] = value
        else:
            request["_trailers"] = {f"x-amz-checksum-{algorithm.lower()}": value}
        if how == "trailer":
            request["ChecksumAlgorithm"] = algorithm
        shown = {f"Checksum{algorithm}": value, "ChecksumType": "FULL_OBJECT"}
        assert s3.put_object(**request).items() >= shown.items()
        assert s3.get_object(Bucket="ward", Key="a", ChecksumMode="ENABLED").items() >= shown.items()
        assert f"Checksum{algorithm}" not in s3.get_object(Bucket="ward", Key="a")
        part = s3.get_object(Bucket="ward", Key="a", ChecksumMode="ENABLED", Range="bytes=0-3")
        assert not any(name.startswith("Checksum") for name in part)

    @pytest.mark.parametrize("algorithm", VALUES)
    @pytest.mark.parametrize("how", ["header", "trailer", "trailer without a promise"])
    def test_a_wrong_one_is_refused(self, s3: Caller, blobs: Callable[[], int], algorithm: str, how: str) -> None:
        request: dict[str, Any] = {"Bucket": "ward", "Key": "a", "Body": [b"something else"]}
        if how == "header":
            request[f"Checksum{algorithm}"] = self.VALUES[algorithm]
        else:
            request["_trailers"] = {f"x-amz-checksum-{algorithm.lower()}": self.VALUES[algorithm]}
        if how == "trailer":
            request["ChecksumAlgorithm"] = algorithm
        error = refused(s3.put_object, "BadDigest", **request)
        assert error.message == f"The {algorithm} you specified did not match the calculated checksum."
        refused(s3.get_object, "NoSuchKey", Bucket="ward", Key="a")
        assert blobs() == 0

    def test_the_default_is_crc64nvme(self, s3: Caller) -> None:
        put = s3.put_object(Bucket="ward", Key="a", Body=self.DATA)
        assert put["ChecksumCRC64NVME"] == self.VALUES["CRC64NVME"]

    @pytest.mark.parametrize("value", ["", "AAAA", "!!!!", "ä", "AAAAAAAAAAA="])
    def test_an_unreadable_one_is_refused(self, s3: Caller, value: str) -> None:
        error = refused(s3.put_object, "InvalidRequest", Bucket="ward", Key="a", Body=b"", ChecksumCRC32=value)
        assert error.message == "Value for x-amz-checksum-crc32 header is invalid."

    def test_only_one_may_be_sent(self, s3: Caller) -> None:
        both = {"ChecksumCRC32": self.VALUES["CRC32"], "ChecksumSHA1": self.VALUES["SHA1"]}
        refused(s3.put_object, "InvalidRequest", Bucket="ward", Key="a", Body=self.DATA, **both)

    def test_a_promise_must_be_kept(self, s3: Caller) -> None:
        refused(s3.put_object, "InvalidRequest", Bucket="ward", Key="a", Body=self.DATA, ChecksumAlgorithm="CRC32")

    def test_content_md5(self, s3: Caller, blobs: Callable[[], int]) -> None:
        s3.put_object(Bucket="ward", Key="a", Body=self.DATA, ContentMD5=self.VALUES["MD5"])
        refused(s3.put_object, "BadDigest", Bucket="ward", Key="b", Body=b"x", ContentMD5=self.VALUES["MD5"])
        refused(s3.put_object, "InvalidDigest", Bucket="ward", Key="b", Body=b"x", ContentMD5="nonsense")
        assert blobs() == 1


class TestRanges:
    @pytest.mark.parametrize(
        ("asked", "span"),
        [
            ("bytes=0-0", (0, 1)),
            ("bytes=2-5", (2, 4)),
            ("bytes=5-", (5, 5)),
            ("bytes=-3", (7, 3)),
            ("bytes=-30", (0, 10)),
            ("bytes=8-100", (8, 2)),
            ("bytes=1-0", None),
            ("bytes=0-1,3-4", None),
            ("bytes=-", None),
            ("lines=1-2", None),
            ("bytes=a-b", None),
        ],
    )
    def test_parse(self, asked: str, span: tuple[int, int] | None) -> None:
        assert parse_range(asked, 10) == span

    def test_a_range_is_partial_content(self, s3: Caller) -> None:
        s3.put_object(Bucket="ward", Key="a", Body=b"0123456789")
        got = s3.get_object(Bucket="ward", Key="a", Range="bytes=-4")
        assert (body(got), got["_status"], got["ContentRange"]) == (b"6789", 206, "bytes 6-9/10")
        head = s3.head_object(Bucket="ward", Key="a", Range="bytes=2-3")
        assert (head["ContentLength"], head["_status"]) == (2, 206)

    @pytest.mark.parametrize("asked", ["bytes=10-", "bytes=10-12", "bytes=-0"])
    def test_beyond_the_end(self, s3: Caller, asked: str) -> None:
        s3.put_object(Bucket="ward", Key="a", Body=b"0123456789")
        error = refused(s3.get_object, "InvalidRange", Bucket="ward", Key="a", Range=asked)
        assert (error.status, error.members) == (416, {"RangeRequested": asked, "ActualObjectSize": "10"})


class TestConditions:
    @pytest.fixture
    def etag(self, s3: Caller) -> str:
        return str(s3.put_object(Bucket="ward", Key="a", Body=b"x")["ETag"])

    @pytest.fixture
    def modified(self, s3: Caller, etag: str) -> datetime:
        at: datetime = s3.head_object(Bucket="ward", Key="a")["LastModified"]
        return at

    def status(self, s3: Caller, **conditions: Any) -> int:
        try:
            return int(s3.get_object(Bucket="ward", Key="a", **conditions).get("_status", 200))
        except ServiceError as error:
            return error.status

    def test_by_etag(self, s3: Caller, etag: str) -> None:
        assert self.status(s3, IfMatch=etag) == 200
        assert self.status(s3, IfMatch=etag.strip('"')) == 200
        assert self.status(s3, IfMatch='"other", ' + etag) == 200
        assert self.status(s3, IfMatch="*") == 200
        assert self.status(s3, IfMatch='"other"') == 412
        assert self.status(s3, IfNoneMatch=etag) == 304
        assert self.status(s3, IfNoneMatch="*") == 304
        known = s3.get_object(Bucket="ward", Key="a", IfNoneMatch=etag)
        assert known.keys() == {"_status", "ETag", "LastModified"}
        assert self.status(s3, IfNoneMatch='"other"') == 200

    def test_by_time(self, s3: Caller, modified: datetime) -> None:
        assert self.status(s3, IfModifiedSince=modified) == 304
        assert self.status(s3, IfModifiedSince=modified - AN_HOUR) == 200
        assert self.status(s3, IfModifiedSince=modified + AN_HOUR) == 200  # yet to come: no condition
        assert self.status(s3, IfUnmodifiedSince=modified) == 200
        assert self.status(s3, IfUnmodifiedSince=modified - AN_HOUR) == 412

    def test_the_etag_silences_the_time(self, s3: Caller, etag: str, modified: datetime) -> None:
        assert self.status(s3, IfMatch=etag, IfUnmodifiedSince=modified - AN_HOUR) == 200
        assert self.status(s3, IfNoneMatch='"other"', IfModifiedSince=modified) == 200

    def test_put_only_if_absent(self, s3: Caller, etag: str, blobs: Callable[[], int]) -> None:
        error = refused(s3.put_object, "PreconditionFailed", Bucket="ward", Key="a", Body=b"y", IfNoneMatch="*")
        assert error.members == {"Condition": "If-None-Match"}
        assert blobs() == 1
        s3.put_object(Bucket="ward", Key="b", Body=b"y", IfNoneMatch="*")
        with pytest.raises(NotServed):
            s3.put_object(Bucket="ward", Key="b", Body=b"y", IfNoneMatch=etag)

    def test_put_only_over_what_was_read(self, s3: Caller, etag: str) -> None:
        new = s3.put_object(Bucket="ward", Key="a", Body=b"y", IfMatch=etag)["ETag"]
        refused(s3.put_object, "PreconditionFailed", Bucket="ward", Key="a", Body=b"z", IfMatch=etag)
        refused(s3.put_object, "NoSuchKey", Bucket="ward", Key="b", Body=b"z", IfMatch=etag)
        refused(s3.delete_object, "PreconditionFailed", Bucket="ward", Key="a", IfMatch=etag)
        s3.delete_object(Bucket="ward", Key="a", IfMatch=new)
        refused(s3.head_object, "NoSuchKey", Bucket="ward", Key="a")


def test_delete_objects(s3: Caller) -> None:
    for key in ("a", "b", "c"):
        s3.put_object(Bucket="ward", Key=key, Body=key.encode())
    wanted = [{"Key": "a"}, {"Key": "absent"}, {"Key": "b", "ETag": '"other"'}, {"Key": "c", "VersionId": "v1"}]
    answer = s3.delete_objects(Bucket="ward", Delete={"Objects": wanted})
    assert answer["Deleted"] == [{"Key": "a"}, {"Key": "absent"}]
    assert [(e["Key"], e["Code"]) for e in answer["Errors"]] == [("b", "PreconditionFailed"), ("c", "InvalidArgument")]
    quiet = s3.delete_objects(Bucket="ward", Delete={"Objects": [{"Key": "b"}, {"Key": "c"}], "Quiet": True})
    assert quiet == {"Deleted": [], "Errors": []}
    assert s3.list_objects_v2(Bucket="ward")["KeyCount"] == 0
    for malformed in ([{"Key": "a"}] * 1001, [], [{"ETag": "x"}]):
        refused(s3.delete_objects, "MalformedXML", Bucket="ward", Delete={"Objects": malformed})


def test_tags(s3: Caller) -> None:
    s3.put_object(Bucket="ward", Key="a", Body=b"x", Tagging="unit=icu&empty=&with%20space=1")
    assert s3.get_object(Bucket="ward", Key="a")["TagCount"] == 3
    tags = {"unit": "icu", "empty": "", "with space": "1"}
    assert {t["Key"]: t["Value"] for t in s3.get_object_tagging(Bucket="ward", Key="a")["TagSet"]} == tags
    s3.put_object_tagging(Bucket="ward", Key="a", Tagging={"TagSet": [{"Key": "k", "Value": "v"}]})
    assert s3.get_object_tagging(Bucket="ward", Key="a")["TagSet"] == [{"Key": "k", "Value": "v"}]
    s3.delete_object_tagging(Bucket="ward", Key="a")
    assert s3.get_object_tagging(Bucket="ward", Key="a")["TagSet"] == []
    assert s3.content(Bucket="ward", Key="a") == b"x"
    refused(s3.get_object_tagging, "NoSuchKey", Bucket="ward", Key="b")


@pytest.mark.parametrize(
    ("tags", "code"),
    [
        ([("k", "1"), ("k", "2")], "InvalidTag"),
        ([("k" * 129, "")], "InvalidTag"),
        ([("k", "v" * 257)], "InvalidTag"),
        ([("aws:k", "v")], "InvalidTag"),
        ([(str(n), "") for n in range(11)], "BadRequest"),
    ],
)
def test_tags_are_checked(s3: Caller, tags: list[tuple[str, str]], code: str) -> None:
    s3.put_object(Bucket="ward", Key="a", Body=b"x")
    tagging = {"TagSet": [{"Key": key, "Value": value} for key, value in tags]}
    refused(s3.put_object_tagging, code, Bucket="ward", Key="a", Tagging=tagging)


def test_metadata_has_a_limit(s3: Caller) -> None:
    refused(s3.put_object, "MetadataTooLarge", Bucket="ward", Key="a", Metadata={"k": "v" * 2048})


@pytest.mark.parametrize(
    "given",
    [
        {"ServerSideEncryption": "aws:kms:dsse"},
        {"ServerSideEncryption": "aws:kms", "SSEKMSEncryptionContext": "e30="},
        {"SSECustomerAlgorithm": "AES256"},
        {"StorageClass": "DEEP_ARCHIVE"},
        {"ObjectLockMode": "GOVERNANCE"},
        {"ChecksumXXHASH64": "AAAAAAAAAAA="},
    ],
)
def test_what_cannot_be_kept_is_not_promised(s3: Caller, given: dict[str, str]) -> None:
    with pytest.raises(NotServed):
        s3.put_object(Bucket="ward", Key="a", Body=b"x", **given)


def test_access_lists_are_the_owners(s3: Caller) -> None:
    s3.put_object(Bucket="ward", Key="a", Body=b"x", ACL="bucket-owner-full-control")
    refused(s3.put_object, "AccessControlListNotSupported", Bucket="ward", Key="a", Body=b"x", ACL="public-read")


def test_the_expected_owner(s3: Caller) -> None:
    s3.put_object(Bucket="ward", Key="a", Body=b"x", ExpectedBucketOwner="000000000000")
    assert refused(s3.head_object, "AccessDenied", Bucket="ward", Key="a", ExpectedBucketOwner="1" * 12).status == 403
    refused(s3.head_object, "InvalidBucketOwnerAWSAccountID", Bucket="ward", Key="a", ExpectedBucketOwner="me")


def test_a_version_other_than_null_is_unknown(s3: Caller) -> None:
    s3.put_object(Bucket="ward", Key="a", Body=b"x")
    assert s3.content(Bucket="ward", Key="a", VersionId="null") == b"x"
    refused(s3.get_object, "InvalidArgument", Bucket="ward", Key="a", VersionId="v1")


def test_attributes(s3: Caller) -> None:
    s3.put_object(Bucket="ward", Key="a", Body=b"123456789")
    got = s3.get_object_attributes(Bucket="ward", Key="a", ObjectAttributes=["ETag", "ObjectSize", "Checksum"])
    assert got["ETag"] == hashlib.md5(b"123456789").hexdigest()
    assert (got["ObjectSize"], got["Checksum"]["ChecksumType"]) == (9, "FULL_OBJECT")
    assert "StorageClass" not in got
