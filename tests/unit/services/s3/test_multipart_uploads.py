"""Multipart uploads: parts in any order, completion, checksums over parts, listings."""

from __future__ import annotations

import base64
import hashlib
import zlib
from collections.abc import Callable
from typing import Any

import pytest
from awscrt import checksums as crt

from clary.errors import ServiceError
from clary.objects.files import FileObjects
from tests.unit.services.s3.conftest import Caller, body
from tests.unit.services.s3.test_objects import b64, refused

MIB = 1 << 20
ONE, TWO, THREE = b"1" * (5 * MIB), b"2" * (6 * MIB), b"3" * 1000


class Uploading:
    def __init__(self, s3: Caller, key: str = "big", **request: Any) -> None:
        self.s3, self.at = s3, {"Bucket": "ward", "Key": key}
        self.begun = s3.create_multipart_upload(**self.at, **request)
        self.at["UploadId"] = self.begun["UploadId"]
        self.parts: dict[int, dict[str, Any]] = {}

    def put(self, number: int, data: bytes, **request: Any) -> dict[str, Any]:
        answer: dict[str, Any] = self.s3.upload_part(**self.at, PartNumber=number, Body=data, **request)
        self.parts[number] = {"PartNumber": number, **answer}
        return answer

    def complete(self, numbers: list[int] | None = None, **request: Any) -> dict[str, Any]:
        parts = [self.parts[n] for n in (sorted(self.parts) if numbers is None else numbers)]
        answer: dict[str, Any] = self.s3.complete_multipart_upload(
            **self.at, MultipartUpload={"Parts": parts}, **request
        )
        return answer


def test_parts_in_any_order_become_one_object(s3: Caller, blobs: Callable[[], int]) -> None:
    upload = Uploading(s3, ContentType="text/csv", Metadata={"unit": "mg"}, Tagging="k=v", CacheControl="no-store")
    upload.put(7, THREE)
    upload.put(2, b"replaced")
    upload.put(2, TWO)
    upload.put(1, ONE)
    refused(s3.head_object, "NoSuchKey", Bucket="ward", Key="big")
    done = upload.complete()
    md5s = b"".join(hashlib.md5(part).digest() for part in (ONE, TWO, THREE))
    etag = f'"{hashlib.md5(md5s).hexdigest()}-3"'
    assert (done["ETag"], done["Location"]) == (etag, "http://127.0.0.1:8780/ward/big")
    got = s3.get_object(Bucket="ward", Key="big", ChecksumMode="ENABLED")
    assert body(got) == ONE + TWO + THREE
    assert (got["ETag"], got["ContentType"], got["Metadata"]) == (etag, "text/csv", {"unit": "mg"})
    assert (got["CacheControl"], got["TagCount"]) == ("no-store", 1)
    assert got["ChecksumCRC64NVME"] == b64(crt.crc64nvme(ONE + TWO + THREE), 8)
    assert blobs() == 1
    refused(s3.list_parts, "NoSuchUpload", **upload.at)


def test_one_part_of_its_object(s3: Caller) -> None:
    upload = Uploading(s3)
    upload.put(1, ONE)
    upload.put(4, THREE)
    upload.complete()
    got = s3.get_object(Bucket="ward", Key="big", PartNumber=4)
    assert (body(got), got["_status"], got["PartsCount"]) == (THREE, 206, 2)
    assert got["ContentRange"] == f"bytes {5 * MIB}-{5 * MIB + 999}/{5 * MIB + 1000}"
    assert refused(s3.get_object, "InvalidPartNumber", Bucket="ward", Key="big", PartNumber=2).status == 416
    refused(s3.get_object, "InvalidRequest", Bucket="ward", Key="big", PartNumber=1, Range="bytes=0-1")


