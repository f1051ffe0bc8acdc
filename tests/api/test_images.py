"""Images of one's own by boto3: their versions, aliases and what waiters see."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from botocore.exceptions import WaiterError

from tests import jobs
from tests.refusals import refused

ECR = "000000000000.dkr.ecr.us-east-1.amazonaws.com/mine"
PREFIX = "arn:aws:sagemaker:us-east-1:000000000000"


@pytest.fixture
def image(sagemaker: Any) -> Iterator[str]:
    """An image with three versions, the second of which is called stable."""
    sagemaker.create_image(ImageName="Own", RoleArn=jobs.ROLE, Description="d", DisplayName="n")
    for number in (1, 2, 3):
        aliases = {"Aliases": ["stable", "2.x"]} if number == 2 else {}
        sagemaker.create_image_version(
            ImageName="Own", BaseImage=f"{ECR}:{number}", MLFramework=f"torch 2.{number}", **aliases
        )
    yield "Own"
    sagemaker.delete_image(ImageName="Own")


def test_a_version_is_found_by_number_by_alias_and_the_newest_without_either(sagemaker: Any, image: str) -> None:
    newest = sagemaker.describe_image_version(ImageName=image)
    assert (newest["Version"], newest["BaseImage"], newest["MLFramework"]) == (3, f"{ECR}:3", "torch 2.3")
    assert newest["ImageVersionArn"] == f"{PREFIX}:image-version/own/3"
    assert (newest["ImageArn"], newest["ImageVersionStatus"]) == (f"{PREFIX}:image/own", "CREATED")
    assert sagemaker.describe_image_version(ImageName=image, Version=1)["BaseImage"] == f"{ECR}:1"
    assert sagemaker.describe_image_version(ImageName=image, Alias="2.x")["Version"] == 2
    for wrong in ({"Version": 9}, {"Alias": "old"}):
        assert refused(sagemaker.describe_image_version, ImageName=image, **wrong)[0] == "ResourceNotFound"
    code, text = refused(sagemaker.describe_image_version, ImageName="none")
    assert (code, text[:38]) == ("ResourceNotFound", "The Image with ImageName none does not")


def test_versions_are_listed_in_the_order_of_their_numbers(sagemaker: Any, image: str) -> None:
    for _ in range(9):
        sagemaker.create_image_version(ImageName=image, BaseImage=ECR)
    pages = sagemaker.get_paginator("list_image_versions").paginate(
        ImageName=image, SortBy="VERSION", SortOrder="ASCENDING", PaginationConfig={"PageSize": 5}
    )
    assert [version["Version"] for page in pages for version in page["ImageVersions"]] == list(range(1, 13))
    assert [v["Version"] for v in sagemaker.list_image_versions(ImageName=image)["ImageVersions"]][:2] == [12, 11]


def test_an_alias_names_one_version_of_an_image(sagemaker: Any, image: str) -> None:
    code, text = refused(
        sagemaker.update_image_version, ImageName=image, Version=3, AliasesToAdd=["stable"], MLFramework="torch 3.0"
    )
    assert (code, "stable already names version 2" in text) == ("ResourceInUse", True)
    assert (
        refused(sagemaker.create_image_version, ImageName=image, BaseImage=ECR, Aliases=["2.x"])[0] == "ResourceInUse"
    )
    assert sagemaker.list_aliases(ImageName=image)["SageMakerImageVersionAliases"] == ["2.x", "stable"]
    sagemaker.update_image_version(ImageName=image, Alias="stable", AliasesToDelete=["stable"], Horovod=True)
    sagemaker.update_image_version(ImageName=image, Version=3, AliasesToAdd=["stable"])
    assert sagemaker.describe_image_version(ImageName=image, Alias="stable")["Version"] == 3
    assert sagemaker.describe_image_version(ImageName=image, Version=2)["Horovod"] is True
    assert sagemaker.list_aliases(ImageName=image, Version=2)["SageMakerImageVersionAliases"] == ["2.x"]
    first = sagemaker.list_aliases(ImageName=image, MaxResults=1)
    rest = sagemaker.list_aliases(ImageName=image, MaxResults=1, NextToken=first["NextToken"])
    assert first["SageMakerImageVersionAliases"] + rest["SageMakerImageVersionAliases"] == ["2.x", "stable"]
    assert "NextToken" not in rest


def test_a_version_that_is_asked_for_twice_is_made_once(sagemaker: Any, image: str) -> None:
    first = sagemaker.create_image_version(ImageName=image, BaseImage=ECR, ClientToken="once")
    again = sagemaker.create_image_version(ImageName=image, BaseImage=ECR, ClientToken="once")
    assert first["ImageVersionArn"] == again["ImageVersionArn"]
    assert len(sagemaker.list_image_versions(ImageName=image)["ImageVersions"]) == 4


def test_numbers_are_given_out_once_though_many_ask(sagemaker: Any, image: str) -> None:
    def create(_: int) -> str:
        return str(sagemaker.create_image_version(ImageName=image, BaseImage=ECR)["ImageVersionArn"])

    with ThreadPoolExecutor(8) as threads:
        arns = list(threads.map(create, range(16)))
    assert sorted(int(arn.rpartition("/")[2]) for arn in arns) == list(range(4, 20))


def test_a_deleted_version_is_gone_and_its_number_with_it(sagemaker: Any, image: str) -> None:
    sagemaker.delete_image_version(ImageName=image, Version=3)
    sagemaker.get_waiter("image_version_deleted").wait(ImageName=image, Version=3)
    assert sagemaker.create_image_version(ImageName=image, BaseImage=ECR)["ImageVersionArn"].endswith("/own/4")
    sagemaker.delete_image_version(ImageName=image, Alias="2.x")
    assert sagemaker.list_aliases(ImageName=image)["SageMakerImageVersionAliases"] == []
    assert refused(sagemaker.delete_image_version, ImageName=image)[0] == "ValidationException"


def test_versions_have_tags_of_their_own_and_go_with_their_image(sagemaker: Any) -> None:
    sagemaker.create_image(ImageName="gone", RoleArn=jobs.ROLE)
    arn = sagemaker.create_image_version(ImageName="gone", BaseImage=ECR)["ImageVersionArn"]
    sagemaker.add_tags(ResourceArn=arn, Tags=[{"Key": "a", "Value": "b"}])
    assert sagemaker.list_tags(ResourceArn=arn)["Tags"] == [{"Key": "a", "Value": "b"}]
    sagemaker.delete_image(ImageName="gone")
    sagemaker.get_waiter("image_deleted").wait(ImageName="gone")
    assert refused(sagemaker.list_tags, ResourceArn=arn)[0] == "ValidationException"
    sagemaker.create_image(ImageName="gone", RoleArn=jobs.ROLE)
    assert sagemaker.list_image_versions(ImageName="gone")["ImageVersions"] == []
    sagemaker.delete_image(ImageName="gone")


def test_waiters_end(sagemaker: Any, image: str) -> None:
    sagemaker.get_waiter("image_created").wait(ImageName=image)
    sagemaker.get_waiter("image_updated").wait(ImageName=image)
    sagemaker.get_waiter("image_version_created").wait(ImageName=image, Version=1)
    with pytest.raises(WaiterError, match="ResourceNotFound"):
        sagemaker.get_waiter("image_created").wait(ImageName="never")


def test_properties_can_be_taken_away(sagemaker: Any, image: str) -> None:
    sagemaker.update_image(ImageName=image, DeleteProperties=["Description"], DisplayName="m")
    told = sagemaker.describe_image(ImageName=image)
    assert ("Description" in told, told["DisplayName"]) == (False, "m")
    role = "arn:aws:iam::000000000000:role/nobody"
    assert refused(sagemaker.update_image, ImageName=image, RoleArn=role)[0] == "ValidationException"
