"""Debugger's built-in model rules: their names, and their parameters with what they are and what they default to.

The server checks a request by it, the evaluator reads the texts of RuleParameters by it. Sources: SageMaker's developer
guide, "List of Debugger built-in rules", and smdebug-rulesconfig 1.0.1, which names the rules.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Kind = Literal["number", "count", "flag", "text", "regex", "names", "numbers", "mode"]
"""``count``: a whole number from 0 on. ``names``, ``numbers``: several, with commas between. ``mode``: of the training."""

MODES = ("TRAIN", "EVAL", "PREDICT", "GLOBAL")

OF_EVERY_RULE = ("rule_to_invoke", "action_json")
"""Parameters that are no rule's own: which it is, and what is done when it fires."""

OTHER_TRIAL = re.compile(r"other_trial_\d+")
"""Parameters that name the tensors of another job, as an S3 URI."""


@dataclass(frozen=True)
class Parameter:
    """``default`` is a text, as a request has it; None where the rule does without."""

    kind: Kind
    default: str | None = None


@dataclass(frozen=True, kw_only=True)
class Rule:
    """``needs``: parameters of which it needs one. ``compares``: whether it takes other trials, and cannot do without."""

    parameters: Mapping[str, Parameter] = field(default_factory=dict)
    needs: tuple[str, ...] = ()
    compares: bool = False


class BadParameter(Exception):
    """A parameter that a rule does not have, that is missing, or that does not read as what it is; the message says which."""


_TENSORS = {"collection_names": Parameter("names"), "tensor_regex": Parameter("regex")}

RULES: Mapping[str, Rule] = {
    "VanishingGradient": Rule(parameters={"threshold": Parameter("number", "0.0000001")}),
    "ExplodingTensor": Rule(parameters={**_TENSORS, "only_nan": Parameter("flag", "False")}),
    "PoorWeightInitialization": Rule(
        parameters={
            "activation_inputs_regex": Parameter("regex", ".*relu_input"),
            "threshold": Parameter("number", "10.0"),
            "distribution_range": Parameter("number", "0.001"),
            "patience": Parameter("count", "5"),
            "steps": Parameter("count", "10"),
        }
    ),
    "SaturatedActivation": Rule(
        parameters={
            "tensor_regex": Parameter("regex", ".*tanh_input|.*sigmoid_input"),
            "threshold_tanh_min": Parameter("number", "-9.4999"),
            "threshold_tanh_max": Parameter("number", "9.4999"),
            "threshold_sigmoid_min": Parameter("number", "-23"),
            "threshold_sigmoid_max": Parameter("number", "16.99999"),
            "threshold_inactivity": Parameter("number", "1.0"),
            "threshold_layer": Parameter("number", "50.0"),
        }
    ),
    "DeadRelu": Rule(
        parameters={
            "tensor_regex": Parameter("regex", ".*relu_output"),
            "threshold_inactivity": Parameter("number", "1.0"),
            "threshold_layer": Parameter("number", "50.0"),
        }
    ),
    "WeightUpdateRatio": Rule(
        parameters={
            "num_steps": Parameter("count"),
            "large_threshold": Parameter("number", "10.0"),
            "small_threshold": Parameter("number", "0.00000001"),
            "epsilon": Parameter("number", "0.000000001"),
        }
    ),
    "AllZero": Rule(
        parameters={**_TENSORS, "threshold": Parameter("number", "100")}, needs=("collection_names", "tensor_regex")
    ),
    "ClassImbalance": Rule(
        parameters={
            "threshold_imbalance": Parameter("number", "10"),
            "threshold_misprediction": Parameter("number", "0.7"),
            "samples": Parameter("count", "500"),
            "argmax": Parameter("flag", "False"),
            "labels_regex": Parameter("regex", ".*labels"),
            "predictions_regex": Parameter("regex", ".*predictions"),
        }
    ),
    "LossNotDecreasing": Rule(
        parameters={
            **_TENSORS,
            "use_losses_collection": Parameter("flag", "True"),
            "num_steps": Parameter("count", "10"),
            "diff_percent": Parameter("number", "0.1"),
            "increase_threshold_percent": Parameter("number", "5"),
            "mode": Parameter("mode"),
        }
    ),
    "Overfit": Rule(
        parameters={
            "tensor_regex": Parameter("regex"),
            "start_step": Parameter("count", "0"),
            "patience": Parameter("count", "1"),
            "ratio_threshold": Parameter("number", "0.1"),
        }
    ),
    "Overtraining": Rule(
        parameters={
            "patience_train": Parameter("count", "5"),
            "patience_validation": Parameter("count", "10"),
            "delta": Parameter("number", "0.01"),
        }
    ),
    "SimilarAcrossRuns": Rule(parameters=_TENSORS, compares=True),
    "StalledTrainingRule": Rule(
        parameters={
            "threshold": Parameter("number", "1800"),
            "stop_training_on_fire": Parameter("flag", "False"),
            "training_job_name_prefix": Parameter("text"),
        }
    ),
    "TensorVariance": Rule(
        parameters={**_TENSORS, "max_threshold": Parameter("number"), "min_threshold": Parameter("number")},
        needs=("max_threshold", "min_threshold"),
    ),
    "UnchangedTensor": Rule(
        parameters={
            **_TENSORS,
            "num_steps": Parameter("count", "3"),
            "rtol": Parameter("number", "0.00001"),
            "atol": Parameter("number", "0.00000001"),
            "equal_nan": Parameter("flag", "False"),
        }
    ),
    "CheckInputImages": Rule(
        parameters={
            "threshold_mean": Parameter("number", "0.2"),
            "threshold_samples": Parameter("count", "500"),
            "regex": Parameter("regex", ".*hybridsequential0_input_0"),
            "channel": Parameter("count", "1"),
        }
    ),
    "NLPSequenceRatio": Rule(
        parameters={
            "tensor_regex": Parameter("regex", ".*embedding0_input_0"),
            "token_values": Parameter("numbers", "0"),
            "token_thresholds_percent": Parameter("numbers", "50"),
        }
    ),
    "Confusion": Rule(
        parameters={
            "category_no": Parameter("count"),
            "labels": Parameter("text", "labels"),
            "predictions": Parameter("text", "predictions"),
            "labels_collection": Parameter("text", "labels"),
            "predictions_collection": Parameter("text", "predictions"),
            "min_diag": Parameter("number", "0.9"),
            "max_off_diag": Parameter("number", "0.1"),
        }
    ),
    "FeatureImportanceOverweight": Rule(
        parameters={
            "threshold": Parameter("number", "0.8"),
            "nfeatures": Parameter("count", "3"),
            "tensor_regex": Parameter("regex", ".*feature_importance/weight"),
        }
    ),
    "TreeDepth": Rule(parameters={"depth": Parameter("count", "4")}),
    "CreateXgboostReport": Rule(),
}