def test_a_single_small_part(s3: Caller, blobs: Callable[[], int]) -> None:
    upload = Uploading(s3)
    upload.put(1, b"bytes")
    upload.complete()
    assert s3.content(Bucket="ward", Key="big") == b"bytes"
    assert blobs() == 1
    s3.delete_object(Bucket="ward", Key="big")
    assert blobs() == 0


def test_complete_may_be_repeated(s3: Caller) -> None:
    upload = Uploading(s3)
    upload.put(1, b"bytes")
    assert upload.complete() == upload.complete()
    s3.put_object(Bucket="ward", Key="big", Body=b"newer")
    refused(upload.complete, "NoSuchUpload")
    assert s3.content(Bucket="ward", Key="big") == b"newer"


def test_abort(s3: Caller, blobs: Callable[[], int]) -> None:
    upload = Uploading(s3)
    upload.put(1, b"bytes")
    s3.abort_multipart_upload(**upload.at)
    assert blobs() == 0
    refused(s3.abort_multipart_upload, "NoSuchUpload", **upload.at)
    refused(upload.put, "NoSuchUpload", number=2, data=b"late")
    refused(upload.complete, "NoSuchUpload")
    assert blobs() == 0


class TestWhatCompleteRefuses:
    @pytest.fixture
    def upload(self, s3: Caller) -> Uploading:
        upload = Uploading(s3)
        upload.put(1, b"small")
        upload.put(2, b"last")
        return upload

    def test_no_parts(self, upload: Uploading) -> None:
        refused(upload.complete, "MalformedXML", numbers=[])

    def test_wrong_order(self, upload: Uploading) -> None:
        refused(upload.complete, "InvalidPartOrder", numbers=[2, 1])
        refused(upload.complete, "InvalidPartOrder", numbers=[1, 1])

    def test_unknown_part(self, upload: Uploading) -> None:
        upload.parts[3] = {"PartNumber": 3, "ETag": upload.parts[1]["ETag"]}
        assert refused(upload.complete, "InvalidPart", numbers=[3]).members["PartNumber"] == "3"

    def test_another_etag(self, upload: Uploading) -> None:
        upload.parts[1]["ETag"] = upload.parts[2]["ETag"]
        refused(upload.complete, "InvalidPart", numbers=[1])

    def test_small_parts_before_the_last(self, upload: Uploading) -> None:
        error = refused(upload.complete, "EntityTooSmall")
        assert error.members.items() >= {"ProposedSize": "5", "MinSizeAllowed": "5242880", "PartNumber": "1"}.items()

    def test_a_size_that_is_off(self, upload: Uploading) -> None:
        refused(upload.complete, "InvalidRequest", numbers=[2], MpuObjectSize=5)
        upload.complete(numbers=[2], MpuObjectSize=4)

    def test_an_object_that_is_there(self, upload: Uploading, s3: Caller) -> None:
        etag = s3.put_object(Bucket="ward", Key="big", Body=b"x")["ETag"]
        refused(upload.complete, "PreconditionFailed", numbers=[2], IfNoneMatch="*")
        upload.complete(numbers=[2], IfMatch=etag)


def test_part_numbers(s3: Caller) -> None:
    upload = Uploading(s3)
    for number in (0, 10_001):
        refused(upload.put, "InvalidArgument", number=number, data=b"")
    upload.put(10_000, b"x")
    upload.complete()


