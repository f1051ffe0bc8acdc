"""Rules beside jobs that run: each a processing job that sees what is saved, and tells what it found."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests import jobs, processing
from tests.conftest import Studio
from tests.debugger import requests, scripts

pytestmark = pytest.mark.slow

Boto = Callable[..., Any]
_FINAL = {"NoIssuesFound", "IssuesFound", "Error", "Stopped"}
_STOP = r"[{\"name\": \"stoptraining\"}, {\"name\": \"email\", \"endpoint\": \"a@b.co\"}]"


@pytest.fixture(scope="module")
def s3(studio: Studio) -> Any:
    client = studio.client("s3")
    jobs.prepare(client)
    return client


@pytest.fixture
def sagemaker(boto: Boto) -> Any:
    return boto("sagemaker")


def evaluated(sagemaker: Any, name: str, seconds: float = 60) -> dict[str, dict[str, Any]]:
    """The statuses of a job's rules by their names, once all are final."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        found = sagemaker.describe_training_job(TrainingJobName=name)["DebugRuleEvaluationStatuses"]
        if all(each["RuleEvaluationStatus"] in _FINAL for each in found):
            return {each["RuleConfigurationName"]: each for each in found}
        time.sleep(0.1)
    raise AssertionError(f"not all rules of {name} have ended: {found}")


def lines(boto: Boto, status: dict[str, Any]) -> list[str]:
    """The log of a rule's job. Its ARN is in small letters, its name is not."""
    found = boto("sagemaker").list_processing_jobs(MaxResults=100)["ProcessingJobSummaries"]
    (name,) = [
        each["ProcessingJobName"] for each in found if each["ProcessingJobArn"] == status["RuleEvaluationJobArn"]
    ]
    return jobs.log_lines(boto("logs"), name, processing.GROUP)


def read(s3: Any, job: str, rule: str, name: str = "evaluation.json") -> Any:
    return json.loads(s3.get_object(Bucket="jobs", Key=f"out/{job}/rule-output/{rule}/{name}")["Body"].read())


def test_rules_tell_what_they_found_and_what_not(s3: Any, sagemaker: Any, boto: Boto) -> None:
    rules = [
        requests.rule("LossNotDecreasing", num_steps="2"),
        requests.rule("ExplodingTensor", "a name with a space"),
        requests.rule("UnchangedTensor", tensor_regex="^x$"),
        requests.rule("DeadRelu"),
    ]
    request = requests.training(s3, "a-job-whose-name-is-rather-long", scripts.FALLS, *rules)
    sagemaker.create_training_job(**request)
    first = sagemaker.describe_training_job(TrainingJobName=request["TrainingJobName"])["DebugRuleEvaluationStatuses"]
    assert [each["RuleEvaluationStatus"] for each in first] == ["InProgress"] * 4
    assert not any("StatusDetails" in each for each in first)
    found = evaluated(sagemaker, request["TrainingJobName"])
    job = jobs.ended(sagemaker, request["TrainingJobName"])
    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
    assert {name: each["RuleEvaluationStatus"] for name, each in found.items()} == {
        "LossNotDecreasing": "NoIssuesFound",
        "a name with a space": "NoIssuesFound",
        "UnchangedTensor": "IssuesFound",
        "DeadRelu": "NoIssuesFound",
    }
    fired = found["UnchangedTensor"]
    assert fired["StatusDetails"] == (
        "RuleEvaluationConditionMet: Evaluation of the rule UnchangedTensor at step 2 resulted in the condition being met\n"
    )
    assert "StatusDetails" not in found["DeadRelu"]
    start = "arn:aws:sagemaker:us-east-1:000000000000:processing-job/a-job-whose-name-is-rather-unchangedtensor-"
    assert fired["RuleEvaluationJobArn"].startswith(start)
    told = lines(boto, found["DeadRelu"])
    assert any("looked at nothing" in line and "What was saved: loss, x" in line for line in told), told
    assert any("reached end of training" in line for line in told)
    left = read(s3, request["TrainingJobName"], "UnchangedTensor")
    assert (left["rule"], left["status"], left["step"]) == ("UnchangedTensor", "IssuesFound", 2)
    assert left["finding"]["text"] == "x has not changed since step 0, in 3 steps"


