"""DebugRuleConfigurations of a training job: what of them is refused, and what its description says of them at first.

How rules are evaluated is in ``clary.jobs.debug_rules``.
"""

from __future__ import annotations

import re
import secrets
from typing import Any

from clary.buckets import parse_uri
from clary.context import Context
from clary.errors import NotServed, ValidationException
from clary.images import catalog
from clary.images.debugger_rules import actions, table
from clary.services.sagemaker import named_buckets

_BUILT_IN, _CUSTOM = "sagemaker-debugger-rules", "sagemaker-debugger-rule-evaluator"
_MOST = 26  # characters of either name in that of a rule's job
_NOT_IN_NAMES = re.compile(r"[^a-zA-Z0-9-]")


def check(context: Context, request: dict[str, Any]) -> None:
    """Of a CreateTrainingJob request. ``ValidationException``, ``NotServed`` for a profiler rule, with the way out."""
    for rule in request.get("ProfilerRuleConfigurations", []):
        refuse_profiler_rule("CreateTrainingJob", rule)
    rules = request.get("DebugRuleConfigurations", [])
    if rules and "DebugHookConfig" not in request:
        raise ValidationException(
            "DebugRuleConfigurations need a DebugHookConfig: rules look at the tensors that the hook saves. Leave the "
            "SDK's debugger_hook_config as it is, or name a DebugHookConfig with an S3OutputPath."
        )
    names = [rule["RuleConfigurationName"] for rule in rules]
    if again := sorted({name for name in names if names.count(name) > 1}):
        raise ValidationException(
            f"RuleConfigurationName must be unique within a training job; {again[0]!r} is given twice."
        )
    for rule in rules:
        _check_rule(context, rule, request)


def refuse_profiler_rule(operation: str, rule: dict[str, Any]) -> None:
    name = rule["RuleConfigurationName"]
    raise NotServed(
        f"{operation} with the profiler rule {name!r} is not served yet: profiler rules are not evaluated. Leave it out of "
        "rules (ProfilerRuleConfigurations); the profiler's own files are written by ProfilerConfig alone, and `clary "
        "describe` and CloudWatch tell what the job's hosts use. Model rules (DebugRuleConfigurations) are evaluated."
    )


def members(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    """What a new job's record holds of its rules; nothing if it has none."""
    rules = request.get("DebugRuleConfigurations", [])
    if not rules:
        return {}
    jobs = {rule["RuleConfigurationName"]: _job_name(request["TrainingJobName"], rule) for rule in rules}
    statuses = [
        {
            "RuleConfigurationName": rule,
            "RuleEvaluationJobArn": context.arn("sagemaker", "processing-job", job),
            "RuleEvaluationStatus": "InProgress",
            "LastModifiedTime": context.now(),
        }
        for rule, job in jobs.items()
    ]
    return {"DebugRuleEvaluationStatuses": statuses, "_rule_jobs": jobs}


def _job_name(job: str, rule: dict[str, Any]) -> str:
    name = _NOT_IN_NAMES.sub("-", rule["RuleConfigurationName"][:_MOST])
    return f"{job[:_MOST]}-{name}-{secrets.token_hex(4)}"


def _check_rule(context: Context, rule: dict[str, Any], request: dict[str, Any]) -> None:
    name, parameters = rule["RuleConfigurationName"], rule.get("RuleParameters", {})
    try:
        match catalog.repository(rule["RuleEvaluatorImage"]):
            case image if image == _BUILT_IN:
                _check_built_in(parameters)
            case image if image == _CUSTOM:
                _check_custom(context, parameters, request["RoleArn"])
            case image:
                raise NotServed(
                    f"The rule {name!r} has the RuleEvaluatorImage {image!r}: rules run in the images {_BUILT_IN} (the "
                    f"built-in ones) and {_CUSTOM} (one's own, by source_s3_uri), in any registry."
                )
        actions.parse(parameters.get("action_json", ""), request["TrainingJobName"])
    except (table.BadParameter, actions.BadActions) as error:
        raise ValidationException(f"The rule {name!r}: {error}.") from None
    for key, value in parameters.items():
        if table.OTHER_TRIAL.fullmatch(key):
            named_buckets.require(context, value, f"The parameter {key} of the rule {name!r}")
    if uri := rule.get("S3OutputPath"):
        named_buckets.require(context, uri, f"The S3OutputPath {uri} of the rule {name!r}")


def _check_built_in(parameters: dict[str, str]) -> None:
    rule = parameters.get("rule_to_invoke", "")
    if rule not in table.RULES:
        said = f"rule_to_invoke is {rule!r}, which is no built-in rule" if rule else "rule_to_invoke is missing"
        raise table.BadParameter(
            f"{said}; there are: {', '.join(table.RULES)}. A rule of one's own runs in the image {_CUSTOM}"
        )
    table.read(rule, parameters)


def _check_custom(context: Context, parameters: dict[str, str], role: str) -> None:
    for key in ("rule_to_invoke", "source_s3_uri"):
        if not parameters.get(key):
            raise table.BadParameter(
                f"a rule of one's own needs the parameter {key}: rule_to_invoke is the name of its class, source_s3_uri the "
                "file in S3 that it is in"
            )
    for key in parameters:
        if not key.isidentifier() or not key.isascii():
            raise table.BadParameter(f"the parameter {key!r} cannot be an argument of a Python class")
    uri = parameters["source_s3_uri"]
    parse_uri(uri)
    if not uri.endswith(".py"):
        raise table.BadParameter(f"source_s3_uri is {uri}, which must be a Python file, .py")
    try:
        context.buckets_of(role).find(uri)
    except KeyError:
        raise table.BadParameter(f"there is no object at source_s3_uri, {uri}") from None