class TestChecksums:
    def test_composite(self, s3: Caller) -> None:
        upload = Uploading(s3, ChecksumAlgorithm="SHA256")
        assert upload.begun["ChecksumType"] == "COMPOSITE"
        digests = [hashlib.sha256(part).digest() for part in (ONE, THREE)]
        sent = base64.b64encode(digests[0]).decode()
        assert upload.put(1, ONE, ChecksumSHA256=sent)["ChecksumSHA256"] == sent
        upload.put(2, THREE)
        value = base64.b64encode(hashlib.sha256(b"".join(digests)).digest()).decode()
        done = upload.complete(ChecksumSHA256=value)
        assert (done["ChecksumSHA256"], done["ChecksumType"]) == (f"{value}-2", "COMPOSITE")
        got = s3.get_object_attributes(Bucket="ward", Key="big", ObjectAttributes=["ObjectParts", "Checksum"])
        assert [(part["PartNumber"], part["Size"]) for part in got["ObjectParts"]["Parts"]] == [(1, 5 * MIB), (2, 1000)]
        assert got["ObjectParts"]["Parts"][0]["ChecksumSHA256"] == sent

    @pytest.mark.parametrize(
        ("algorithm", "value"),
        [
            ("CRC32", b64(zlib.crc32(ONE + THREE), 4)),
            ("CRC32C", b64(crt.crc32c(ONE + THREE), 4)),
            ("CRC64NVME", b64(crt.crc64nvme(ONE + THREE), 8)),
        ],
    )
    def test_of_the_whole_without_reading_it(self, s3: Caller, algorithm: str, value: str) -> None:
        upload = Uploading(s3, ChecksumAlgorithm=algorithm, ChecksumType="FULL_OBJECT")
        upload.put(1, ONE)
        upload.put(2, THREE)
        wrong = {f"Checksum{algorithm}": "AAAA" + value[4:]}
        refused(upload.complete, "BadDigest", **wrong)
        done = upload.complete(**{f"Checksum{algorithm}": value})
        assert (done[f"Checksum{algorithm}"], done["ChecksumType"]) == (value, "FULL_OBJECT")

    def test_a_part_with_another_algorithm(self, s3: Caller) -> None:
        upload = Uploading(s3, ChecksumAlgorithm="SHA256")
        error = refused(upload.put, "InvalidRequest", number=1, data=b"x", ChecksumCRC32=b64(zlib.crc32(b"x"), 4))
        assert "expected checksum Type: sha256, actual checksum Type: crc32" in error.message

    def test_parts_may_bring_any_if_none_was_announced(self, s3: Caller) -> None:
        upload = Uploading(s3)
        value = b64(zlib.crc32(b"x"), 4)
        assert upload.put(1, b"x", ChecksumCRC32=value)["ChecksumCRC32"] == value
        refused(upload.put, "BadDigest", number=1, data=b"y", ChecksumCRC32=value)
        assert upload.complete()["ChecksumCRC64NVME"] == b64(crt.crc64nvme(b"x"), 8)

    def test_composite_needs_each_parts(self, s3: Caller) -> None:
        upload = Uploading(s3, ChecksumAlgorithm="CRC32")
        upload.put(1, b"x")
        del upload.parts[1]["ChecksumCRC32"]
        assert "missing for part 1" in refused(upload.complete, "InvalidRequest").message

    @pytest.mark.parametrize("pair", [("SHA256", "FULL_OBJECT"), ("CRC64NVME", "COMPOSITE"), (None, "COMPOSITE")])
    def test_pairs_that_do_not_go_together(self, s3: Caller, pair: tuple[str | None, str]) -> None:
        request = {"ChecksumType": pair[1]} | ({"ChecksumAlgorithm": pair[0]} if pair[0] else {})
        refused(s3.create_multipart_upload, "InvalidRequest", Bucket="ward", Key="big", **request)


def test_parts_copied(s3: Caller) -> None:
    s3.put_object(Bucket="ward", Key="source", Body=ONE + THREE)
    upload = Uploading(s3)
    whole = s3.upload_part_copy(**upload.at, PartNumber=1, CopySource="ward/source")["CopyPartResult"]
    span = s3.upload_part_copy(
        **upload.at, PartNumber=2, CopySource="ward/source", CopySourceRange="bytes=5242879-5242881"
    )
    assert whole["ETag"] == f'"{hashlib.md5(ONE + THREE).hexdigest()}"'
    upload.parts = {1: {"PartNumber": 1, **whole}, 2: {"PartNumber": 2, **span["CopyPartResult"]}}
    upload.complete()
    assert s3.content(Bucket="ward", Key="big") == ONE + THREE + b"133"
    for asked, code in [
        ("bytes=0-99999999", "InvalidRange"),
        ("bytes=5-", "InvalidArgument"),
        ("x", "InvalidArgument"),
    ]:
        other = Uploading(s3)
        refused(s3.upload_part_copy, code, **other.at, PartNumber=1, CopySource="ward/source", CopySourceRange=asked)


