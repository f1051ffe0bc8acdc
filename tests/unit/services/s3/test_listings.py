"""Listings: order, folding, pages; compared with a plain model of what S3 documents."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.unit.services.s3.conftest import Caller
from tests.unit.services.s3.test_objects import refused

KEYS = [
    "a",
    "a/b",
    "a/b/c",
    "a/d",
    "b//c",
    "b/",
    "ab",
    "ä/x",
    "z\uffff",
    "z\U00010000",
    "z\U0010ffff\U0010ffff",
    "%2B+ &",
    "nul\0byte",
    "nul\0",
]


@pytest.fixture
def filled(s3: Caller) -> Caller:
    for key in KEYS:
        s3.put_object(Bucket="ward", Key=key, Body=key.encode())
    return s3


def shown(page: dict[str, Any]) -> list[str]:
    return [c["Key"] for c in page["Contents"]] + [p["Prefix"] for p in page["CommonPrefixes"]]


def expected(keys: list[str], prefix: str, delimiter: str) -> list[str]:
    items = set()
    for key in keys:
        if key.startswith(prefix):
            end = key.find(delimiter, len(prefix)) if delimiter else -1
            items.add(key if end < 0 else key[: end + len(delimiter)])
    return sorted(items, key=str.encode)


def all_pages(s3: Caller, version: int, **request: Any) -> list[str]:
    items: list[str] = []
    while True:
        call = s3.list_objects_v2 if version == 2 else s3.list_objects
        page = call(Bucket="ward", **request)
        found = sorted(shown(page), key=str.encode)
        assert len(found) <= request["MaxKeys"]
        items += found
        if not page["IsTruncated"]:
            assert "NextMarker" not in page
            assert "NextContinuationToken" not in page
            return items
        assert found, "a truncated page must bring something"
        if version == 2:
            assert page["KeyCount"] == len(found)
            request["ContinuationToken"] = page["NextContinuationToken"]
        else:
            request["Marker"] = page.get("NextMarker", found[-1])


@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize("size", [1, 2, 3, 1000])
@pytest.mark.parametrize(
    ("prefix", "delimiter"),
    [("", ""), ("", "/"), ("a/", "/"), ("a", "/"), ("b/", "/"), ("z", "\U0010ffff"), ("", "b/"), ("q", "/")],
)
def test_pages_joined_are_the_whole(filled: Caller, version: int, size: int, prefix: str, delimiter: str) -> None:
    found = all_pages(filled, version, Prefix=prefix, Delimiter=delimiter, MaxKeys=size)
    assert found == expected(KEYS, prefix, delimiter)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    keys=st.sets(st.text(alphabet="ab/\U0010ffff\ud7ff", min_size=1, max_size=5), max_size=12),
    prefix=st.text(alphabet="ab/\U0010ffff", max_size=2),
    size=st.integers(1, 4),
    version=st.sampled_from([1, 2]),
)
def test_any_keys_are_listed_once(s3: Caller, keys: set[str], prefix: str, size: int, version: int) -> None:
    s3.context.buckets.remove("ward", [(entry.key, "") for entry in s3.context.buckets.list("s3://ward")])
    for key in keys:
        s3.put_object(Bucket="ward", Key=key)
    for delimiter in ("", "/", "a/"):
        found = all_pages(s3, version, Prefix=prefix, Delimiter=delimiter, MaxKeys=size)
        assert found == expected(list(keys), prefix, delimiter)


def test_a_deep_folder_is_leapt_over(s3: Caller) -> None:
    for n in range(300):
        s3.put_object(Bucket="ward", Key=f"{n % 3}/{n:04d}")
    page = s3.list_objects_v2(Bucket="ward", Delimiter="/", MaxKeys=2)
    assert (shown(page), page["IsTruncated"], page["KeyCount"]) == (["0/", "1/"], True, 2)
    assert all_pages(s3, 2, Delimiter="/", Prefix="1/", MaxKeys=1000) == [f"1/{n:04d}" for n in range(1, 300, 3)]


def test_start_after(filled: Caller) -> None:
    page = filled.list_objects_v2(Bucket="ward", StartAfter="a/b", MaxKeys=2)
    assert (shown(page), page["StartAfter"]) == (["a/b/c", "a/d"], "a/b")
    again = filled.list_objects_v2(Bucket="ward", StartAfter="a/b", ContinuationToken=page["NextContinuationToken"])
    assert shown(again)[0] == "ab"


def test_what_a_listing_tells(filled: Caller) -> None:
    page = filled.list_objects_v2(Bucket="ward", Prefix="ab")
    (item,) = page["Contents"]
    head = filled.head_object(Bucket="ward", Key="ab")
    assert (item["Size"], item["ETag"], item["LastModified"]) == (2, head["ETag"], head["LastModified"])
    assert (item["StorageClass"], item["ChecksumAlgorithm"]) == ("STANDARD", ["CRC64NVME"])
    assert "Owner" not in item
    assert "Owner" in filled.list_objects_v2(Bucket="ward", Prefix="ab", FetchOwner=True)["Contents"][0]
    assert "Owner" in filled.list_objects(Bucket="ward", Prefix="ab")["Contents"][0]
    assert page.keys() >= {"Name", "Prefix", "MaxKeys", "KeyCount", "IsTruncated"}
    assert not page.keys() & {"Delimiter", "StartAfter", "ContinuationToken", "NextContinuationToken", "EncodingType"}


def test_no_keys_asked(filled: Caller) -> None:
    page = filled.list_objects_v2(Bucket="ward", MaxKeys=0)
    assert (page["KeyCount"], page["IsTruncated"], page["Contents"]) == (0, False, [])


def test_url_encoding(filled: Caller) -> None:
    page = filled.list_objects_v2(Bucket="ward", Prefix="%", EncodingType="url")
    assert (page["Contents"][0]["Key"], page["Prefix"], page["EncodingType"]) == ("%252B%2B+%26", "%25", "url")
    assert filled.list_objects(Bucket="ward", Prefix="b/", EncodingType="url")["Contents"][0]["Key"] == "b/"
    refused(filled.list_objects_v2, "InvalidArgument", Bucket="ward", EncodingType="base64")


@pytest.mark.parametrize("token", ["nonsense", "", "ä", "YQ=="])
def test_a_bad_token(filled: Caller, token: str) -> None:
    error = refused(filled.list_objects_v2, "InvalidArgument", Bucket="ward", ContinuationToken=token)
    assert error.message == "The continuation token provided is incorrect"


def test_bad_requests(s3: Caller) -> None:
    refused(s3.list_objects_v2, "NoSuchBucket", Bucket="nowhere")
    refused(s3.list_objects_v2, "InvalidArgument", Bucket="ward", MaxKeys=-1)
