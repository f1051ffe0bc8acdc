"""Pipe mode while things die: the server, the feeder, the supervisor. Real processes, kill -9."""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

import pytest

from tests import jobs
from tests.conftest import Studio
from tests.waiting import until

pytestmark = pytest.mark.slow

# Reads a first epoch, waits for the word to go on, and reads a second one.
SCRIPT = """
import os, time
for epoch in range(2):
    with open(f"/opt/ml/input/data/train_{epoch}", "rb") as stream:
        print(f"epoch {epoch}", len(stream.read()), flush=True)
    while epoch == 0 and not os.path.exists("/opt/ml/model/go"):
        time.sleep(0.05)
"""


def begin(studio: Studio, name: str) -> Path:
    """Start a job that has read its first epoch; its folder."""
    s3 = studio.client("s3")
    jobs.prepare(s3)
    s3.put_object(Bucket="jobs", Key="pipe/large.bin", Body=b"x" * 3_000_000)
    request = jobs.training(s3, name, SCRIPT)
    request["AlgorithmSpecification"]["TrainingInputMode"] = "Pipe"
    request["InputDataConfig"][0]["DataSource"]["S3DataSource"]["S3Uri"] = "s3://jobs/pipe/"
    studio.client("sagemaker").create_training_job(**request)
    jobs.wait_for_line(studio.client("logs"), name, "epoch 0 3000000")
    (task,) = (studio.data / "tasks/training").rglob("task.json")
    return task.parent


def feeders(folder: Path) -> list[int]:
    """The processes whose command line names the job's plan."""
    plan, found = str(folder / "channels/pipes/plan.json").encode(), []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if plan in path.read_bytes():
                found.append(int(path.parent.name))
        except OSError:  # it has just ended
            continue
    return found


def test_a_job_reads_on_while_the_server_is_dead(fresh_studio: Studio) -> None:
    folder = begin(fresh_studio, "orphan")
    fresh_studio.kill()
    (folder / "ml/model/go").touch()
    until(lambda: (folder / "exit.json").exists() and b"exit_code" in (folder / "exit.json").read_bytes())
    assert b"epoch 1 3000000" in (folder / "output.log").read_bytes()
    fresh_studio.start()
    assert jobs.ended(fresh_studio.client("sagemaker"), "orphan")["TrainingJobStatus"] == "Completed"
    assert jobs.log_lines(fresh_studio.client("logs"), "orphan")[-1] == "epoch 1 3000000"


def test_a_job_that_is_stopped_leaves_neither_feeder_nor_data(fresh_studio: Studio) -> None:
    folder = begin(fresh_studio, "stopped")
    sagemaker: Any = fresh_studio.client("sagemaker")
    sagemaker.stop_training_job(TrainingJobName="stopped")
    assert jobs.ended(sagemaker, "stopped")["TrainingJobStatus"] == "Stopped"
    until(lambda: not (folder / "channels").exists())
    assert not list((folder / "ml/input").glob("data/*"))


@pytest.mark.skipif(sys.platform != "linux", reason="processes are found in /proc")
def test_a_job_whose_feeder_is_killed_fails_and_says_so(fresh_studio: Studio) -> None:
    folder = begin(fresh_studio, "unfed")
    (feeder,) = feeders(folder)
    os.kill(feeder, signal.SIGKILL)
    job = jobs.ended(fresh_studio.client("sagemaker"), "unfed")
    assert job["TrainingJobStatus"] == "Failed"
    assert job["FailureReason"].startswith("InternalServerError: the process that feeds the job's channels was killed")


@pytest.mark.skipif(sys.platform != "linux", reason="processes are found in /proc")
def test_the_feeder_dies_with_the_supervisor(fresh_studio: Studio) -> None:
    folder = begin(fresh_studio, "lost")
    assert len(feeders(folder)) == 1
    os.kill(int(json.loads((folder / "started").read_text())["pid"]), signal.SIGKILL)
    until(lambda: feeders(folder) == [])
