"""Versions: what is put over, deleted and brought back, under each state of a bucket; and their listing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from clary.errors import NotServed
from tests.unit.services.s3.conftest import Caller
from tests.unit.services.s3.test_listings import expected
from tests.unit.services.s3.test_objects import refused

AT = {"Bucket": "ward", "Key": "a"}


def set_to(s3: Caller, status: str) -> None:
    s3.put_bucket_versioning(Bucket="ward", VersioningConfiguration={"Status": status})


@pytest.fixture
def versioned(s3: Caller) -> Caller:
    set_to(s3, "Enabled")
    return s3


def listed(s3: Caller, **request: Any) -> list[tuple[str, str, bool, bool]]:
    """(key, version, is it the newest, is it a delete marker) of a whole listing."""
    found: list[tuple[str, str, bool, bool]] = []
    while True:
        page = s3.list_object_versions(Bucket="ward", **request)
        found += [(v["Key"], v["VersionId"], v["IsLatest"], False) for v in page["Versions"]]
        found += [(m["Key"], m["VersionId"], m["IsLatest"], True) for m in page["DeleteMarkers"]]
        if not page["IsTruncated"]:
            return found
        request |= {"KeyMarker": page["NextKeyMarker"], "VersionIdMarker": page.get("NextVersionIdMarker")}
        request = {name: value for name, value in request.items() if value is not None}


def test_the_states_of_a_bucket(s3: Caller) -> None:
    assert s3.get_bucket_versioning(Bucket="ward") == {}
    for status in ("Enabled", "Suspended", "Enabled"):
        set_to(s3, status)
        assert s3.get_bucket_versioning(Bucket="ward") == {"Status": status}
    with pytest.raises(NotServed, match="MFADelete"):
        s3.put_bucket_versioning(Bucket="ward", VersioningConfiguration={"Status": "Enabled", "MFADelete": "Enabled"})
    for malformed in ({}, {"Status": "Disabled"}):
        refused(s3.put_bucket_versioning, "MalformedXML", Bucket="ward", VersioningConfiguration=malformed)
    refused(s3.put_bucket_versioning, "NoSuchBucket", Bucket="nowhere", VersioningConfiguration={"Status": "Enabled"})


def test_each_put_is_a_version_of_its_own(versioned: Caller, blobs: Callable[[], int]) -> None:
    one, two = (versioned.put_object(**AT, Body=content)["VersionId"] for content in (b"one", b"two"))
    assert one != two
    assert versioned.content(**AT) == b"two"
    assert versioned.content(**AT, VersionId=one) == b"one"
    head = versioned.head_object(**AT, VersionId=one)
    assert (head["VersionId"], versioned.head_object(**AT)["VersionId"]) == (one, two)
    assert blobs() == 2
    assert [item["Key"] for item in versioned.list_objects_v2(Bucket="ward")["Contents"]] == ["a"]
    assert listed(versioned) == [("a", two, True, False), ("a", one, False, False)]


def test_a_delete_hides_the_key_and_its_removal_shows_it_again(versioned: Caller) -> None:
    version = versioned.put_object(**AT, Body=b"x")["VersionId"]
    done = versioned.delete_object(**AT)
    marker = done["VersionId"]
    assert done["DeleteMarker"] is True
    error = refused(versioned.get_object, "NoSuchKey", **AT)
    assert error.members == {"Key": "a", "x-amz-delete-marker": "true", "x-amz-version-id": marker}
    error = refused(versioned.head_object, "MethodNotAllowed", **AT, VersionId=marker)
    assert (error.status, error.members["Allow"]) == (405, "DELETE")
    assert versioned.list_objects_v2(Bucket="ward")["KeyCount"] == 0
    assert versioned.content(**AT, VersionId=version) == b"x"
    assert listed(versioned) == [("a", version, False, False), ("a", marker, True, True)]
    assert versioned.delete_object(**AT, VersionId=marker) == {"VersionId": marker, "DeleteMarker": True}
    assert versioned.content(**AT) == b"x"


def test_an_absent_key_is_deleted_all_the_same(versioned: Caller) -> None:
    assert versioned.delete_object(**AT)["DeleteMarker"] is True
    assert len(listed(versioned)) == 1


def test_the_version_below_comes_to_light(versioned: Caller, blobs: Callable[[], int]) -> None:
    versions = [versioned.put_object(**AT, Body=content)["VersionId"] for content in (b"1", b"2", b"3")]
    assert versioned.delete_object(**AT, VersionId=versions[1]) == {"VersionId": versions[1]}
    assert versioned.content(**AT) == b"3"
    versioned.delete_object(**AT, VersionId=versions[2])
    assert versioned.content(**AT) == b"1"
    assert blobs() == 1
    assert [item["Key"] for item in versioned.list_objects_v2(Bucket="ward")["Contents"]] == ["a"]
    versioned.delete_object(**AT, VersionId=versions[0])
    assert (blobs(), listed(versioned)) == (0, [])
    versioned.delete_object(**AT, VersionId=versions[0])  # once more is no error


def test_what_was_there_before_is_the_null_version(s3: Caller) -> None:
    s3.put_object(**AT, Body=b"before")
    assert "VersionId" not in s3.head_object(**AT)
    set_to(s3, "Enabled")
    assert s3.head_object(**AT)["VersionId"] == "null"
    new = s3.put_object(**AT, Body=b"after")["VersionId"]
    assert s3.content(**AT, VersionId="null") == b"before"
    assert listed(s3) == [("a", new, True, False), ("a", "null", False, False)]


def test_while_suspended_the_null_version_is_replaced(versioned: Caller, blobs: Callable[[], int]) -> None:
    kept = versioned.put_object(**AT, Body=b"kept")["VersionId"]
    set_to(versioned, "Suspended")
    assert "VersionId" not in versioned.put_object(**AT, Body=b"null 1")
    versioned.put_object(**AT, Body=b"null 2")
    assert (versioned.content(**AT), blobs()) == (b"null 2", 2)
    assert listed(versioned) == [("a", "null", True, False), ("a", kept, False, False)]
    done = versioned.delete_object(**AT)
    assert done == {"VersionId": "null", "DeleteMarker": True}
    assert blobs() == 1
    assert listed(versioned) == [("a", kept, False, False), ("a", "null", True, True)]
    versioned.delete_object(**AT, VersionId="null")
    assert versioned.content(**AT) == b"kept"


def test_tags_and_attributes_of_a_version(versioned: Caller) -> None:
    old = versioned.put_object(**AT, Body=b"old!", Tagging="n=old")["VersionId"]
    new = versioned.put_object(**AT, Body=b"new")["VersionId"]
    versioned.put_object_tagging(**AT, Tagging={"TagSet": [{"Key": "n", "Value": "new"}]})
    assert versioned.get_object_tagging(**AT) == {"TagSet": [{"Key": "n", "Value": "new"}], "VersionId": new}
    assert versioned.get_object_tagging(**AT, VersionId=old)["TagSet"] == [{"Key": "n", "Value": "old"}]
    assert versioned.delete_object_tagging(**AT, VersionId=old) == {"VersionId": old}
    assert versioned.get_object_tagging(**AT, VersionId=old)["TagSet"] == []
    assert versioned.get_object_tagging(**AT)["TagSet"] != []
    got = versioned.get_object_attributes(**AT, VersionId=old, ObjectAttributes=["ObjectSize"])
    assert (got["ObjectSize"], got["VersionId"]) == (4, old)
    marker = versioned.delete_object(**AT)["VersionId"]
    refused(versioned.put_object_tagging, "MethodNotAllowed", **AT, VersionId=marker, Tagging={"TagSet": []})


def test_a_copy_of_a_version(versioned: Caller) -> None:
    old = versioned.put_object(**AT, Body=b"old", ContentType="text/csv")["VersionId"]
    versioned.put_object(**AT, Body=b"new")
    copied = versioned.copy_object(Bucket="ward", Key="b", CopySource=f"ward/a?versionId={old}")
    assert copied["CopySourceVersionId"] == old
    assert versioned.content(Bucket="ward", Key="b", VersionId=copied["VersionId"]) == b"old"
    back = versioned.copy_object(**AT, CopySource=f"ward/a?versionId={old}")  # how a version is brought back
    assert versioned.content(**AT) == b"old"
    assert versioned.head_object(**AT)["VersionId"] == back["VersionId"]
    marker = versioned.delete_object(**AT)["VersionId"]
    refused(versioned.copy_object, "NoSuchKey", Bucket="ward", Key="b", CopySource="ward/a")
    refused(versioned.copy_object, "InvalidRequest", Bucket="ward", Key="b", CopySource=f"ward/a?versionId={marker}")
    unknown = "0" * 32
    refused(versioned.copy_object, "NoSuchVersion", Bucket="ward", Key="b", CopySource=f"ward/a?versionId={unknown}")


def test_an_upload_in_parts_is_a_version(versioned: Caller) -> None:
    old = versioned.put_object(**AT, Body=b"old")["VersionId"]
    at = {**AT, "UploadId": versioned.create_multipart_upload(**AT)["UploadId"]}
    copied = versioned.upload_part_copy(**at, PartNumber=1, CopySource=f"ward/a?versionId={old}")
    assert copied["CopySourceVersionId"] == old
    parts = {"Parts": [{"PartNumber": 1, "ETag": copied["CopyPartResult"]["ETag"]}]}
    done = versioned.complete_multipart_upload(**at, MultipartUpload=parts)
    assert versioned.head_object(**AT)["VersionId"] == done["VersionId"]
    again = versioned.complete_multipart_upload(**at, MultipartUpload=parts)
    assert again["VersionId"] == done["VersionId"]


def test_conditions_look_at_the_current_version(versioned: Caller) -> None:
    put = versioned.put_object(**AT, Body=b"x")
    refused(versioned.put_object, "PreconditionFailed", **AT, Body=b"y", IfNoneMatch="*")
    versioned.delete_object(**AT)
    refused(versioned.put_object, "NoSuchKey", **AT, Body=b"y", IfMatch=put["ETag"])
    versioned.put_object(**AT, Body=b"y", IfNoneMatch="*")
    refused(versioned.delete_object, "PreconditionFailed", **AT, IfMatch=put["ETag"])
    refused(versioned.delete_object, "PreconditionFailed", **AT, VersionId=put["VersionId"], IfMatch=put["ETag"])
    versioned.delete_object(**AT, VersionId=put["VersionId"], IfMatch="*")


def test_many_deletes_at_once(versioned: Caller) -> None:
    one, two = (versioned.put_object(**AT, Body=content)["VersionId"] for content in (b"1", b"2"))
    wanted = [{"Key": "a", "VersionId": one}, {"Key": "a"}, {"Key": "a", "VersionId": "?"}]
    answer = versioned.delete_objects(Bucket="ward", Delete={"Objects": wanted})
    first, second = answer["Deleted"]
    assert first == {"Key": "a", "VersionId": one}
    assert second.keys() == {"Key", "DeleteMarker", "DeleteMarkerVersionId"}
    assert [(e["VersionId"], e["Code"]) for e in answer["Errors"]] == [("?", "InvalidArgument")]
    marker = second["DeleteMarkerVersionId"]
    answer = versioned.delete_objects(Bucket="ward", Delete={"Objects": [{"Key": "a", "VersionId": marker}]})
    assert answer["Deleted"] == [
        {"Key": "a", "VersionId": marker, "DeleteMarker": True, "DeleteMarkerVersionId": marker}
    ]
    assert listed(versioned) == [("a", two, True, False)]


def test_a_bucket_goes_only_without_versions(versioned: Caller) -> None:
    versioned.put_object(**AT, Body=b"x")
    marker = versioned.delete_object(**AT)["VersionId"]
    for key, version, *_ in listed(versioned):
        error = refused(versioned.delete_bucket, "BucketNotEmpty", Bucket="ward")
        assert error.message.endswith("You must delete all versions in the bucket.")
        versioned.delete_object(Bucket="ward", Key=key, VersionId=version)
    assert marker
    versioned.delete_bucket(Bucket="ward")


@pytest.mark.parametrize("version", ["", "v1", "0" * 31, "../" + "0" * 29])
def test_what_can_be_no_version(versioned: Caller, version: str) -> None:
    for call in (versioned.get_object, versioned.head_object, versioned.delete_object, versioned.get_object_tagging):
        refused(call, "InvalidArgument", **AT, VersionId=version)
    assert refused(versioned.get_object, "NoSuchVersion", **AT, VersionId="0" * 32).status == 404


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    steps=st.lists(st.tuples(st.sampled_from(["a", "a/b", "a/c", "b/x", "c"]), st.booleans()), max_size=12),
    prefix=st.sampled_from(["", "a", "a/", "q"]),
    delimiter=st.sampled_from(["", "/"]),
    size=st.integers(1, 4),
)
def test_pages_joined_are_the_whole(
    s3: Caller, steps: list[tuple[str, bool]], prefix: str, delimiter: str, size: int
) -> None:
    set_to(s3, "Enabled")
    for key, version, *_ in listed(s3):
        s3.delete_object(Bucket="ward", Key=key, VersionId=version)
    made: list[tuple[str, str, bool]] = []
    for key, is_put in steps:
        done = s3.put_object(Bucket="ward", Key=key) if is_put else s3.delete_object(Bucket="ward", Key=key)
        made.insert(0, (key, done["VersionId"], not is_put))
    made.sort(key=lambda item: item[0])  # stable: each key's newest stay first
    folded = expected([key for key, *_ in made], prefix, delimiter)
    wanted = [item for item in made if item[0] in folded and item[0].startswith(prefix)]
    request = {"Prefix": prefix, "Delimiter": delimiter, "MaxKeys": size}
    found = listed(s3, **request)
    assert sorted((key, version, marker) for key, version, _, marker in found) == sorted(wanted)
    newest = {key: version for key, version, _ in reversed(made)}
    assert all(latest == (newest[key] == version) for key, version, latest, _ in found)


def test_a_bucket_is_emptied_page_by_page(versioned: Caller) -> None:
    """The page after one whose versions are all gone begins where that ended."""
    for n in range(9):
        versioned.put_object(Bucket="ward", Key=f"k{n % 2}", Body=b"x")
    page = versioned.list_object_versions(Bucket="ward", MaxKeys=2)
    seen = 0
    while True:
        seen += len(page["Versions"])
        objects = [{"Key": v["Key"], "VersionId": v["VersionId"]} for v in page["Versions"]]
        versioned.delete_objects(Bucket="ward", Delete={"Objects": objects})
        if not page["IsTruncated"]:
            break
        markers = {"KeyMarker": page["NextKeyMarker"], "VersionIdMarker": page["NextVersionIdMarker"]}
        page = versioned.list_object_versions(Bucket="ward", MaxKeys=2, **markers)
    assert seen == 9
    versioned.delete_bucket(Bucket="ward")


def test_markers_of_versions_need_a_key(versioned: Caller) -> None:
    refused(versioned.list_object_versions, "InvalidArgument", Bucket="ward", VersionIdMarker="null")
