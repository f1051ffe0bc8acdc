"""Listings through boto3 and its paginators."""

from __future__ import annotations

import urllib.request
from collections.abc import Callable
from typing import Any
from xml.etree import ElementTree

import pytest
from botocore.exceptions import ClientError

KEYS = ["a", "a/b", "a/b/c", "a/d", "b//c", "b/", "100% +&?#", "ä/x", "line\rbreak", "tab\t", "z\uffff", "z\U00010000"]


@pytest.fixture
def s3(boto: Callable[..., Any]) -> Any:
    client = boto("s3")
    client.create_bucket(Bucket="shelf")
    for key in KEYS:
        client.put_object(Bucket="shelf", Key=key, Body=key.encode())
    return client


@pytest.mark.parametrize("operation", ["list_objects", "list_objects_v2"])
@pytest.mark.parametrize("size", [1, 5, 1000])
@pytest.mark.parametrize("request_", [{}, {"Delimiter": "/"}, {"Delimiter": "/", "Prefix": "a/"}, {"Delimiter": "%"}])
def test_pages_joined_are_the_whole(s3: Any, operation: str, size: int, request_: dict[str, str]) -> None:
    prefix, delimiter = request_.get("Prefix", ""), request_.get("Delimiter", "")
    expected = set()
    for key in KEYS:
        if key.startswith(prefix):
            end = key.find(delimiter, len(prefix)) if delimiter else -1
            expected.add(key if end < 0 else key[: end + 1])
    found = []
    for page in s3.get_paginator(operation).paginate(Bucket="shelf", PaginationConfig={"PageSize": size}, **request_):
        found += sorted(
            [c["Key"] for c in page.get("Contents", [])] + [p["Prefix"] for p in page.get("CommonPrefixes", [])],
            key=str.encode,
        )
    assert found == sorted(expected, key=str.encode)


def test_what_a_listing_tells(s3: Any) -> None:
    page = s3.list_objects_v2(Bucket="shelf", Prefix="100%", FetchOwner=True)
    (item,) = page["Contents"]
    head = s3.head_object(Bucket="shelf", Key="100% +&?#")
    assert (item["Key"], item["Size"], item["ETag"]) == ("100% +&?#", 9, head["ETag"])
    assert item["LastModified"] == head["LastModified"]
    assert item["StorageClass"] == "STANDARD"
    assert item["ChecksumAlgorithm"] == ["CRC32"]
    assert len(item["Owner"]["ID"]) == 64
    assert (page["KeyCount"], page["MaxKeys"], page["IsTruncated"], page["Prefix"]) == (1, 1000, False, "100%")


def test_start_after_and_marker(s3: Any) -> None:
    after = s3.list_objects_v2(Bucket="shelf", StartAfter="a/b", MaxKeys=2)
    assert [item["Key"] for item in after["Contents"]] == ["a/b/c", "a/d"]
    assert after["StartAfter"] == "a/b"
    marked = s3.list_objects(Bucket="shelf", Marker="a/b", MaxKeys=2)
    assert [item["Key"] for item in marked["Contents"]] == ["a/b/c", "a/d"]
    assert (marked["Marker"], marked["IsTruncated"]) == ("a/b", True)
    assert "NextMarker" not in marked


def test_bad_requests(s3: Any) -> None:
    for request, code in [
        ({"ContinuationToken": "nonsense"}, "InvalidArgument"),
        ({"EncodingType": "base64"}, "InvalidArgument"),
        ({"MaxKeys": -1}, "InvalidArgument"),
    ]:
        with pytest.raises(ClientError) as error:
            s3.list_objects_v2(Bucket="shelf", **request)
        assert error.value.response["Error"]["Code"] == code
    with pytest.raises(s3.exceptions.NoSuchBucket):
        s3.list_objects_v2(Bucket="nowhere")


@pytest.mark.parametrize("operation", ["list_objects", "list_objects_v2"])
def test_the_document_is_named_as_in_s3(s3: Any, operation: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Clients in other languages look at the root's name, which botocore's model does not tell."""
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    url = s3.generate_presigned_url(operation, Params={"Bucket": "shelf", "Prefix": "a/"})
    with urllib.request.urlopen(url) as answer:
        root = ElementTree.fromstring(answer.read())
    assert root.tag == "{http://s3.amazonaws.com/doc/2006-03-01/}ListBucketResult"
