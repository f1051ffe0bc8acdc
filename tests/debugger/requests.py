"""Requests of training jobs with rules."""

from __future__ import annotations

from typing import Any

from tests import jobs

REGISTRY = "503895931360.dkr.ecr.us-east-1.amazonaws.com"
BUILT_IN = f"{REGISTRY}/sagemaker-debugger-rules:latest"
CUSTOM = "895741380848.dkr.ecr.us-west-2.amazonaws.com/sagemaker-debugger-rule-evaluator:latest"


def rule(name: str, configuration: str = "", image: str = BUILT_IN, **parameters: str) -> dict[str, Any]:
    """A DebugRuleConfiguration."""
    return {
        "RuleConfigurationName": configuration or name,
        "RuleEvaluatorImage": image,
        "RuleParameters": {"rule_to_invoke": name, **parameters},
    }


def hook(*collections: dict[str, Any], **parameters: str) -> dict[str, Any]:
    """A DebugHookConfig."""
    return {
        "S3OutputPath": f"s3://{jobs.BUCKET}/debug",
        "HookParameters": parameters,
        "CollectionConfigurations": list(collections),
    }


def collection(name: str, **parameters: str) -> dict[str, Any]:
    return {"CollectionName": name, "CollectionParameters": parameters}


def training(s3: Any, name: str, script: str, *rules: dict[str, Any], **given: Any) -> dict[str, Any]:
    return jobs.training(
        s3, name, script, **{"DebugHookConfig": hook(), "DebugRuleConfigurations": list(rules), **given}
    )
