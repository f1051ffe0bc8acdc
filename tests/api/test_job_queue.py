"""More jobs than the machine takes: they wait in one queue, by age, and say where they stand."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests import jobs, processing
from tests.conftest import Studio, clean_environment

pytestmark = pytest.mark.slow

ENDLESS = "import time\nprint('running', flush=True)\ntime.sleep(600)\n"


@pytest.fixture
def small_studio(tmp_path: Path, cache: Path) -> Iterator[Studio]:
    """A server that runs one job at a time."""
    studio = Studio(tmp_path / "data", cache, {**clean_environment(cache), "CLARY_JOBS": "1"})
    studio.start()
    yield studio
    studio.stop()


def message(sagemaker: Any, name: str) -> str:
    job = sagemaker.describe_training_job(TrainingJobName=name)
    last: dict[str, str] = job["SecondaryStatusTransitions"][-1]
    return f"{job['SecondaryStatus']}: {last['StatusMessage']}"


def wait_for(sagemaker: Any, name: str, text: str) -> None:
    deadline = time.monotonic() + 90
    while text not in message(sagemaker, name):
        assert time.monotonic() < deadline, message(sagemaker, name)
        time.sleep(0.02)


def test_jobs_wait_by_age_and_say_where_they_stand(small_studio: Studio) -> None:
    s3, sagemaker = small_studio.client("s3"), small_studio.client("sagemaker")
    jobs.prepare(s3)
    for name in ("z-first", "y-second", "x-third"):
        sagemaker.create_training_job(**jobs.training(s3, name, ENDLESS))
    wait_for(sagemaker, "z-first", "Training in progress")
    rest = "in the queue, 1 job runs (CLARY_JOBS)"
    wait_for(sagemaker, "y-second", f"Pending: Training job waiting for capacity: 1st {rest}")
    wait_for(sagemaker, "x-third", f"Pending: Training job waiting for capacity: 2nd {rest}")
    assert "2nd in the queue" in " ".join(small_studio.clary("status", "--data", str(small_studio.data)).stdout.split())
    small_studio.kill()
    small_studio.start()
    sagemaker = small_studio.client("sagemaker")
    sagemaker.stop_training_job(TrainingJobName="z-first")
    wait_for(sagemaker, "y-second", "Training in progress")
    wait_for(sagemaker, "x-third", f"1st {rest}")
    sagemaker.stop_training_job(TrainingJobName="x-third")
    waited = jobs.ended(sagemaker, "x-third")
    assert [t["Status"] for t in waited["SecondaryStatusTransitions"]] == ["Starting", "Pending", "Stopping", "Stopped"]
    assert "TrainingStartTime" not in waited
    sagemaker.stop_training_job(TrainingJobName="y-second")
    jobs.ended(sagemaker, "y-second")


def test_a_processing_job_waits_in_the_same_queue_and_says_so_in_its_log(small_studio: Studio) -> None:
    s3, sagemaker, logs = (small_studio.client(name) for name in ("s3", "sagemaker", "logs"))
    jobs.prepare(s3)
    sagemaker.create_training_job(**jobs.training(s3, "first", ENDLESS))
    wait_for(sagemaker, "first", "Training in progress")
    sagemaker.create_processing_job(**processing.request(s3, "second", "print('ran')"))
    start = "Processing job waiting for capacity: 1st in the queue, 1 job runs (CLARY_JOBS)"
    jobs.wait_for_line(logs, "second", start, processing.GROUP)
    sagemaker.stop_training_job(TrainingJobName="first")
    assert processing.ended(sagemaker, "second")["ProcessingJobStatus"] == "Completed"
    assert "ran" in processing.lines(logs, "second")