def test_a_part_replaced_during_completion(
    s3: Caller, monkeypatch: pytest.MonkeyPatch, blobs: Callable[[], int]
) -> None:
    """Another client replaces a part while the bytes are being joined: neither is mixed into the other."""
    upload = Uploading(s3)
    upload.put(1, ONE)
    upload.put(2, THREE)
    join = FileObjects.join

    def slow_join(self: FileObjects, parts: list[str], secret: bytes | None) -> Any:
        joined = join(self, parts, secret)
        upload.put(2, b"other")
        return joined

    monkeypatch.setattr(FileObjects, "join", slow_join)
    assert refused(upload.complete, "OperationAborted").status == 409
    refused(s3.head_object, "NoSuchKey", Bucket="ward", Key="big")
    assert blobs() == 2
    monkeypatch.undo()
    upload.complete()
    assert s3.content(Bucket="ward", Key="big") == ONE + b"other"


def test_list_parts(s3: Caller) -> None:
    upload = Uploading(s3, ChecksumAlgorithm="CRC32")
    for number in (5, 1, 3):
        upload.put(number, b"x" * number)
    first = s3.list_parts(**upload.at, MaxParts=2)
    assert [(part["PartNumber"], part["Size"]) for part in first["Parts"]] == [(1, 1), (3, 3)]
    assert (first["IsTruncated"], first["NextPartNumberMarker"]) == (True, 3)
    assert first["Parts"][0]["ChecksumCRC32"] == upload.parts[1]["ChecksumCRC32"]
    rest = s3.list_parts(**upload.at, PartNumberMarker=3)
    assert ([part["PartNumber"] for part in rest["Parts"]], rest["IsTruncated"]) == ([5], False)


def test_list_uploads(s3: Caller) -> None:
    ids = [(key, Uploading(s3, key).at["UploadId"]) for key in ("b", "a", "b", "d/1", "d/2", "c")]
    found = s3.list_multipart_uploads(Bucket="ward")
    assert [(u["Key"], u["UploadId"]) for u in found["Uploads"]] == sorted(ids)
    folded = s3.list_multipart_uploads(Bucket="ward", Delimiter="/")
    assert [u["Key"] for u in folded["Uploads"]] == ["a", "b", "b", "c"]
    assert folded["CommonPrefixes"] == [{"Prefix": "d/"}]

    seen: list[str] = []
    markers: dict[str, str] = {}
    while True:
        page = s3.list_multipart_uploads(Bucket="ward", MaxUploads=1, **markers)
        seen += [u["UploadId"] for u in page["Uploads"]]
        if not page["IsTruncated"]:
            break
        markers = {"KeyMarker": page["NextKeyMarker"], "UploadIdMarker": page["NextUploadIdMarker"]}
    assert seen == [number for _, number in sorted(ids)]
    assert [u["Key"] for u in s3.list_multipart_uploads(Bucket="ward", Prefix="d/")["Uploads"]] == ["d/1", "d/2"]
    assert [u["Key"] for u in s3.list_multipart_uploads(Bucket="ward", KeyMarker="b")["Uploads"]] == ["c", "d/1", "d/2"]


def test_an_upload_belongs_to_its_key(s3: Caller) -> None:
    upload = Uploading(s3)
    with pytest.raises(ServiceError) as caught:
        s3.list_parts(**{**upload.at, "Key": "other"})
    assert caught.value.code == "NoSuchUpload"
