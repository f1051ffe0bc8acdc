"""What became of a training job's rules, as Describe tells it and as each rule left it in S3."""

from __future__ import annotations

import json
from typing import Any

from clary.buckets import parse_uri
from clary.jobs import debug_rules

Evaluations = dict[str, dict[str, Any]]
"""By the rule's configuration: what its job left (``clary.images.debugger_rules.evaluation``); empty if it has nothing yet."""


def evaluations(s3: Any, job: dict[str, Any]) -> Evaluations:
    """Of a training job as its Describe tells it."""
    found = {}
    for config in job.get("DebugRuleConfigurations", []):
        bucket, key = parse_uri(f"{debug_rules.output_uri(job, config)}/{debug_rules.EVALUATION}")
        try:
            content = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
            found[config["RuleConfigurationName"]] = json.loads(content)
        except (s3.exceptions.ClientError, ValueError):  # it looks at nothing yet, or somebody wrote there
            found[config["RuleConfigurationName"]] = {}
    return found


def told(status: dict[str, Any], evaluation: dict[str, Any]) -> str:
    """One rule in a line: its status, the step, what met its condition, what was done."""
    parts = [f"{status['RuleConfigurationName']}: {status['RuleEvaluationStatus']}"]
    if finding := evaluation.get("finding"):
        parts.append(f" at step {evaluation['step']}: {finding['text']}")
    elif evaluation and status["RuleEvaluationStatus"] == "InProgress":
        parts.append(f", it has looked at step {evaluation['step']}")
    elif details := status.get("StatusDetails"):
        parts.append(f": {details.strip()}")
    parts += [f". {action['name']}: {action['text']}" for action in evaluation.get("actions", [])]
    return "".join(parts)


def stopped_by(job: dict[str, Any]) -> str:
    """Which rule ended a training job, in words; "" if none did."""
    message = str(job["SecondaryStatusTransitions"][-1].get("StatusMessage", ""))
    return message.partition(": ")[2] if job["TrainingJobStatus"] == "Stopped" else ""


def fired(job: dict[str, Any]) -> list[str]:
    statuses = job.get("DebugRuleEvaluationStatuses", [])
    return [each["RuleConfigurationName"] for each in statuses if each["RuleEvaluationStatus"] == "IssuesFound"]
