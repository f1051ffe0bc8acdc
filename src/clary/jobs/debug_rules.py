"""Evaluating the rules of training jobs: each is a processing job beside the training job, which it looks at as it runs.

``begin`` writes a record that says a training job has rules; its steps make the rules' jobs once the training job has its
room, and bring what becomes of them into DebugRuleEvaluationStatuses, until all have ended. A rule's job ends by itself
when the training job has ended and the rule has seen all that it saved; how it looks is in
``clary.images.debugger_rules``.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from clary.context import Context
from clary.errors import ServiceError
from clary.images.debugger_rules import table
from clary.jobs import reasons, rule_report
from clary.store.base import Conflict, Record

KIND = "DebugRules"
EVALUATION = "evaluation.json"
"""What a rule's job leaves in its output: see ``clary.images.debugger_rules.evaluation``."""

TENSORS = "debug-output"
_MET = "RuleEvaluationConditionMet"
_FINAL = frozenset({"NoIssuesFound", "IssuesFound", "Error", "Stopped"})
_ENDED = frozenset({"Completed", "Failed", "Stopped"})
_QUEUED = frozenset({"Starting", "Pending"})  # secondary statuses of a job that has no room yet
_PROGRAM = ["python3", "-m", "clary.images.debugger_rules.evaluate"]
_INPUTS = "/opt/ml/processing/input"
_INSTANCE = "ml.t3.medium"  # of a built-in rule, whose request names none
_LONGEST = 777_600  # seconds that a processing job may run
_AFTER = 86_400  # seconds for what a rule has to see when the training job has ended
_INTERNAL = "InternalServerError: We encountered an internal error. Please try again."