def read(name: str, given: Mapping[str, str]) -> dict[str, Any]:
    """The rule's own parameters as what they are, defaults filled in; ``BadParameter``."""
    rule = RULES[name]
    others = [key for key in given if OTHER_TRIAL.fullmatch(key)]
    for key in given:
        if key not in rule.parameters and key not in OF_EVERY_RULE and not (rule.compares and key in others):
            known = ", ".join([*rule.parameters, *(["other_trial_0"] if rule.compares else [])]) or "none of its own"
            raise BadParameter(f"the rule {name} has no parameter {key!r}; it has: {known}")
    if rule.needs and not any(given.get(key) for key in rule.needs):
        raise BadParameter(f"the rule {name} needs one of the parameters {' and '.join(rule.needs)}")
    if rule.compares and not others:
        raise BadParameter(
            f"the rule {name} needs other_trial_0, the S3 URI of another job's debug-output (the SageMaker SDK's "
            "other_trials_s3_input_paths)"
        )
    values = {key: _value(name, key, parameter, given.get(key)) for key, parameter in rule.parameters.items()}
    if name == "NLPSequenceRatio" and len(values["token_values"]) != len(values["token_thresholds_percent"]):
        raise BadParameter(f"the rule {name} needs as many token_thresholds_percent as token_values")
    return values


def _value(rule: str, key: str, parameter: Parameter, given: str | None) -> Any:
    text = parameter.default if given is None else given.strip()
    if text is None:
        return None
    try:
        return _READERS[parameter.kind](text)
    except (ValueError, re.error) as error:
        raise BadParameter(f"the parameter {key} of the rule {rule} is {given!r}: {error}") from None


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise ValueError("it must be a number") from None


def _count(text: str) -> int:
    if not re.fullmatch(r"\d+(\.0*)?", text):
        raise ValueError("it must be a whole number, 0 or more")
    return int(float(text))


def _flag(text: str) -> bool:
    if text.lower() not in {"true", "false"}:
        raise ValueError("it must be True or False")
    return text.lower() == "true"


def _mode(text: str) -> str:
    name = text.upper().rpartition(".")[2]  # also as modes.TRAIN
    if name not in MODES:
        raise ValueError(f"it must be one of {', '.join(MODES)}")
    return name


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]


_READERS: Mapping[Kind, Any] = {
    "number": _number,
    "count": _count,
    "flag": _flag,
    "text": str,
    "regex": lambda text: re.compile(text).pattern,
    "names": _names,
    "numbers": lambda text: [_number(part) for part in text.strip("[]").split(",")],
    "mode": _mode,
}
