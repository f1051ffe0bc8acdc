"""Steps of a training job that need no task: waiting for room, and how long."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import pytest

from clary.context import Context
from clary.jobs.credentials import TaskCredentials
from clary.jobs.room import Room
from clary.jobs.training import TrainingJobs
from clary.jobs.warm_pools import WarmPools
from clary.keys import Keys
from clary.store.base import Record

CREATED = datetime(2026, 1, 1, tzinfo=UTC)


class Later(Context):
    """A context whose time is two thousand seconds after the job's creation."""

    def now(self) -> datetime:
        return CREATED + timedelta(seconds=2000)


@pytest.mark.parametrize(("limit", "left"), [(1800, None), (2500, 500.0)])
def test_a_job_waits_no_longer_than_it_may(context: Context, tmp_path: Path, limit: int, left: float | None) -> None:
    nothing = cast("Any", None)
    room = Room(context.store, 0, {TrainingJobs.kind: TrainingJobs.terminal})
    credentials = TaskCredentials(context.store, Keys(context.store), context.rights, 1, tmp_path / "bundle", {})
    pools = WarmPools(context, nothing, tmp_path)
    reconciler = TrainingJobs(Later(**vars(context)), nothing, nothing, credentials, tmp_path, room, nothing, pools)
    transition = {"Status": "Starting", "StartTime": CREATED.isoformat(), "StatusMessage": "Starting"}
    body = {
        "_phase": "starting",
        "_directory": "job",
        "TrainingJobArn": context.arn("sagemaker", "training-job", "job"),
        "AlgorithmSpecification": {"TrainingImage": "sagemaker-scikit-learn", "TrainingInputMode": "File"},
        "OutputDataConfig": {"S3OutputPath": "s3://bucket/out"},
        "SecondaryStatus": "Starting",
        "SecondaryStatusTransitions": [transition],
        "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1},
        "StoppingCondition": {"MaxPendingTimeInSeconds": limit},
    }
    record = Record(kind="TrainingJob", name="job", body=body, status="InProgress", created=CREATED)
    assert reconciler.step(context.store.create(record)) == left
    job = context.store.get("", "TrainingJob", "job")
    assert job is not None
    if left is None:
        assert (job.status, job.body["SecondaryStatus"]) == ("Stopped", "MaxWaitTimeExceeded")
        assert "MaxPendingTimeInSeconds (1800)" in job.body["SecondaryStatusTransitions"][-1]["StatusMessage"]
    else:
        assert (job.status, job.body["SecondaryStatus"]) == ("InProgress", "Pending")
