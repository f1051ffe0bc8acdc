"""What CreateTrainingJob says to rules: none of these requests starts anything."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from tests import jobs
from tests.conftest import Studio
from tests.debugger import requests
from tests.refusals import refused


@pytest.fixture(scope="module")
def s3(studio: Studio) -> Any:
    client = studio.client("s3")
    jobs.prepare(client)
    client.put_object(Bucket=jobs.BUCKET, Key="rules/mine.py", Body=b"")
    return client


@pytest.fixture
def ask(s3: Any, boto: Callable[..., Any]) -> Callable[..., tuple[str, str]]:
    """The error that a job with such rules gets."""
    sagemaker = boto("sagemaker")

    def refusal(*rules: dict[str, Any], **given: Any) -> tuple[str, str]:
        return refused(sagemaker.create_training_job, **requests.training(s3, "never", "", *rules, **given))

    return refusal


@pytest.mark.parametrize(
    ("rules", "said"),
    [
        ([requests.rule("Explode")], r"The rule 'Explode': rule_to_invoke is 'Explode', which is no built-in rule; there are: "
         r"VanishingGradient, ExplodingTensor, .*A rule of one's own runs in the image sagemaker-debugger-rule-evaluator"),
        ([requests.rule("DeadRelu", only_nan="True")],
         r"the rule DeadRelu has no parameter 'only_nan'; it has: tensor_regex, threshold_inactivity, threshold_layer\."),
        ([requests.rule("CreateXgboostReport", depth="3")], "has no parameter 'depth'; it has: none of its own"),
        ([requests.rule("TreeDepth", depth="deep")], "the parameter depth of the rule TreeDepth is 'deep': it must be a whole"),
        ([requests.rule("ExplodingTensor", only_nan="yes")], "only_nan .* is 'yes': it must be True or False"),
        ([requests.rule("DeadRelu", tensor_regex="(")], r"tensor_regex of the rule DeadRelu is '\('"),
        ([requests.rule("LossNotDecreasing", mode="VALIDATE")], "it must be one of TRAIN, EVAL, PREDICT, GLOBAL"),
        ([requests.rule("NLPSequenceRatio", token_values="0, 1")], "as many token_thresholds_percent as token_values"),
        ([requests.rule("SimilarAcrossRuns")], "needs other_trial_0, the S3 URI of another job's debug-output"),
        ([requests.rule("SimilarAcrossRuns", other_trial_0="s3://gone/x")], "other_trial_0 .* the bucket 'gone'"),
        ([requests.rule("TensorVariance")], "needs one of the parameters max_threshold and min_threshold"),
        ([requests.rule("AllZero")], "needs one of the parameters collection_names and tensor_regex"),
        ([requests.rule("DeadRelu"), requests.rule("DeadRelu")], "'DeadRelu' is given twice"),
        ([{**requests.rule("DeadRelu"), "RuleParameters": {}}], "The rule 'DeadRelu': rule_to_invoke is missing; there are"),
        ([{**requests.rule("DeadRelu"), "S3OutputPath": "s3://gone"}], "the bucket 'gone', which does not exist"),
        ([requests.rule("DeadRelu", action_json="{")], "action_json is not JSON"),
        ([requests.rule("DeadRelu", action_json=r'{\"name\": \"page\"}')], "has the action 'page'; there are: stoptraining"),
        ([requests.rule("DeadRelu", action_json=r'{\"name\": \"sms\"}')], "the action sms of action_json needs an endpoint"),
        ([requests.rule("Mine", image=requests.CUSTOM)], "needs the parameter source_s3_uri"),
        ([requests.rule("Mine", image=requests.CUSTOM, source_s3_uri="s3://jobs/none.py")],
         "there is no object at source_s3_uri, s3://jobs/none.py"),
        ([requests.rule("Mine", image=requests.CUSTOM, source_s3_uri="s3://jobs/in/a.csv")], "must be a Python file"),
        ([requests.rule("Mine", image=requests.CUSTOM, source_s3_uri="s3://jobs/rules/mine.py", **{"a-b": "1"})],
         "'a-b' cannot be an argument"),
    ],
)  # fmt: skip
def test_a_rule_that_cannot_be_evaluated_is_told_why(
    rules: list[dict[str, Any]], said: str, ask: Callable[..., tuple[str, str]]
) -> None:
    code, message = ask(*rules)
    assert code == "ValidationException"
    assert re.search(said, message), message


def test_rules_need_a_hook(s3: Any, boto: Callable[..., Any]) -> None:
    request = requests.training(s3, "never", "", requests.rule("DeadRelu"))
    del request["DebugHookConfig"]
    code, message = refused(boto("sagemaker").create_training_job, **request)
    assert code == "ValidationException"
    assert "DebugRuleConfigurations need a DebugHookConfig" in message


def test_an_image_of_ones_own_is_not_served(ask: Callable[..., tuple[str, str]]) -> None:
    code, message = ask(requests.rule("DeadRelu", image="1.dkr.ecr.us-east-1.amazonaws.com/mine:1"))
    assert code == "NotImplemented"
    assert "rules run in the images sagemaker-debugger-rules" in message


def test_profiler_rules_are_not_served_yet(ask: Callable[..., tuple[str, str]]) -> None:
    profiled = {**requests.rule("ProfilerReport"), "RuleConfigurationName": "ProfilerReport-17"}
    code, message = ask(ProfilerRuleConfigurations=[profiled])
    assert code == "NotImplemented"
    assert "with the profiler rule 'ProfilerReport-17' is not served yet" in message
    assert "Leave it out of rules" in message
