"""Versions through boto3: written, read, deleted, brought back, listed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

AT = {"Bucket": "versions", "Key": "a b/ä+%"}


@pytest.fixture
def s3(boto: Callable[..., Any]) -> Any:
    client = boto("s3")
    client.create_bucket(Bucket="versions")
    client.put_bucket_versioning(Bucket="versions", VersioningConfiguration={"Status": "Enabled"})
    return client


def headers(answer: dict[str, Any]) -> dict[str, str]:
    found: dict[str, str] = answer["ResponseMetadata"]["HTTPHeaders"]
    return found


def test_from_the_first_version_to_the_last(s3: Any) -> None:
    assert s3.get_bucket_versioning(Bucket="versions")["Status"] == "Enabled"
    one, two = (s3.put_object(**AT, Body=content)["VersionId"] for content in (b"one", b"two"))
    assert s3.get_object(**AT)["Body"].read() == b"two"
    assert s3.get_object(**AT, VersionId=one)["Body"].read() == b"one"
    marker = s3.delete_object(**AT)
    assert marker["DeleteMarker"] is True
    with pytest.raises(s3.exceptions.NoSuchKey) as gone:
        s3.get_object(**AT)
    assert headers(gone.value.response)["x-amz-delete-marker"] == "true"
    with pytest.raises(ClientError) as error:
        s3.get_object(**AT, VersionId=marker["VersionId"])
    assert error.value.response["Error"]["Code"] == "MethodNotAllowed"
    assert headers(error.value.response)["allow"] == "DELETE"
    with pytest.raises(ClientError) as error:
        s3.head_object(**AT, VersionId=marker["VersionId"])
    assert error.value.response["ResponseMetadata"]["HTTPStatusCode"] == 405

    page = s3.list_object_versions(Bucket="versions")
    assert [(v["Key"], v["VersionId"], v["IsLatest"]) for v in page["Versions"]] == [
        (AT["Key"], two, False),
        (AT["Key"], one, False),
    ]
    (shown,) = page["DeleteMarkers"]
    assert (shown["VersionId"], shown["IsLatest"]) == (marker["VersionId"], True)

    s3.delete_object(**AT, VersionId=marker["VersionId"])
    assert s3.get_object(**AT)["VersionId"] == two
    s3.put_object_tagging(**AT, VersionId=one, Tagging={"TagSet": [{"Key": "n", "Value": "1"}]})
    assert s3.get_object_tagging(**AT)["TagSet"] == []
    source = {"Bucket": AT["Bucket"], "Key": AT["Key"], "VersionId": one}
    copied = s3.copy_object(**AT, CopySource=source)
    assert (copied["CopySourceVersionId"], s3.get_object(**AT)["Body"].read()) == (one, b"one")
    assert s3.get_object_tagging(**AT)["TagSet"] == [{"Key": "n", "Value": "1"}]


def test_a_bucket_is_emptied_as_people_do_it(s3: Any, boto: Callable[..., Any]) -> None:
    for n in range(25):
        s3.put_object(Bucket="versions", Key=f"k{n % 5}", Body=b"x")
        if n % 4 == 0:
            s3.delete_object(Bucket="versions", Key=f"k{n % 5}")
    pages = s3.get_paginator("list_object_versions").paginate(Bucket="versions", PaginationConfig={"PageSize": 4})
    for page in pages:
        found = page.get("Versions", []) + page.get("DeleteMarkers", [])
        objects = [{"Key": item["Key"], "VersionId": item["VersionId"]} for item in found]
        assert "Errors" not in s3.delete_objects(Bucket="versions", Delete={"Objects": objects})
    s3.delete_bucket(Bucket="versions")