def test_a_rules_job_is_listed_and_described_as_one(s3: Any, sagemaker: Any) -> None:
    sagemaker.create_training_job(**requests.training(s3, "listed", scripts.FALLS, requests.rule("VanishingGradient")))
    status = evaluated(sagemaker, "listed")["VanishingGradient"]
    (listed,) = sagemaker.list_processing_jobs(NameContains="listed-VanishingGradient-")["ProcessingJobSummaries"]
    assert listed["ProcessingJobArn"].lower() == status["RuleEvaluationJobArn"]
    found = sagemaker.describe_processing_job(ProcessingJobName=listed["ProcessingJobName"])
    assert found["ProcessingJobStatus"] == "Completed"
    assert found["TrainingJobArn"].endswith("training-job/listed")
    assert found["ProcessingInputs"][0]["S3Input"]["S3Uri"] == "s3://jobs/debug/listed/debug-output"
    output = found["ProcessingOutputConfig"]["Outputs"][0]["S3Output"]["S3Uri"]
    assert output == "s3://jobs/out/listed/rule-output/VanishingGradient"


def test_a_rule_that_fires_ends_the_training_where_that_is_asked(s3: Any, sagemaker: Any, boto: Boto) -> None:
    rules = [requests.rule("ExplodingTensor", action_json=_STOP), requests.rule("DeadRelu")]
    sagemaker.create_training_job(**requests.training(s3, "bad", scripts.EXPLODES, *rules))
    job = jobs.ended(sagemaker, "bad")
    assert job["TrainingJobStatus"] == "Stopped"
    found = evaluated(sagemaker, "bad")
    assert found["ExplodingTensor"]["StatusDetails"].endswith("at step 3 resulted in the condition being met\n")
    told = lines(boto, found["ExplodingTensor"])
    assert any("Action stoptraining: the training job bad was told to stop" in line for line in told), told
    assert any("SMDebugRule:ExplodingTensor fired. None" in line and "no SNS" in line for line in told)
    assert found["DeadRelu"]["RuleEvaluationStatus"] == "NoIssuesFound"
    steps = sagemaker.describe_training_job(TrainingJobName="bad")["SecondaryStatusTransitions"]
    assert steps[-1]["StatusMessage"] == "Training job stopped: the rule ExplodingTensor fired at step 3"
    assert read(s3, "bad", "ExplodingTensor")["stopped"] == ["bad"]


def test_a_prefix_of_two_jobs_stops_none(s3: Any, sagemaker: Any, boto: Boto) -> None:
    stop = r"{\"name\": \"stoptraining\", \"training_job_prefix\": \"twin\"}"
    for name in ("twin-1", "twin-2"):
        rules = [requests.rule("ExplodingTensor", action_json=stop)] if name == "twin-2" else []
        sagemaker.create_training_job(**requests.training(s3, name, scripts.EXPLODES, *rules))
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        (status,) = sagemaker.describe_training_job(TrainingJobName="twin-2")["DebugRuleEvaluationStatuses"]
        if status["RuleEvaluationStatus"] == "IssuesFound":
            break
        time.sleep(0.1)
    assert any("2 jobs in progress begin with 'twin', not one" in line for line in lines(boto, status))
    for name in ("twin-1", "twin-2"):
        assert sagemaker.describe_training_job(TrainingJobName=name)["TrainingJobStatus"] == "InProgress"
        sagemaker.stop_training_job(TrainingJobName=name)
        assert jobs.ended(sagemaker, name)["TrainingJobStatus"] == "Stopped"


def test_a_rule_can_be_stopped_while_its_job_goes_on(s3: Any, sagemaker: Any) -> None:
    sagemaker.create_training_job(**requests.training(s3, "alone", scripts.EXPLODES, requests.rule("DeadRelu")))
    while not (found := sagemaker.list_processing_jobs(NameContains="alone-DeadRelu")["ProcessingJobSummaries"]):
        time.sleep(0.1)
    sagemaker.stop_processing_job(ProcessingJobName=found[0]["ProcessingJobName"])
    assert evaluated(sagemaker, "alone")["DeadRelu"]["RuleEvaluationStatus"] == "Stopped"
    assert sagemaker.describe_training_job(TrainingJobName="alone")["TrainingJobStatus"] == "InProgress"
    sagemaker.stop_training_job(TrainingJobName="alone")
    jobs.ended(sagemaker, "alone")


