"""The parameters of rules and the actions, as texts of a request."""

from __future__ import annotations

import re

import pytest

from clary.images import catalog
from clary.images.debugger_rules import actions, table


@pytest.mark.parametrize("repository", ["sagemaker-debugger-rules", "sagemaker-debugger-rule-evaluator"])
def test_both_images_are_found_and_their_jobs_stand_beside_others(repository: str) -> None:
    uri = f"503895931360.dkr.ecr.eu-west-1.amazonaws.com/{repository}:latest"
    image = catalog.find(uri)
    assert (image.name, image.beside, image.note) == ("debugger_rules", True, None)
    assert catalog.repository(uri) == repository
    assert not catalog.find("sagemaker-scikit-learn").beside


@pytest.mark.parametrize("name", [name for name, rule in table.RULES.items() if not rule.needs and not rule.compares])
def test_every_default_reads_as_what_it_is(name: str) -> None:
    values = table.read(name, {"rule_to_invoke": name})
    assert set(values) == set(table.RULES[name].parameters)


def test_texts_become_what_they_are() -> None:
    read = table.read("LossNotDecreasing", {"num_steps": "20.0", "diff_percent": " 1e-1 ", "mode": "modes.eval"})
    assert (read["num_steps"], read["diff_percent"], read["mode"]) == (20, 0.1, "EVAL")
    assert read["use_losses_collection"] is True
    assert read["collection_names"] is None
    assert table.read("ExplodingTensor", {"collection_names": "weights, losses"})["collection_names"] == [
        "weights",
        "losses",
    ]
    tokens = table.read("NLPSequenceRatio", {"token_values": "[0, 3]", "token_thresholds_percent": "50,12.5"})
    assert (tokens["token_values"], tokens["token_thresholds_percent"]) == ([0, 3], [50, 12.5])


@pytest.mark.parametrize(
    ("rule", "given", "said"),
    [
        ("TreeDepth", {"depth": "-1"}, "the parameter depth of the rule TreeDepth is '-1': it must be a whole number"),
        ("VanishingGradient", {"threshold": ""}, "it must be a number"),
        ("VanishingGradient", {"other_trial_0": "s3://a/b"}, "has no parameter 'other_trial_0'"),
    ],
)
def test_what_does_not_is_told(rule: str, given: dict[str, str], said: str) -> None:
    with pytest.raises(table.BadParameter, match=re.escape(said)):
        table.read(rule, given)


def test_actions_are_read_as_the_sdk_writes_them() -> None:
    text = r"[{\"training_job_prefix\": \"my-job\", \"name\": \"stoptraining\"}, {\"endpoint\": \"+1555\", \"name\": \"sms\"}]"
    assert actions.parse(text, "job") == [actions.Action("stoptraining", "my-job"), actions.Action("sms", "+1555")]
    assert actions.parse(r"{\"name\": \"StopTraining\"}", "job") == [actions.Action("stoptraining", "job")]
    assert actions.parse('{"name": "email", "endpoint": "a@b.co"}', "job") == [actions.Action("email", "a@b.co")]
    assert actions.parse("  ", "job") == []


@pytest.mark.parametrize("text", ["x", "3", "[3]", '[{"name": "stoptraining", "training_job_prefix": "a b"}]', "[{}]"])
def test_what_is_no_action_is_refused(text: str) -> None:
    with pytest.raises(actions.BadActions):
        actions.parse(text, "job")
