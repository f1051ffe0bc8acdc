"""Multipart uploads through boto3."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

MIB = 1 << 20
ONE, TWO = b"1" * (5 * MIB), b"2" * 1000


@pytest.fixture
def s3(boto: Callable[..., Any]) -> Any:
    client = boto("s3")
    client.create_bucket(Bucket="ward")
    return client


def refused(call: Callable[..., Any], **request: Any) -> str:
    with pytest.raises(ClientError) as error:
        call(**request)
    return str(error.value.response["Error"]["Code"])


@pytest.mark.parametrize("algorithm", [None, "CRC32", "CRC32C", "SHA1", "SHA256", "CRC64NVME"])
def test_parts_become_an_object(s3: Any, algorithm: str | None) -> None:
    named = {"ChecksumAlgorithm": algorithm} if algorithm else {}
    begun = s3.create_multipart_upload(Bucket="ward", Key="big", Metadata={"k": "v"}, **named)
    at = {"Bucket": "ward", "Key": "big", "UploadId": begun["UploadId"]}
    parts = []
    for number, data in [(2, TWO), (1, ONE)]:
        answer = s3.upload_part(**at, PartNumber=number, Body=data, **named)
        parts.append({"PartNumber": number, **{k: v for k, v in answer.items() if k.startswith(("ETag", "Checksum"))}})
    parts.sort(key=lambda part: int(part["PartNumber"]))
    if algorithm:
        assert f"Checksum{algorithm}" in parts[0]
    done = s3.complete_multipart_upload(**at, MultipartUpload={"Parts": parts})
    md5s = hashlib.md5(ONE).digest() + hashlib.md5(TWO).digest()
    assert done["ETag"] == f'"{hashlib.md5(md5s).hexdigest()}-2"'
    got = s3.get_object(Bucket="ward", Key="big", ChecksumMode="ENABLED")
    assert got["Body"].read() == ONE + TWO
    assert got["Metadata"] == {"k": "v"}
    assert done[f"Checksum{algorithm or 'CRC64NVME'}"] == got[f"Checksum{algorithm or 'CRC64NVME'}"]
    if algorithm == "SHA256":
        digests = hashlib.sha256(ONE).digest() + hashlib.sha256(TWO).digest()
        value = base64.b64encode(hashlib.sha256(digests).digest()).decode()
        assert (got["ChecksumSHA256"], got["ChecksumType"]) == (f"{value}-2", "COMPOSITE")
    part = s3.get_object(Bucket="ward", Key="big", PartNumber=2)
    assert (part["Body"].read(), part["PartsCount"]) == (TWO, 2)


def test_refusals(s3: Any) -> None:
    at = {"Bucket": "ward", "Key": "big"}
    at["UploadId"] = s3.create_multipart_upload(**at)["UploadId"]
    etags = [s3.upload_part(**at, PartNumber=n, Body=b"small")["ETag"] for n in (1, 2)]
    parts = [{"PartNumber": n, "ETag": etag} for n, etag in enumerate(etags, 1)]
    complete = s3.complete_multipart_upload
    assert refused(complete, **at, MultipartUpload={"Parts": parts}) == "EntityTooSmall"
    assert refused(complete, **at, MultipartUpload={"Parts": parts[::-1]}) == "InvalidPartOrder"
    assert refused(complete, **at, MultipartUpload={"Parts": [{"PartNumber": 9, "ETag": "x"}]}) == "InvalidPart"
    assert refused(complete, **at, MultipartUpload={"Parts": []}) == "MalformedXML"
    assert refused(s3.upload_part, **at, PartNumber=10_001, Body=b"") == "InvalidArgument"
    s3.abort_multipart_upload(**at)
    assert refused(s3.upload_part, **at, PartNumber=1, Body=b"") == "NoSuchUpload"
    assert refused(s3.head_object, Bucket="ward", Key="big/never") == "404"


def test_listings(s3: Any) -> None:
    at = {"Bucket": "ward", "Key": "a/ä"}
    at["UploadId"] = s3.create_multipart_upload(**at, ChecksumAlgorithm="CRC32")["UploadId"]
    for n in (3, 1, 2):
        s3.upload_part(**at, PartNumber=n, Body=b"x" * n, ChecksumAlgorithm="CRC32")
    pages = s3.get_paginator("list_parts").paginate(**at, PaginationConfig={"PageSize": 2})
    assert [(part["PartNumber"], part["Size"]) for page in pages for part in page["Parts"]] == [(1, 1), (2, 2), (3, 3)]
    other = s3.create_multipart_upload(Bucket="ward", Key="a/ä")["UploadId"]
    pages = s3.get_paginator("list_multipart_uploads").paginate(Bucket="ward", PaginationConfig={"PageSize": 1})
    found = [(upload["Key"], upload["UploadId"]) for page in pages for upload in page["Uploads"]]
    assert found == [("a/ä", at["UploadId"]), ("a/ä", other)]
    for upload in (at["UploadId"], other):
        s3.abort_multipart_upload(Bucket="ward", Key="a/ä", UploadId=upload)
    assert "Uploads" not in s3.list_multipart_uploads(Bucket="ward")


def test_parts_copied(s3: Any) -> None:
    s3.put_object(Bucket="ward", Key="source", Body=ONE + TWO)
    at = {"Bucket": "ward", "Key": "copy"}
    at["UploadId"] = s3.create_multipart_upload(**at)["UploadId"]
    parts = []
    for number, asked in [(1, "bytes=0-5242879"), (2, "bytes=5242880-5243879")]:
        copied = s3.upload_part_copy(**at, PartNumber=number, CopySource="ward/source", CopySourceRange=asked)
        parts.append({"PartNumber": number, "ETag": copied["CopyPartResult"]["ETag"]})
    s3.complete_multipart_upload(**at, MultipartUpload={"Parts": parts})
    assert s3.get_object(Bucket="ward", Key="copy")["Body"].read() == ONE + TWO