class DebugRules:
    kind = KIND
    terminal = frozenset({"Ended"})

    def __init__(self, context: Context) -> None:
        self._context = context

    def subscribe(self, wake: Callable[[tuple[str, str, str]], None]) -> None:
        """Call ``wake`` with the key of the rules whose training job changed."""

        def changed(record: Record) -> None:
            if record.kind == "TrainingJob" and "_rule_jobs" in record.body:
                wake((record.region, KIND, record.name))

        self._context.store.subscribe(changed)

    def directory(self, _: Record) -> Path | None:
        return None

    def step(self, rules: Record) -> float | None:
        training = self._context.store.get(rules.region, "TrainingJob", rules.name)
        if training is None or _identity(training) != rules.body["Job"]:  # deleted: nobody asks any more
            self._context.store.put(replace(rules, status="Ended"))
            return None
        if training.status not in _ENDED and training.body["SecondaryStatus"] in _QUEUED and not rules.body["Made"]:
            return None
        made = set(rules.body["Made"])
        statuses = [self._bring(training, status, made) for status in training.body["DebugRuleEvaluationStatuses"]]
        if made != set(rules.body["Made"]):
            rules = self._context.store.put(replace(rules, body={**rules.body, "Made": sorted(made)}))
        training = self._tell(training, statuses)
        if training.status in _ENDED and all(status["RuleEvaluationStatus"] in _FINAL for status in statuses):
            self._report(training)
            self._context.store.put(replace(rules, status="Ended"))
        return None

    def _bring(self, training: Record, status: dict[str, Any], made: set[str]) -> dict[str, Any]:
        """The status of one rule as it is now; its job is made if it is not there yet and never was."""
        if status["RuleEvaluationStatus"] in _FINAL:
            return status
        rule = status["RuleConfigurationName"]
        name = training.body["_rule_jobs"][rule]
        job = self._context.store.get(training.region, "ProcessingJob", name)
        if job is None and rule not in made:
            try:
                self._create(training, rule, name)
            except ServiceError as error:
                return self._changed(status, "Error", f"ClientError: {error}"[: reasons.LENGTH])
            job = self._context.store.get(training.region, "ProcessingJob", name)
        made.add(rule)
        if job is None:
            return self._changed(status, "Stopped")
        self._own(training, job)
        return self._changed(status, *_standing(job))

    def _changed(self, status: dict[str, Any], now: str, details: str = "") -> dict[str, Any]:
        if status["RuleEvaluationStatus"] == now:
            return status
        told = {"StatusDetails": details} if details else {}
        return {**status, "RuleEvaluationStatus": now, **told, "LastModifiedTime": self._context.now()}

    def _create(self, training: Record, rule: str, name: str) -> None:
        body, context = training.body, self._context.at(training.region)
        config = configuration(training, rule)
        parameters = config.get("RuleParameters", {})
        output = body["OutputDataConfig"]
        folder = config.get("LocalPath", "/opt/ml/processing/output/rule").rstrip("/")
        inputs = [_input("tensors", tensors_uri(body), own=True)]
        arguments = ["--tensors", f"{_INPUTS}/tensors", "--output", folder]
        for key in sorted(filter(table.OTHER_TRIAL.fullmatch, parameters)):
            inputs.append(_input(key, parameters[key], own=True))
            arguments += ["--other", f"{_INPUTS}/{key}"]
        if source := parameters.get("source_s3_uri"):
            inputs.append(_input("source", source))
            arguments += ["--source", f"{_INPUTS}/source"]
        target = {"S3Uri": output_uri(body, config), "LocalPath": folder, "S3UploadMode": "Continuous"}
        keys = {"KmsKeyId": key} if (key := output.get("KmsKeyId")) else {}
        cluster = {
            "InstanceCount": 1,
            "InstanceType": config.get("InstanceType", _INSTANCE),
            "VolumeSizeInGB": config.get("VolumeSizeInGB") or 10,
        }
        context.call(
            "sagemaker",
            "CreateProcessingJob",
            ProcessingJobName=name,
            RoleArn=body["RoleArn"],
            AppSpecification={
                "ImageUri": config["RuleEvaluatorImage"],
                "ContainerEntrypoint": _PROGRAM,
                "ContainerArguments": arguments,
            },
            ProcessingInputs=inputs,
            ProcessingOutputConfig={"Outputs": [{"OutputName": "rule-output", "S3Output": target}], **keys},
            ProcessingResources={"ClusterConfig": cluster},
            StoppingCondition={"MaxRuntimeInSeconds": _seconds(body)},
            Environment={
                "RULE_CONFIGURATION_NAME": rule,
                "RULE_TRAINING_JOB": training.name,
                **{f"RULE_PARAMETER_{key}": value for key, value in parameters.items()},
            },
        )

    def _own(self, training: Record, job: Record) -> None:
        """Tie the rule's job to the record of the rules: its changes wake this step."""
        if "_owner" in job.body:
            return
        owner = [training.region, KIND, training.name]
        body = {**job.body, "TrainingJobArn": training.body["TrainingJobArn"], "_owner": owner}
        self._context.store.put(replace(job, body=body))

    def _tell(self, training: Record, statuses: list[dict[str, Any]]) -> Record:
        """Write what differs into the training job's record."""
        members: dict[str, Any] = {"DebugRuleEvaluationStatuses": statuses}
        if why := self._stopped_by(training, statuses):
            members |= {"_stopped_by": why, "SecondaryStatusTransitions": _explained(training, why)}
        if all(training.body.get(name) == value for name, value in members.items()):
            return training
        return self._context.store.put(replace(training, body={**training.body, **members}))

    def _stopped_by(self, training: Record, statuses: list[dict[str, Any]]) -> str:
        """Which rule ended the training job, "" if none did."""
        if training.status not in {"Stopping", "Stopped"}:
            return ""
        if why := training.body.get("_stopped_by"):
            return str(why)
        for status in statuses:
            if status["RuleEvaluationStatus"] != "IssuesFound":
                continue
            found = self._evaluation(training, status["RuleConfigurationName"])
            if training.name in found.get("stopped", []):
                return f"the rule {status['RuleConfigurationName']} fired at step {found['step']}"
        return ""

    def _report(self, training: Record) -> None:
        """Store the page of all that they found; one that cannot be stored can still be had by `clary debugger report`."""
        body = training.body
        names = [config["RuleConfigurationName"] for config in body["DebugRuleConfigurations"]]
        page = rule_report.build(body, {name: self._evaluation(training, name) for name in names})
        key = body["OutputDataConfig"].get("KmsKeyId", "")
        with contextlib.suppress(ServiceError, KeyError, OSError):
            buckets = self._context.at(training.region).buckets_of(body["RoleArn"])
            buckets.put_bytes(rule_report.uri(body), page.encode(), content_type="text/html", key=key)

    def _evaluation(self, training: Record, rule: str) -> dict[str, Any]:
        uri = f"{output_uri(training.body, configuration(training, rule))}/{EVALUATION}"
        try:
            buckets = self._context.at(training.region).buckets_of(training.body["RoleArn"])
            found: dict[str, Any] = json.loads(buckets.get_bytes(uri))
        except (ServiceError, KeyError, ValueError):  # the role or the bucket is gone
            return {}
        return found


