"""Copies: what comes along, what is refused, and that no byte is stored twice."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from clary.buckets import Buckets, Entry
from clary.services.s3.copies import parse_source
from tests.unit.services.s3.conftest import Caller
from tests.unit.services.s3.test_objects import refused


@pytest.fixture
def filled(s3: Caller) -> Caller:
    s3.put_object(
        Bucket="ward", Key="a b+c/ä", Body=b"bytes", ContentType="text/csv", Metadata={"unit": "mg"}, Tagging="k=v"
    )
    return s3


SOURCE = "ward/a%20b%2Bc/%C3%A4"


def test_a_copy_has_all_of_its_source(filled: Caller, blobs: Callable[[], int]) -> None:
    filled.create_bucket(Bucket="other")
    result = filled.copy_object(Bucket="other", Key="copy", CopySource=SOURCE)["CopyObjectResult"]
    got = filled.get_object(Bucket="other", Key="copy", ChecksumMode="ENABLED")
    source = filled.get_object(Bucket="ward", Key="a b+c/ä", ChecksumMode="ENABLED")
    for name in ("ETag", "ContentType", "Metadata", "ChecksumCRC64NVME", "TagCount", "Body"):
        assert got[name] == source[name]
    assert (result["ETag"], result["LastModified"]) == (got["ETag"], got["LastModified"])
    assert blobs() == 1
    filled.delete_object(Bucket="ward", Key="a b+c/ä")
    assert filled.content(Bucket="other", Key="copy") == b"bytes"
    filled.delete_object(Bucket="other", Key="copy")
    assert blobs() == 0


def test_replaced_metadata_and_tags(filled: Caller) -> None:
    filled.copy_object(
        Bucket="ward",
        Key="copy",
        CopySource=f"/{SOURCE}?versionId=null",
        MetadataDirective="REPLACE",
        Metadata={"x": "y"},
        TaggingDirective="REPLACE",
        Tagging="new=1",
    )
    got = filled.get_object(Bucket="ward", Key="copy")
    assert (got["Metadata"], got["ContentType"]) == ({"x": "y"}, "binary/octet-stream")
    assert filled.get_object_tagging(Bucket="ward", Key="copy")["TagSet"] == [{"Key": "new", "Value": "1"}]


def test_onto_itself_only_with_a_change(filled: Caller) -> None:
    here = {"Bucket": "ward", "Key": "a b+c/ä", "CopySource": SOURCE}
    assert refused(filled.copy_object, "InvalidRequest", **here).message.startswith("This copy request is illegal")
    filled.copy_object(**here, MetadataDirective="REPLACE", ContentType="text/plain")
    assert filled.content(Bucket="ward", Key="a b+c/ä") == b"bytes"
    assert filled.head_object(Bucket="ward", Key="a b+c/ä")["ContentType"] == "text/plain"


def test_a_source_that_is_overwritten_meanwhile(filled: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    put = Buckets.put_entry
    rivals = iter([b"rival 1", b"rival 2"])

    def raced(self: Buckets, entry: Entry, **given: Any) -> Entry:
        if given.get("shared") and (content := next(rivals, None)):
            self.put_bytes("s3://ward/a b+c/ä", content)
        return put(self, entry, **given)

    monkeypatch.setattr(Buckets, "put_entry", raced)
    filled.copy_object(Bucket="ward", Key="copy", CopySource=SOURCE)
    assert filled.content(Bucket="ward", Key="copy") == b"rival 2"


def test_another_checksum(filled: Caller) -> None:
    copied = filled.copy_object(Bucket="ward", Key="copy", CopySource=SOURCE, ChecksumAlgorithm="SHA256")
    assert copied["CopyObjectResult"]["ChecksumSHA256"]
    assert filled.head_object(Bucket="ward", Key="copy", ChecksumMode="ENABLED")["ChecksumSHA256"]


def test_the_copy_of_what_came_in_parts_has_a_plain_etag(s3: Caller) -> None:
    upload = s3.create_multipart_upload(Bucket="ward", Key="big")["UploadId"]
    part = s3.upload_part(Bucket="ward", Key="big", UploadId=upload, PartNumber=1, Body=b"bytes")
    parts = {"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]}
    s3.complete_multipart_upload(Bucket="ward", Key="big", UploadId=upload, MultipartUpload=parts)
    copied = s3.copy_object(Bucket="ward", Key="copy", CopySource="ward/big")["CopyObjectResult"]
    assert copied["ETag"] == f'"{hashlib.md5(b"bytes").hexdigest()}"'
    assert "PartsCount" not in s3.head_object(Bucket="ward", Key="copy", PartNumber=1)


def test_conditions(filled: Caller) -> None:
    head = filled.head_object(Bucket="ward", Key="a b+c/ä")
    before = head["LastModified"] - timedelta(hours=1)
    to = {"Bucket": "ward", "Key": "copy", "CopySource": SOURCE}
    filled.copy_object(**to, CopySourceIfMatch=head["ETag"], CopySourceIfUnmodifiedSince=before)
    for condition in (
        {"CopySourceIfMatch": '"other"'},
        {"CopySourceIfNoneMatch": head["ETag"]},
        {"CopySourceIfUnmodifiedSince": before},
        {"CopySourceIfModifiedSince": head["LastModified"]},
        {"IfNoneMatch": "*"},
    ):
        assert refused(filled.copy_object, "PreconditionFailed", **to, **condition).status == 412


def test_a_source_that_is_not_there(s3: Caller) -> None:
    refused(s3.copy_object, "NoSuchKey", Bucket="ward", Key="copy", CopySource="ward/none")
    refused(s3.copy_object, "NoSuchBucket", Bucket="ward", Key="copy", CopySource="nowhere/none")
    refused(s3.copy_object, "InvalidArgument", Bucket="ward", Key="copy", CopySource="ward")
    refused(s3.copy_object, "InvalidArgument", Bucket="ward", Key="copy", CopySource="ward/a?versionId=v1")
    refused(
        s3.copy_object,
        "AccessDenied",
        Bucket="ward",
        Key="copy",
        CopySource="ward/a",
        ExpectedSourceBucketOwner="1" * 12,
    )


def test_sources_are_decoded_once() -> None:
    assert parse_source("b/k%252B") == ("b", "k%2B", "")
    assert parse_source("/b//k%3FversionId=x") == ("b", "/k?versionId=x", "")
    assert parse_source("b/a+b") == ("b", "a+b", "")
    assert parse_source("b/k?versionId=null") == ("b", "k", "null")
