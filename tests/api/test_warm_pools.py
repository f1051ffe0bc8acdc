"""Warm pools: kept, matched, taken over with their cache, updated and ended, as ListTrainingJobs and Describe tell it."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests import jobs
from tests.conftest import Studio

pytestmark = pytest.mark.slow

Boto = Callable[..., Any]

# Says what it finds in the cache, and leaves its own name there.
CACHES = """
import os
cache = os.environ.get("SAGEMAKER_MANAGED_WARMPOOL_CACHE_DIRECTORY")
print("found", sorted(os.listdir(cache)) if cache else None)
if cache:
    open(os.path.join(cache, os.environ["TRAINING_JOB_NAME"]), "w").close()
"""


def warm(s3: Any, name: str, seconds: int | None, script: str = CACHES, **resources: Any) -> dict[str, Any]:
    keep = {} if seconds is None else {"KeepAlivePeriodInSeconds": seconds}
    config = {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1, **keep, **resources}
    return jobs.training(s3, name, script, ResourceConfig=config)


def run(sagemaker: Any, request: dict[str, Any]) -> dict[str, Any]:
    sagemaker.create_training_job(**request)
    return jobs.ended(sagemaker, request["TrainingJobName"])


def pool(sagemaker: Any, name: str) -> dict[str, Any]:
    found: dict[str, Any] = sagemaker.describe_training_job(TrainingJobName=name)
    return found["WarmPoolStatus"]


def until(sagemaker: Any, name: str, status: str) -> dict[str, Any]:
    deadline = time.monotonic() + 90
    while (found := pool(sagemaker, name))["Status"] != status:
        assert time.monotonic() < deadline, found
        time.sleep(0.05)
    return found


def test_the_next_job_like_it_takes_the_pool_over_with_its_cache(s3: Any, sagemaker: Any, boto: Boto) -> None:
    first = run(sagemaker, warm(s3, "pool-1", 600))
    assert first["WarmPoolStatus"]["Status"] == "Available"
    assert first["SecondaryStatusTransitions"][-1]["StatusMessage"] == "Resource retained for reuse"
    listed = sagemaker.list_training_jobs(WarmPoolStatusEquals="Available", NameContains="pool-")[
        "TrainingJobSummaries"
    ]
    assert [job["TrainingJobName"] for job in listed] == ["pool-1"]
    assert listed[0]["WarmPoolStatus"]["Status"] == "Available"

    other = run(sagemaker, warm(s3, "pool-other", None, VolumeSizeInGB=2))  # nothing like it, and not to be kept
    assert "WarmPoolStatus" not in other
    assert "found None" in jobs.log_lines(boto("logs"), "pool-other")

    second = run(sagemaker, warm(s3, "pool-2", 600))
    assert second["WarmPoolStatus"]["Status"] == "Available"
    reused = pool(sagemaker, "pool-1")
    assert (reused["Status"], reused["ReusedByJob"]) == ("Reused", "pool-2")
    assert reused["ResourceRetainedBillableTimeInSeconds"] >= 0
    last = sagemaker.describe_training_job(TrainingJobName="pool-1")["SecondaryStatusTransitions"][-1]
    assert last["StatusMessage"] == "Resource reused by training job: pool-2"
    assert "found ['pool-1']" in jobs.log_lines(boto("logs"), "pool-2")

    third = run(sagemaker, warm(s3, "pool-3", None))  # fits, and is not kept any longer
    assert third["WarmPoolStatus"]["Status"] == "Terminated"
    assert "found ['pool-1', 'pool-2']" in jobs.log_lines(boto("logs"), "pool-3")
    listed = sagemaker.list_training_jobs(WarmPoolStatusEquals="Available", NameContains="pool-")
    assert listed["TrainingJobSummaries"] == []


def test_a_pool_ends_when_its_time_is_over_and_its_folder_goes(studio: Studio, s3: Any, sagemaker: Any) -> None:
    run(sagemaker, warm(s3, "brief", 1))
    ended = until(sagemaker, "brief", "Terminated")
    assert ended["ResourceRetainedBillableTimeInSeconds"] == 1
    last = sagemaker.describe_training_job(TrainingJobName="brief")["SecondaryStatusTransitions"][-1]
    assert last["StatusMessage"] == "Resource released due to keep alive period expiry"
    assert list((studio.data / "tasks/pools/us-east-1").glob("brief-*")) == []


def test_a_pool_ends_by_clarys_clock_and_over_a_crash(fresh_studio: Studio) -> None:
    s3, sagemaker = fresh_studio.client("s3"), fresh_studio.client("sagemaker")
    jobs.prepare(s3)
    assert run(sagemaker, warm(s3, "patient", 3600))["WarmPoolStatus"]["Status"] == "Available"
    fresh_studio.kill()
    fresh_studio.start()
    sagemaker = fresh_studio.client("sagemaker")
    assert pool(sagemaker, "patient")["Status"] == "Available"
    done = fresh_studio.clary("clock", "--data", str(fresh_studio.data), "advance", "1h")
    assert done.returncode == 0, done.stderr
    assert until(sagemaker, "patient", "Terminated")["ResourceRetainedBillableTimeInSeconds"] == 3600


def test_a_pool_is_kept_longer_or_ended_by_update(s3: Any, sagemaker: Any) -> None:
    run(sagemaker, warm(s3, "updated", 600, VolumeSizeInGB=3))
    sagemaker.update_training_job(TrainingJobName="updated", ResourceConfig={"KeepAlivePeriodInSeconds": 900})
    found = sagemaker.describe_training_job(TrainingJobName="updated")
    assert found["ResourceConfig"]["KeepAlivePeriodInSeconds"] == 900
    with pytest.raises(sagemaker.exceptions.ResourceInUse, match="keeps a warm pool"):
        sagemaker.delete_training_job(TrainingJobName="updated")
    sagemaker.update_training_job(TrainingJobName="updated", ResourceConfig={"KeepAlivePeriodInSeconds": 0})
    until(sagemaker, "updated", "Terminated")
    with pytest.raises(ClientError, match="status is Terminated, not Available"):
        sagemaker.update_training_job(TrainingJobName="updated", ResourceConfig={"KeepAlivePeriodInSeconds": 60})
    sagemaker.delete_training_job(TrainingJobName="updated")


def test_a_failed_job_keeps_its_pool_too(s3: Any, sagemaker: Any) -> None:
    job = run(sagemaker, warm(s3, "failing", 600, "raise SystemExit(1)", VolumeSizeInGB=4))
    assert job["TrainingJobStatus"] == "Failed"
    assert job["WarmPoolStatus"]["Status"] == "Available"


def test_two_jobs_at_once_do_not_share_a_pool(s3: Any, sagemaker: Any) -> None:
    run(sagemaker, warm(s3, "both-0", 600, VolumeSizeInGB=5))
    for number in (1, 2):
        sagemaker.create_training_job(**warm(s3, f"both-{number}", 600, VolumeSizeInGB=5))
    ended = [jobs.ended(sagemaker, f"both-{number}") for number in (1, 2)]
    assert {job["TrainingJobStatus"] for job in ended} == {"Completed"}
    assert pool(sagemaker, "both-0")["ReusedByJob"] in {"both-1", "both-2"}
    assert [pool(sagemaker, f"both-{number}")["Status"] for number in (1, 2)] in (
        ["Available", "Available"], ["Reused", "Available"], ["Available", "Reused"],
    )  # fmt: skip


def test_the_profiler_of_a_running_job_is_updated_and_of_another_not(s3: Any, sagemaker: Any, boto: Boto) -> None:
    script = "import time\nprint('on', flush=True)\ntime.sleep(60)"
    sagemaker.create_training_job(**jobs.training(s3, "profiled", script))
    jobs.wait_for_line(boto("logs"), "profiled", "on")
    with pytest.raises(ClientError, match="ProfilerConfig needs an S3OutputPath"):
        sagemaker.update_training_job(TrainingJobName="profiled", ProfilerConfig={"DisableProfiler": False})
    profiler = {"S3OutputPath": f"s3://{jobs.BUCKET}/profiled", "ProfilingIntervalInMilliseconds": 200}
    sagemaker.update_training_job(TrainingJobName="profiled", ProfilerConfig=profiler)
    found = sagemaker.describe_training_job(TrainingJobName="profiled")
    assert found["ProfilerConfig"] == {**profiler, "DisableProfiler": False}
    assert found["ProfilingStatus"] == "Enabled"
    sagemaker.update_training_job(TrainingJobName="profiled", ProfilerConfig={"DisableProfiler": True})
    found = sagemaker.describe_training_job(TrainingJobName="profiled")
    assert (found["ProfilingStatus"], found["ProfilerConfig"]["DisableProfiler"]) == ("Disabled", True)
    with pytest.raises(ClientError, match="Invalid ProfilingIntervalInMilliseconds 7"):
        sagemaker.update_training_job(TrainingJobName="profiled", ProfilerConfig={"ProfilingIntervalInMilliseconds": 7})
    with pytest.raises(ClientError, match="it has no warm pool, not Available"):
        sagemaker.update_training_job(TrainingJobName="profiled", ResourceConfig={"KeepAlivePeriodInSeconds": 60})
    with pytest.raises(ClientError, match="RemoteDebugConfig is not served"):
        sagemaker.update_training_job(TrainingJobName="profiled", RemoteDebugConfig={"EnableRemoteDebug": True})
    sagemaker.stop_training_job(TrainingJobName="profiled")
    jobs.ended(sagemaker, "profiled")
    with pytest.raises(ClientError, match="is in status Stopped"):
        sagemaker.update_training_job(TrainingJobName="profiled", ProfilerConfig={"DisableProfiler": False})
