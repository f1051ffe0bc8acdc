"""What the notebook says shortly about training jobs: how a run learnt, what rules found, waiters that boto3 has not."""

from __future__ import annotations

import re
from typing import Any

import pandas as pd
from botocore.waiter import WaiterModel, create_waiter_with_client

_RULES = "DebugRuleEvaluationStatuses[].RuleEvaluationStatus"


def curve(logs: Any, job: str) -> pd.DataFrame:
    """What a job of ``src/train.py`` told of each epoch in its log: a row an epoch, with NaN where it did not judge."""
    pages = logs.get_paginator("filter_log_events").paginate(
        logGroupName="/aws/sagemaker/TrainingJobs", logStreamNamePrefix=f"{job}/", filterPattern='"epoch="'
    )
    rows = {}
    for page in pages:
        for event in page["events"]:
            values = dict(re.findall(r"([a-z:0-9_]+)=([-+.0-9a-z]+)", event["message"]))
            if "train:loss" in values:  # an epoch that was begun again after an interruption is told twice
                rows[int(values["epoch"])] = {name: float(value) for name, value in values.items()}
    return pd.DataFrame([rows[epoch] for epoch in sorted(rows)])


def rules(sagemaker: Any, job: str) -> list[dict[str, str]]:
    """What the rules of a training job found, when all of them have ended: a rule may end after its job."""
    acceptors = [
        {"matcher": "pathAny", "argument": _RULES, "expected": status, "state": "retry"}
        for status in ("InProgress", "Stopping")
    ]
    acceptors.append({"matcher": "path", "argument": "TrainingJobName", "expected": job, "state": "success"})
    waiter(sagemaker, "DescribeTrainingJob", acceptors).wait(TrainingJobName=job)
    told = sagemaker.describe_training_job(TrainingJobName=job)["DebugRuleEvaluationStatuses"]
    return [{key: str(value) for key, value in rule.items()} for rule in told]


def waiter(sagemaker: Any, operation: str, acceptors: list[dict[str, str]]) -> Any:
    """A waiter that asks ``operation`` until one of ``acceptors`` says so; the first that fits counts."""
    told = {"operation": operation, "delay": 2, "maxAttempts": 900, "acceptors": acceptors}
    return create_waiter_with_client("Ended", WaiterModel({"version": 2, "waiters": {"Ended": told}}), sagemaker)
