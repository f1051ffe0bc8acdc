"""Training by AlgorithmName: what the algorithm fills in is used, what it does not take is refused."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests import jobs
from tests.conftest import Studio

TRAINING: dict[str, Any] = {
    "TrainingImage": jobs.IMAGE,
    "SupportedTrainingInstanceTypes": ["ml.m5.large"],
    "TrainingChannels": [
        {
            "Name": "train",
            "IsRequired": True,
            "SupportedContentTypes": ["text/csv"],
            "SupportedCompressionTypes": ["None"],
            "SupportedInputModes": ["File"],
        }
    ],
    "MetricDefinitions": [{"Name": "loss", "Regex": "loss=([0-9.]+)"}],
    "SupportedHyperParameters": [
        {
            "Name": "depth",
            "Type": "Integer",
            "DefaultValue": "3",
            "Range": {"IntegerParameterRangeSpecification": {"MinValue": "1", "MaxValue": "9"}},
        },
        {
            "Name": "eta",
            "Type": "Continuous",
            "Range": {"ContinuousParameterRangeSpecification": {"MinValue": "0", "MaxValue": "1"}},
        },
        {
            "Name": "kind",
            "Type": "Categorical",
            "IsRequired": True,
            "Range": {"CategoricalParameterRangeSpecification": {"Values": ["tree", "line"]}},
        },
        {"Name": "note", "Type": "FreeText"},
    ],
}


@pytest.fixture(scope="module")
def s3(studio: Studio) -> Any:
    client = studio.client("s3")
    jobs.prepare(client)
    studio.client("sagemaker").create_algorithm(AlgorithmName="trees", TrainingSpecification=TRAINING)
    return client


def request(s3: Any, name: str, script: str = "", **hyperparameters: str) -> dict[str, Any]:
    made = jobs.training(s3, name, script, hyperparameters={"kind": "tree", **hyperparameters})
    made["AlgorithmSpecification"] = {"AlgorithmName": "trees", "TrainingInputMode": "File"}
    return made


@pytest.mark.slow
def test_the_algorithm_s_image_defaults_and_metrics_are_used(s3: Any, sagemaker: Any, boto: Any) -> None:
    script = "import sys\nprint(sys.argv[1:])\nprint('loss=0.25')\n"
    sagemaker.create_training_job(**request(s3, "by-name", script, eta="0.5"))
    job = jobs.ended(sagemaker, "by-name")
    assert job["TrainingJobStatus"] == "Completed", job["FailureReason"]
    assert job["AlgorithmSpecification"]["AlgorithmName"] == "trees"
    assert job["HyperParameters"]["depth"] == "3"
    assert [metric["Value"] for metric in job["FinalMetricDataList"]] == [0.25]
    assert "['--depth', '3', '--eta', '0.5', '--kind', 'tree']" in jobs.log_lines(boto("logs"), "by-name")


@pytest.mark.parametrize(
    ("hyperparameters", "text"),
    [
        ({"depth": "many"}, "'depth' is 'many'; it takes a whole number"),
        ({"depth": "10"}, "'depth' is 10; it takes a whole number from 1 to 9"),
        ({"eta": "1.5"}, "it takes a number from 0 to 1"),
        ({"kind": "wood"}, "it takes one of: tree, line"),
        ({"width": "1"}, "no hyperparameter 'width'; it has: depth, eta, kind, note"),
    ],
)
def test_hyperparameters_that_it_does_not_take_are_refused(
    s3: Any, sagemaker: Any, hyperparameters: dict[str, str], text: str
) -> None:
    with pytest.raises(ClientError, match=text):
        sagemaker.create_training_job(**request(s3, "refused", **hyperparameters))


def test_what_else_it_does_not_take_is_refused(s3: Any, sagemaker: Any) -> None:
    good = request(s3, "refused")

    def refused(text: str, **change: Any) -> None:
        with pytest.raises(ClientError, match=text):
            sagemaker.create_training_job(**{**copy.deepcopy(good), **change})

    channel = good["InputDataConfig"][0]
    several = {"InstanceType": "ml.m5.large", "InstanceCount": 2, "VolumeSizeInGB": 1}
    both = {"AlgorithmName": "trees", "TrainingImage": jobs.IMAGE, "TrainingInputMode": "File"}
    missing = {"AlgorithmName": "nobody", "TrainingInputMode": "File"}
    refused("requires the channel 'train'", InputDataConfig=[{**channel, "ChannelName": "other"}])
    refused("no channel 'other'; it has: train", InputDataConfig=[channel, {**channel, "ChannelName": "other"}])
    refused("does not support the ContentType text/plain", InputDataConfig=[{**channel, "ContentType": "text/plain"}])
    refused("supports: ml.m5.large", ResourceConfig={**several, "InstanceType": "ml.c5.xlarge"})
    refused("does not support distributed training", ResourceConfig=several)
    refused("requires the hyperparameter 'kind'", HyperParameters={})
    refused("You can't specify both AlgorithmName and TrainingImage", AlgorithmSpecification=both)
    refused("neither TrainingImage nor AlgorithmName", AlgorithmSpecification={"TrainingInputMode": "File"})
    refused("algorithm/nobody does not exist", AlgorithmSpecification=missing)
