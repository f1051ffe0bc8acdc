"""Private hubs by boto3, and what they hold."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.refusals import refused

PREFIX = "arn:aws:sagemaker:us-east-1:000000000000"


@pytest.fixture
def hub(sagemaker: Any) -> Iterator[str]:
    """A hub with a model in three versions and a notebook."""
    sagemaker.create_hub(HubName="House", HubDescription="models of the house")
    for version, schema in (("1.9.0", "2.0.0"), ("1.10.0", "2.1.0"), ("1.2.0", "2.0.0")):
        content(sagemaker, "Costs", version, schema)
    content(sagemaker, "about", None, "1.0.0", "Notebook")
    yield "House"
    for kind in ("Model", "Notebook"):
        for each in sagemaker.list_hub_contents(HubName="House", HubContentType=kind)["HubContentSummaries"]:
            name = {"HubName": "House", "HubContentType": kind, "HubContentName": each["HubContentName"]}
            for version in sagemaker.list_hub_content_versions(**name)["HubContentSummaries"]:
                sagemaker.delete_hub_content(**name, HubContentVersion=version["HubContentVersion"])
    sagemaker.delete_hub(HubName="House")


def content(client: Any, name: str, version: str | None, schema: str, kind: str = "Model") -> dict[str, Any]:
    request = {"HubName": "House", "HubContentName": name, "HubContentType": kind, "HubContentDocument": '{"a": 1}'}
    numbered = {"HubContentVersion": version} if version else {}
    answer: dict[str, Any] = client.import_hub_content(**request, **numbered, DocumentSchemaVersion=schema)
    return answer


def test_the_newest_version_is_the_one_of_the_highest_number(sagemaker: Any, hub: str) -> None:
    name = {"HubName": hub, "HubContentType": "Model", "HubContentName": "Costs"}
    newest = sagemaker.describe_hub_content(**name)
    assert (newest["HubContentVersion"], newest["HubContentStatus"]) == ("1.10.0", "Available")
    assert newest["HubContentArn"] == f"{PREFIX}:hub-content/House/Model/Costs/1.10.0"
    assert newest["HubArn"] == f"{PREFIX}:hub/House"
    assert sagemaker.describe_hub_content(**name, HubContentVersion="1.9.0")["DocumentSchemaVersion"] == "2.0.0"
    assert sagemaker.describe_hub_content(**{**name, "HubName": newest["HubArn"]})["HubContentDocument"] == '{"a": 1}'
    assert refused(sagemaker.describe_hub_content, **name, HubContentVersion="9.9.9")[0] == "ResourceNotFound"
    assert content(sagemaker, "Costs", None, "2.0.0")["HubContentArn"].endswith("/1.11.0")


def test_lists_tell_each_content_once_and_versions_all(sagemaker: Any, hub: str) -> None:
    def contents(**request: Any) -> list[tuple[str, str]]:
        listed = sagemaker.list_hub_contents(**{"HubName": hub, "HubContentType": "Model", **request})
        return [(each["HubContentName"], each["HubContentVersion"]) for each in listed["HubContentSummaries"]]

    content(sagemaker, "Beds", "3.0.0", "1.0.0")
    assert contents() == [("Beds", "3.0.0"), ("Costs", "1.10.0")]
    assert contents(SortBy="HubContentName", SortOrder="Descending") == [("Costs", "1.10.0"), ("Beds", "3.0.0")]
    assert contents(NameContains="bed") == [("Beds", "3.0.0")]
    assert contents(MaxSchemaVersion="2.0.0") == [("Beds", "3.0.0")]
    assert contents(HubContentType="Notebook") == [("about", "1.0.0")]

    def versions(**request: Any) -> list[str]:
        found, name = [], {"HubName": hub, "HubContentType": "Model", "HubContentName": "Costs", "MaxResults": 2}
        while True:
            listed = sagemaker.list_hub_content_versions(**name, **request)
            found += [each["HubContentVersion"] for each in listed["HubContentSummaries"]]
            if "NextToken" not in listed:
                return found
            request["NextToken"] = listed["NextToken"]

    assert versions() == ["1.2.0", "1.10.0", "1.9.0"]  # the newest made first
    assert versions(SortBy="HubContentName", SortOrder="Ascending") == ["1.2.0", "1.9.0", "1.10.0"]
    assert versions(MinVersion="1.9.0", SortBy="HubContentStatus") == ["1.10.0", "1.9.0"]


def test_a_version_is_imported_once_and_its_texts_can_be_changed(sagemaker: Any, hub: str) -> None:
    name = {"HubName": hub, "HubContentType": "Model", "HubContentName": "Costs", "HubContentVersion": "1.9.0"}
    import_again = {**name, "DocumentSchemaVersion": "2.0.0", "HubContentDocument": "{}"}
    assert refused(sagemaker.import_hub_content, **import_again)[0] == "ResourceInUse"
    sagemaker.update_hub_content(**name, HubContentDescription="d", SupportStatus="Deprecated")
    told = sagemaker.describe_hub_content(**name)
    assert (told["HubContentDescription"], told["SupportStatus"]) == ("d", "Deprecated")
    assert refused(sagemaker.update_hub_content, **name)[0] == "ValidationException"
    wrong = {**import_again, "HubContentVersion": "1a9b0"}  # the model's pattern has bare dots
    assert refused(sagemaker.import_hub_content, **wrong)[0] == "ValidationException"
    sagemaker.add_tags(ResourceArn=told["HubContentArn"], Tags=[{"Key": "a", "Value": "b"}])
    assert sagemaker.list_tags(ResourceArn=told["HubContentArn"])["Tags"] == [{"Key": "a", "Value": "b"}]


def test_a_hub_that_holds_something_is_not_deleted(sagemaker: Any, hub: str) -> None:
    code, text = refused(sagemaker.delete_hub, HubName=hub)
    assert (code, text) == (
        "ResourceInUse",
        f"Unable to delete Hub [{PREFIX}:hub/House] because HubContent(s) are associated with it.",
    )


def test_a_hub_whose_bucket_is_not_there_is_refused(sagemaker: Any) -> None:
    request = {"HubName": "no", "HubDescription": "d", "S3StorageConfig": {"S3OutputPath": "s3://nowhere/hub"}}
    code, text = refused(sagemaker.create_hub, **request)
    assert (code, "'nowhere'" in text) == ("ValidationException", True)