def test_the_commands_show_which_rule_ended_a_job(s3: Any, sagemaker: Any, studio: Studio, tmp_path: Path) -> None:
    rules = [requests.rule("ExplodingTensor", action_json=_STOP), requests.rule("LossNotDecreasing")]
    sagemaker.create_training_job(**requests.training(s3, "shown", scripts.EXPLODES, *rules))
    jobs.ended(sagemaker, "shown")
    evaluated(sagemaker, "shown")
    wide = {**studio.environment, "COLUMNS": "300"}
    page = studio.clary("describe", "shown", "--data", str(studio.data), env=wide).stdout
    assert "Stopped: the rule ExplodingTensor fired at step 3" in page, page
    assert (
        "ExplodingTensor: IssuesFound at step 3: loss holds 1 NaN of 1 numbers. stoptraining: the training job" in page
    )
    assert "email: to a@b.co, subject 'SMDebugRule:ExplodingTensor fired'" in page
    assert "LossNotDecreasing: NoIssuesFound" in page
    status = studio.clary("status", "--data", str(studio.data), env=wide).stdout
    assert re.search(r"shown +Stopped .* the rule ExplodingTensor fired at step 3", status), status
    assert re.search(r"shown-ExplodingTensor-\w{8} .*\$0, a built-in rule", status), status
    told = studio.clary(
        "debugger", "report", "shown", "--data", str(studio.data), "--output", str(tmp_path / "page.html")
    )
    assert told.returncode == 0, told.stderr
    html = (tmp_path / "page.html").read_text()
    for text in ("ExplodingTensor fired", "loss holds 1 NaN of 1 numbers", "1 of 2 rules found an issue", "<polyline"):
        assert text in html
    assert "http" not in html.replace("http://www.w3.org", "")  # nothing is loaded
    deadline = time.monotonic() + 90
    while time.monotonic() < deadline:
        if s3.list_objects_v2(Bucket="jobs", Prefix="out/shown/rule-output/report.html")["KeyCount"]:
            break
        time.sleep(0.1)
    stored = s3.get_object(Bucket="jobs", Key="out/shown/rule-output/report.html")
    assert stored["ContentType"] == "text/html"
    assert b"ExplodingTensor fired" in stored["Body"].read()


def test_a_job_without_rules_has_no_report(s3: Any, sagemaker: Any, studio: Studio) -> None:
    found = studio.clary("debugger", "report", "nothing", "--data", str(studio.data))
    assert found.returncode == 1
    assert "There is no training job 'nothing'" in found.stderr


BOOSTS = """
import numpy as np
import xgboost
chance = np.random.default_rng(1)
rows = chance.normal(size=(400, 5))
labels = ((rows[:, 0] > 0) ^ (chance.random(400) < 0.1)).astype(float)
data, unseen = xgboost.DMatrix(rows[:300], labels[:300]), xgboost.DMatrix(rows[300:], labels[300:])
told = {"eta": 0.5, "objective": "binary:logistic", "max_depth": 7, "eval_metric": ["logloss"]}
xgboost.train(told, data, num_boost_round=30, evals=[(data, "train"), (unseen, "validation")])
"""


def test_rules_for_boosted_trees(s3: Any, sagemaker: Any, boto: Boto) -> None:
    rules = [
        requests.rule("TreeDepth", depth="4"),
        requests.rule("FeatureImportanceOverweight", threshold="0.99"),
        requests.rule("Overfit", tensor_regex="logloss"),
        requests.rule("Confusion", min_diag="0.5", max_off_diag="0.5"),
        requests.rule("CreateXgboostReport"),
    ]
    every = [
        requests.collection(name, save_interval="5")
        for name in ("metrics", "feature_importance", "trees", "labels", "predictions", "hyperparameters")
    ]
    request = requests.training(s3, "boosted", BOOSTS, *rules, DebugHookConfig=requests.hook(*every))
    image = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:3.2-1"
    request["AlgorithmSpecification"] = {"TrainingImage": image, "TrainingInputMode": "File"}
    sagemaker.create_training_job(**request)
    assert jobs.ended(sagemaker, "boosted")["TrainingJobStatus"] == "Completed"
    found = evaluated(sagemaker, "boosted", 120)
    assert {name: each["RuleEvaluationStatus"] for name, each in found.items()} == {
        "TreeDepth": "IssuesFound",
        "FeatureImportanceOverweight": "NoIssuesFound",
        "Overfit": "IssuesFound",
        "Confusion": "NoIssuesFound",
        "CreateXgboostReport": "NoIssuesFound",
    }, {name: lines(boto, each) for name, each in found.items()}
    base = "out/boosted/rule-output/CreateXgboostReport"
    page = s3.get_object(Bucket="jobs", Key=f"{base}/xgboost_report.html")["Body"].read().decode()
    for text in ("Metric logloss", "Feature importance by gain", "Confusion matrix", "Hyperparameters", "max_depth"):
        assert text in page
    notebook = read(s3, "boosted", "CreateXgboostReport", "xgboost_report.ipynb")
    assert notebook["nbformat"] == 4
    assert any("validation-logloss" in cell["source"] for cell in notebook["cells"])
