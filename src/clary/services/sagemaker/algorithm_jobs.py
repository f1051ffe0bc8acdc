"""A training job by AlgorithmName: what the algorithm of that name fills in, and what it takes.

Its image, metric definitions and the hyperparameters' defaults come from the algorithm; hyperparameters, channels and
instance types that its TrainingSpecification does not allow are refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from clary.context import Context
from clary.errors import ValidationException
from clary.services.sagemaker.algorithms import ALGORITHMS


def filled(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    """The request with what its algorithm adds; ``ValidationException`` says what of it the algorithm does not take."""
    given = request.get("AlgorithmSpecification", {})
    if ("AlgorithmName" in given) and ("TrainingImage" in given):
        raise ValidationException(
            "You can't specify both AlgorithmName and TrainingImage in AlgorithmSpecification: name one of them."
        )
    if "AlgorithmName" not in given:
        return request
    specification = ALGORITHMS.find(context, given["AlgorithmName"]).body["TrainingSpecification"]
    _check_instances(specification, request.get("ResourceConfig", {}))
    _check_channels(specification, request)
    algorithm = {"TrainingImage": specification["TrainingImage"], **given}
    if "MetricDefinitions" in specification:
        algorithm.setdefault("MetricDefinitions", specification["MetricDefinitions"])
    hyperparameters = _hyperparameters(specification, request.get("HyperParameters", {}))
    return {
        **request,
        "AlgorithmSpecification": algorithm,
        **({"HyperParameters": hyperparameters} if hyperparameters else {}),
    }


def _check_instances(specification: dict[str, Any], config: dict[str, Any]) -> None:
    groups = config.get("InstanceGroups") or [config]
    supported = specification["SupportedTrainingInstanceTypes"]
    for group in groups:
        if (kind := group.get("InstanceType")) not in supported:
            raise ValidationException(
                f"The algorithm does not support the instance type {kind}; it supports: {', '.join(supported)}."
            )
    count = sum(group.get("InstanceCount", 1) for group in groups)
    if count > 1 and not specification.get("SupportsDistributedTraining"):
        raise ValidationException(
            f"The algorithm does not support distributed training: ask for 1 instance, not {count}."
        )


def _check_channels(specification: dict[str, Any], request: dict[str, Any]) -> None:
    known = {channel["Name"]: channel for channel in specification["TrainingChannels"]}
    given = {channel["ChannelName"]: channel for channel in request.get("InputDataConfig", [])}
    for name, channel in known.items():
        if channel.get("IsRequired") and name not in given:
            raise ValidationException(f"The algorithm requires the channel {name!r}.")
    for name, channel in given.items():
        if name not in known:
            raise ValidationException(f"The algorithm has no channel {name!r}; it has: {', '.join(known) or 'none'}.")
        mode = channel.get("InputMode") or request["AlgorithmSpecification"].get("TrainingInputMode", "File")
        for member, value, supported in (
            ("InputMode", mode, known[name]["SupportedInputModes"]),
            ("ContentType", channel.get("ContentType"), known[name]["SupportedContentTypes"]),
            ("CompressionType", channel.get("CompressionType"), known[name].get("SupportedCompressionTypes")),
        ):
            if value and supported and value not in supported:
                raise ValidationException(
                    f"The algorithm's channel {name!r} does not support the {member} {value}; it supports: "
                    f"{', '.join(supported)}."
                )


def _hyperparameters(specification: dict[str, Any], given: Mapping[str, str]) -> dict[str, str]:
    supported = {each["Name"]: each for each in specification.get("SupportedHyperParameters", [])}
    for name in given:
        if supported and name not in supported and not name.startswith("sagemaker_"):
            raise ValidationException(
                f"The algorithm has no hyperparameter {name!r}; it has: {', '.join(sorted(supported))}."
            )
    defaults = {name: each["DefaultValue"] for name, each in supported.items() if "DefaultValue" in each}
    values = {**defaults, **given}
    for name, each in supported.items():
        if name in values:
            _check_value(each, values[name])
        elif each.get("IsRequired"):
            raise ValidationException(f"The algorithm requires the hyperparameter {name!r}.")
    return values


def _check_value(specification: dict[str, Any], value: str) -> None:
    """That the value is of the hyperparameter's type and in its range."""
    ranges, name = specification.get("Range", {}), specification["Name"]
    kinds = {"Integer": (int, "a whole number"), "Continuous": (float, "a number")}
    if (kind := specification["Type"]) in kinds:
        read, noun = kinds[kind]
        try:
            number = read(value)
        except ValueError:
            raise ValidationException(f"The hyperparameter {name!r} is {value!r}; it takes {noun}.") from None
        limits = ranges.get(f"{kind}ParameterRangeSpecification")
        if limits and not read(limits["MinValue"]) <= number <= read(limits["MaxValue"]):
            raise ValidationException(
                f"The hyperparameter {name!r} is {value}; it takes {noun} from {limits['MinValue']} to {limits['MaxValue']}."
            )
    elif kind == "Categorical":
        values = ranges.get("CategoricalParameterRangeSpecification", {}).get("Values")
        if values and value not in values:
            raise ValidationException(
                f"The hyperparameter {name!r} is {value!r}; it takes one of: {', '.join(values)}."
            )
