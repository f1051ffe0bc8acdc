"""Steps of a training job that need no image: waiting for room and how long, and stopping what a crash left running."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import pytest

from clary.context import Context
from clary.engines.base import Task
from clary.engines.local import LocalEngine
from clary.jobs.checkpoints import Followers
from clary.jobs.credentials import TaskCredentials
from clary.jobs.job_checkpoints import JobCheckpoints
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


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[LocalEngine]:
    engine = LocalEngine(tmp_path / "tasks", sandbox="off")
    yield engine
    engine.close()


def reconciler(context: Context, engine: LocalEngine, tmp_path: Path, room: int) -> TrainingJobs:
    credentials = TaskCredentials(context.store, Keys(context.store), context.rights, 1, tmp_path / "bundle", {})
    places = Room(context.store, room, {TrainingJobs.kind: TrainingJobs.terminal})
    tasks, checkpoints = tmp_path / "tasks", JobCheckpoints(context, engine, Followers())
    pools = WarmPools(context, engine, tasks)
    return TrainingJobs(context, engine, cast("Any", None), credentials, tasks, places, checkpoints, pools)


def job(context: Context, phase: str, status: str = "InProgress", **members: Any) -> Record:
    transition = {"Status": "Starting", "StartTime": CREATED.isoformat(), "StatusMessage": "Starting"}
    body = {
        "_phase": phase,
        "_directory": "job",
        "TrainingJobArn": context.arn("sagemaker", "training-job", "job"),
        "AlgorithmSpecification": {"TrainingImage": "sagemaker-scikit-learn", "TrainingInputMode": "File"},
        "OutputDataConfig": {"S3OutputPath": "s3://bucket/out", "KmsKeyId": ""},
        "SecondaryStatus": "Starting",
        "SecondaryStatusTransitions": [transition],
        "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1},
        "StoppingCondition": {"MaxRuntimeInSeconds": 86400},
        **members,
    }
    record = Record(kind="TrainingJob", name="job", body=body, status=status, created=CREATED)
    return context.store.create(record)


def now(context: Context) -> Record:
    found = context.store.get("", "TrainingJob", "job")
    assert found is not None
    return found


@pytest.mark.parametrize(("limit", "left"), [(1800, None), (2500, 500.0)])
def test_a_job_waits_no_longer_than_it_may(
    context: Context, engine: LocalEngine, tmp_path: Path, limit: int, left: float | None
) -> None:
    later = Later(**vars(context))
    created = job(later, "starting", StoppingCondition={"MaxPendingTimeInSeconds": limit})
    assert reconciler(later, engine, tmp_path, 0).step(created) == left
    found = now(context)
    if left is None:
        assert (found.status, found.body["SecondaryStatus"]) == ("Stopped", "MaxWaitTimeExceeded")
        assert "MaxPendingTimeInSeconds (1800)" in found.body["SecondaryStatusTransitions"][-1]["StatusMessage"]
    else:
        assert (found.status, found.body["SecondaryStatus"]) == ("InProgress", "Pending")


def test_a_job_that_is_stopped_after_a_crash_leaves_no_task(
    context: Context, engine: LocalEngine, tmp_path: Path
) -> None:
    """The server died when one of two hosts had been started and nothing of it written; then the job was stopped."""
    two = {"InstanceType": "ml.m5.large", "InstanceCount": 2}
    steps = reconciler(context, engine, tmp_path, 1)
    stopping = job(context, "downloading", "Stopping", ResourceConfig=two, _has_room=True)
    folder = tmp_path / "tasks/job/algo-1"
    ended = threading.Event()
    leave = engine.subscribe(lambda _: ended.set())
    engine.start(Task(directory=folder, command=["/bin/sleep", "600"], grace=5.0))
    steps.step(stopping)
    assert now(context).status == "Stopping"
    for _ in range(200):
        if now(context).body["_phase"] != "training":
            break
        steps.step(now(context))
        ended.wait(0.05)
    leave()
    progress = engine.poll(folder)
    assert progress is not None
    assert progress.exit_code == 143
    assert now(context).body["_phase"] == "uploading"
