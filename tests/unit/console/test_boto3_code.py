"""The boto3 call beside a page is one that can be run as it stands."""

from __future__ import annotations

import ast
from datetime import UTC, datetime
from typing import Any

import pytest

from clary.console import boto3_code

LONG: dict[str, Any] = {
    "TrainingJobName": "a-name",
    "HyperParameters": {"alpha": "0.5", "objective": 'a "quoted" word', "path": "C:\\x"},
    "InputDataConfig": [
        {
            "ChannelName": name,
            "DataSource": {"S3DataSource": {"S3Uri": f"s3://bucket/{name}", "S3DataType": "S3Prefix"}},
        }
        for name in ("train", "validation", "test")
    ],
    "EnableNetworkIsolation": True,
}


def read(code: str) -> dict[str, Any]:
    """The members of the call that the program makes."""
    made = ast.parse(code).body[-1]
    assert isinstance(made, ast.Expr)
    assert isinstance(made.value, ast.Call)
    return {keyword.arg or "": ast.literal_eval(keyword.value) for keyword in made.value.keywords}


def test_a_short_call_is_one_line() -> None:
    code = boto3_code.call("sagemaker", "DescribeModel", {"ModelName": "m"})
    assert code == 'import boto3\n\nboto3.client("sagemaker").describe_model(ModelName="m")'


@pytest.mark.parametrize("request_", [LONG, {}, {"Name": "<b>'x'</b>\n"}], ids=["long", "empty", "odd"])
def test_what_it_says_is_what_was_meant(request_: dict[str, Any]) -> None:
    assert read(boto3_code.call("sagemaker", "CreateTrainingJob", request_)) == request_


def test_times_are_written_as_boto3_reads_them() -> None:
    time = datetime(2026, 3, 1, tzinfo=UTC)
    assert read(boto3_code.call("logs", "FilterLogEvents", {"startTime": time})) == {"startTime": time.isoformat()}
    inner = {"Rule": {"Begins": time, "Names": ["a"] * 30}}
    assert read(boto3_code.call("x", "Y", inner)) == {"Rule": {"Begins": time.isoformat(), "Names": ["a"] * 30}}


def test_a_long_value_is_one_element_a_line() -> None:
    code = boto3_code.call("sagemaker", "CreateTrainingJob", LONG).splitlines()
    start = code.index("    InputDataConfig=[")
    assert code[start + 1 : start + 4] == [
        "        {",
        '            "ChannelName": "train",',
        '            "DataSource": {',
    ]
    assert code[start + 4].startswith('                "S3DataSource": {"S3Uri": "s3://bucket/train"')
    assert max(map(len, code)) < 100
