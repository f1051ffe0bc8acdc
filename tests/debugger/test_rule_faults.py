"""kill -9 of the server while a rule looks: the rule goes on, and what it finds is told after the restart."""

from __future__ import annotations

from typing import Any

import pytest

from tests import jobs, processing
from tests.conftest import Studio
from tests.debugger import requests, scripts
from tests.waiting import until

pytestmark = pytest.mark.slow

_STOP = r"{\"name\": \"stoptraining\"}"


def rule_job(studio: Studio, job: str) -> str:
    """The name of the only rule's job, once there is one."""
    client = studio.client("sagemaker")
    (found,) = until(lambda: client.list_processing_jobs(NameContains=f"{job}-")["ProcessingJobSummaries"])
    return str(found["ProcessingJobName"])


def test_a_rule_and_its_job_outlive_the_server(fresh_studio: Studio) -> None:
    s3 = fresh_studio.client("s3")
    jobs.prepare(s3)
    rule = requests.rule("ExplodingTensor", action_json=_STOP)
    fresh_studio.client("sagemaker").create_training_job(**requests.training(s3, "lives", scripts.GOES_ON, rule))
    name = rule_job(fresh_studio, "lives")
    jobs.wait_for_line(fresh_studio.client("logs"), name, "[", processing.GROUP)
    fresh_studio.kill()
    fresh_studio.start()
    sagemaker = fresh_studio.client("sagemaker")
    assert jobs.ended(sagemaker, "lives")["TrainingJobStatus"] == "Stopped"

    def fired() -> Any:
        (status,) = sagemaker.describe_training_job(TrainingJobName="lives")["DebugRuleEvaluationStatuses"]
        return status if status["RuleEvaluationStatus"] == "IssuesFound" else None

    status = until(fired)
    assert status["StatusDetails"].endswith("at step 40 resulted in the condition being met\n")
    assert len(sagemaker.list_processing_jobs(NameContains="lives-")["ProcessingJobSummaries"]) == 1
    transitions = until(lambda: _explained(sagemaker, "lives"))
    assert transitions.endswith("the rule ExplodingTensor fired at step 40")


def _explained(sagemaker: Any, job: str) -> str:
    found = sagemaker.describe_training_job(TrainingJobName=job)["SecondaryStatusTransitions"][-1]["StatusMessage"]
    return str(found) if "rule" in found else ""


@pytest.mark.parametrize("moment", ["as it is made", "when its job has ended"])
def test_a_crash_before_and_after_a_rule_leaves_one_and_its_status(fresh_studio: Studio, moment: str) -> None:
    s3 = fresh_studio.client("s3")
    jobs.prepare(s3)
    request = requests.training(s3, "short", scripts.FALLS, requests.rule("UnchangedTensor", tensor_regex="^x$"))
    fresh_studio.client("sagemaker").create_training_job(**request)
    if moment == "when its job has ended":
        jobs.ended(fresh_studio.client("sagemaker"), "short")
    fresh_studio.kill()
    fresh_studio.start()
    sagemaker = fresh_studio.client("sagemaker")
    jobs.ended(sagemaker, "short")

    def final() -> Any:
        (status,) = sagemaker.describe_training_job(TrainingJobName="short")["DebugRuleEvaluationStatuses"]
        return status if status["RuleEvaluationStatus"] != "InProgress" else None

    assert until(final)["RuleEvaluationStatus"] == "IssuesFound"
    assert len(sagemaker.list_processing_jobs(NameContains="short-")["ProcessingJobSummaries"]) == 1


def test_a_rule_neither_waits_for_room_nor_takes_any(fresh_studio: Studio) -> None:
    fresh_studio.stop()
    fresh_studio.environment["CLARY_JOBS"] = "1"
    fresh_studio.start()
    s3, sagemaker = fresh_studio.client("s3"), fresh_studio.client("sagemaker")
    jobs.prepare(s3)
    sagemaker.create_training_job(**requests.training(s3, "first", scripts.EXPLODES, requests.rule("ExplodingTensor")))
    sagemaker.create_training_job(**jobs.training(s3, "second", "print('here')"))

    def status() -> str:
        (found,) = sagemaker.describe_training_job(TrainingJobName="first")["DebugRuleEvaluationStatuses"]
        return str(found["RuleEvaluationStatus"])

    until(lambda: status() == "IssuesFound")  # though the only room is taken
    waits = sagemaker.describe_training_job(TrainingJobName="second")
    assert "1st in the queue, 1 job runs" in waits["SecondaryStatusTransitions"][-1]["StatusMessage"]
    sagemaker.stop_training_job(TrainingJobName="first")
    assert jobs.ended(sagemaker, "second")["TrainingJobStatus"] == "Completed"


def test_rules_work_without_a_sandbox(fresh_studio: Studio) -> None:
    """What they see are copies there, not links: nothing keeps a rule from writing to them."""
    fresh_studio.stop()
    fresh_studio.environment["CLARY_SANDBOX"] = "off"
    fresh_studio.start()
    s3, sagemaker = fresh_studio.client("s3"), fresh_studio.client("sagemaker")
    jobs.prepare(s3)
    rule = requests.rule("ExplodingTensor", action_json=_STOP)
    sagemaker.create_training_job(**requests.training(s3, "plain", scripts.EXPLODES, rule))
    assert jobs.ended(sagemaker, "plain")["TrainingJobStatus"] == "Stopped"
    assert until(lambda: _explained(sagemaker, "plain")).endswith("the rule ExplodingTensor fired at step 3")
