"""What all List operations share: filters, orders, pages, tokens; shown by models, of which one may have thousands."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests import jobs
from tests.conftest import Studio

Boto = Callable[..., Any]

NAMES = ["b-two", "A-one", "c-three", "a-four", "D-five"]


@pytest.fixture(scope="module")
def made(studio: Studio) -> dict[str, datetime]:
    """Models and endpoint configurations of each name, in this order, and when they were made."""
    sagemaker = studio.client("sagemaker")
    for name in NAMES:
        container = {"Image": jobs.IMAGE, "ModelDataUrl": "s3://jobs/model.tar.gz"}
        sagemaker.create_model(ModelName=name, ExecutionRoleArn=jobs.ROLE, PrimaryContainer=container)
        variant = {"VariantName": "V", "ModelName": name, "InitialInstanceCount": 1, "InstanceType": "ml.m5.large"}
        sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[variant])
        time.sleep(0.002)  # so that each has a millisecond of its own
    return {name: sagemaker.describe_model(ModelName=name)["CreationTime"] for name in NAMES}


@pytest.fixture
def models(boto: Boto, made: dict[str, datetime]) -> Callable[..., list[str]]:
    client = boto("sagemaker")

    def names(**request: Any) -> list[str]:
        pages = client.get_paginator("list_models").paginate(PaginationConfig={"PageSize": 2}, **request)
        return [model["ModelName"] for page in pages for model in page["Models"]]

    return names


def test_the_newest_come_first_and_any_order_may_be_asked_for(models: Callable[..., list[str]]) -> None:
    assert models() == NAMES[::-1]
    assert models(SortOrder="Ascending") == NAMES
    assert models(SortBy="Name", SortOrder="Ascending") == sorted(NAMES)
    assert models(SortBy="Name") == sorted(NAMES, reverse=True)


def test_names_are_found_by_a_part_of_them_in_any_case(models: Callable[..., list[str]]) -> None:
    assert models(NameContains="a-") == ["a-four", "A-one"]
    assert models(NameContains="FIVE") == ["D-five"]
    assert models(NameContains="six") == []


def test_times_bound_the_list_and_the_bounds_belong_to_it(
    models: Callable[..., list[str]], made: dict[str, datetime]
) -> None:
    third = made["c-three"]
    assert models(CreationTimeAfter=third) == ["D-five", "a-four", "c-three"]
    assert models(CreationTimeBefore=third) == ["c-three", "A-one", "b-two"]
    assert models(CreationTimeAfter=third, CreationTimeBefore=third) == ["c-three"]
    assert models(CreationTimeAfter=datetime.now(UTC) + timedelta(days=1)) == []
    assert models(CreationTimeAfter=third, NameContains="F", SortBy="Name") == ["a-four", "D-five"]


def test_pages_hold_together_while_models_come_and_go(boto: Boto, made: dict[str, datetime]) -> None:
    client = boto("sagemaker")
    container = {"Image": jobs.IMAGE}
    first = client.list_models(MaxResults=2, SortBy="Name", SortOrder="Ascending")
    client.create_model(ModelName="A-zero", ExecutionRoleArn=jobs.ROLE, PrimaryContainer=container)
    client.delete_model(ModelName="A-zero")
    client.create_model(ModelName="aa", ExecutionRoleArn=jobs.ROLE, PrimaryContainer=container)
    rest = client.list_models(MaxResults=9, SortBy="Name", SortOrder="Ascending", NextToken=first["NextToken"])
    client.delete_model(ModelName="aa")
    assert [m["ModelName"] for m in first["Models"]] == ["A-one", "D-five"]
    assert [m["ModelName"] for m in rest["Models"]] == ["a-four", "aa", "b-two", "c-three"]
    assert "NextToken" not in rest


@pytest.mark.parametrize(
    "token",
    ["x", "eyJ9", "WzEsMl0=", "WyJcdWQ4MDAiLCAiYSJd", "WzFlOTk5LCAiYSJd", "WzEwMDAwMDAwMDAwMDAwMDAwMDAwMCwgImEiXQ=="],
)
def test_a_token_that_is_not_ours_is_refused(boto: Boto, token: str) -> None:
    with pytest.raises(ClientError, match="Invalid pagination token") as error:
        boto("sagemaker").list_models(NextToken=token)
    assert error.value.response["Error"]["Code"] == "ValidationException"


def test_a_name_that_differs_by_case_only_has_the_same_arn_and_is_taken(boto: Boto, made: dict[str, datetime]) -> None:
    with pytest.raises(ClientError, match=r'Cannot create already existing model ".*:model/b-two"'):
        boto("sagemaker").create_model(
            ModelName="B-Two", ExecutionRoleArn=jobs.ROLE, PrimaryContainer={"Image": jobs.IMAGE}
        )


@pytest.mark.parametrize(
    "operation", ["list_endpoint_configs", "list_endpoints", "list_training_jobs", "list_auto_ml_jobs"]
)
def test_every_order_and_filter_of_the_model_is_served(boto: Boto, made: dict[str, datetime], operation: str) -> None:
    client = boto("sagemaker")
    shape = client.meta.service_model.operation_model(client.meta.method_to_api_mapping[operation]).input_shape
    for member, each in shape.members.items():
        if member in {"NextToken", "MaxResults"}:
            continue
        now = datetime.now(UTC)
        text = "arn:aws:sagemaker:us-east-1:000000000000:training-plan/p" if member.endswith("ArnEquals") else "a"
        for value in each.metadata.get("enum") or [now if each.type_name == "timestamp" else text]:
            answer = getattr(client, operation)(**{member: value})
            listed = next(value for value in answer.values() if isinstance(value, list))
            if operation == "list_endpoint_configs" and member == "NameContains":
                assert {c["EndpointConfigName"] for c in listed} == {"A-one", "a-four"}
