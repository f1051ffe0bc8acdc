"""What jobs and endpoints would have cost, told from what Describe tells of them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from clary import costs

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
TWO = {"InstanceType": "ml.m5.xlarge", "InstanceCount": 2}


@pytest.mark.parametrize(
    ("noun", "described"),
    [
        ("TrainingJob", {"ResourceConfig": TWO, "TrainingTimeInSeconds": 3600}),
        ("TrainingJob", {"ResourceConfig": TWO, "TrainingStartTime": NOW - HOUR}),
        (
            "TrainingJob",
            {"ResourceConfig": {"InstanceGroups": [{**TWO, "InstanceGroupName": "a"}]}, "TrainingTimeInSeconds": 3600},
        ),
        (
            "ProcessingJob",
            {
                "ProcessingResources": {"ClusterConfig": TWO},
                "ProcessingStartTime": NOW - 2 * HOUR,
                "ProcessingEndTime": NOW - HOUR,
            },
        ),
        ("TransformJob", {"TransformResources": TWO, "TransformStartTime": NOW - HOUR}),
    ],
    ids=["ended", "running", "groups", "processing", "transform"],
)
def test_an_hour_of_two_instances(noun: str, described: dict[str, Any]) -> None:
    assert costs.of_job(noun, described, NOW) == "$0.4600, $0.1380"


def test_a_job_that_has_not_begun_costs_nothing_yet() -> None:
    assert costs.of_job("TrainingJob", {"ResourceConfig": TWO}, NOW) == "$0.0000, $0.0000"


def test_an_endpoint_costs_as_long_as_it_is_there() -> None:
    config = {"ProductionVariants": [{"InstanceType": "ml.g5.xlarge", "InitialInstanceCount": 1}]}
    assert costs.of_endpoint({"CreationTime": NOW - 10 * HOUR}, config, NOW) == "$14.08, $5.35"


def test_a_type_without_a_price_is_said_to_have_none() -> None:
    config = {"ProductionVariants": [{"InstanceType": "ml.p4d.24xlarge", "InitialInstanceCount": 1}]}
    assert costs.of_endpoint({"CreationTime": NOW}, config, NOW) == "no price known"


def test_a_built_in_rule_costs_nothing() -> None:
    described = {
        "ProcessingResources": {"ClusterConfig": TWO},
        "ProcessingStartTime": NOW - HOUR,
        "AppSpecification": {
            "ImageUri": "503895931360.dkr.ecr.us-east-1.amazonaws.com/sagemaker-debugger-rules:latest"
        },
    }
    assert costs.of_job("ProcessingJob", described, NOW) == "$0, a built-in rule"