def begin(context: Context, training: Record) -> None:
    """See to it that the rules of a training job are evaluated. Cheap if that was done, and if it has none."""
    if "_rule_jobs" not in training.body:
        return
    body = {"Job": _identity(training), "Made": []}
    present = context.store.get(training.region, KIND, training.name)
    if present is None:
        with contextlib.suppress(Conflict):
            context.store.create(Record(region=training.region, kind=KIND, name=training.name, body=body))
    elif present.body["Job"] != body["Job"]:  # of a deleted job that had the name before
        context.store.put(replace(present, body=body, status=""))


def configuration(training: Record, rule: str) -> dict[str, Any]:
    """The request's configuration of the rule of that name."""
    configurations: list[dict[str, Any]] = training.body["DebugRuleConfigurations"]
    return next(each for each in configurations if each["RuleConfigurationName"] == rule)


def tensors_uri(body: dict[str, Any]) -> str:
    """Where the tensors of a training job are, by its description."""
    return f"{body['DebugHookConfig']['S3OutputPath'].rstrip('/')}/{body['TrainingJobName']}/{TENSORS}"


def output_uri(body: dict[str, Any], config: dict[str, Any]) -> str:
    """Where what a rule leaves is, by the training job's description and the rule's configuration."""
    base = config.get("S3OutputPath") or body["OutputDataConfig"]["S3OutputPath"]
    return f"{base.rstrip('/')}/{body['TrainingJobName']}/rule-output/{config['RuleConfigurationName']}"


def _standing(job: Record) -> tuple[str, str]:
    """The status of a rule, and its details, by its processing job."""
    match job.status:
        case "Completed":
            message = str(job.body.get("ExitMessage", ""))
            return ("IssuesFound", message) if message.startswith(_MET) else ("NoIssuesFound", "")
        case "Failed":
            reason = str(job.body.get("ExitMessage") or job.body.get("FailureReason", ""))
            if reason.startswith("InternalServerError"):
                return "Error", _INTERNAL
            own = reason if reason.startswith("ClientError") else f"ClientError: {reason}"
            return "Error", own[: reasons.LENGTH]
        case "Stopping" | "Stopped":
            return job.status, ""
    return "InProgress", ""


def _explained(training: Record, why: str) -> list[dict[str, Any]]:
    """The transitions of a job that a rule has ended, with that in their messages."""
    told = []
    for each in training.body["SecondaryStatusTransitions"]:
        message = each.get("StatusMessage", "")
        ends = each["Status"] in {"Stopping", "Stopped"} and why not in message
        told.append({**each, "StatusMessage": f"{message}: {why}"} if ends else each)
    return told


def _input(name: str, uri: str, *, own: bool = False) -> dict[str, Any]:
    """``own``: it comes while the program runs (``followed_inputs``)."""
    source = {
        "S3Uri": uri,
        "LocalPath": f"{_INPUTS}/{name}",
        "S3DataType": "S3Prefix",
        "S3InputMode": "File",
    }
    return {"InputName": name, "AppManaged": own, "S3Input": source}


def _seconds(body: dict[str, Any]) -> int:
    limits = body["StoppingCondition"]
    most = max(limits["MaxRuntimeInSeconds"], limits.get("MaxWaitTimeInSeconds", 0))
    return int(min(most + _AFTER, _LONGEST))


def _identity(training: Record) -> str:
    """Tells a job from an earlier one of its name."""
    return str(training.body["_directory"]).partition(".")[0]
