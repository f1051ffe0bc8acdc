"""A job of transform on whole servers: one that is full; kill -9 of it, of what watches and sends, of the model."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests import jobs, transforms
from tests.conftest import Studio, clean_environment
from tests.transforms import outputs, transform, transformed

pytestmark = pytest.mark.slow

# Tells each row that it was asked for; a row of its file that says so kills it.
SLOW = """
import os, time
def model_fn(d): return None
def predict_fn(rows, model):
    os.write(1, f"asked {rows.tolist()}\\n".encode())  # whole or not at all, whenever it is killed
    if rows[0][0] < 0: os.kill(os.getpid(), 9)
    time.sleep(0.05)
    return rows.sum(axis=1)
"""
FILES = 4
ROWS = 8


def prepare(studio: Studio, *, deadly: bool = False) -> Any:
    """A job of a few slow files, begun; returns its S3 client."""
    s3, sagemaker = studio.client("s3"), studio.client("sagemaker")
    jobs.prepare(s3)
    transforms.model(s3, sagemaker, "slow", SLOW)
    for number in range(FILES):
        rows = [f"{number},{row}\n" for row in range(ROWS)]
        if deadly and number == 2:
            rows[3] = "-1,0\n"
        s3.put_object(Bucket=jobs.BUCKET, Key=f"slow/{number}.csv", Body="".join(rows))
    sagemaker.create_transform_job(**transform("slow", "slow", uri="slow/", BatchStrategy="SingleRecord"))
    return s3


def answers(numbers: range) -> dict[str, bytes]:
    return {f"{n}.csv.out": "".join(f"{n + row}.0\n" for row in range(ROWS)).encode() for n in numbers}


def asked(studio: Studio) -> list[str]:
    events = studio.client("logs").filter_log_events(
        logGroupName=transforms.GROUP, logStreamNamePrefix="slow/", filterPattern="asked"
    )["events"]
    return [each["message"] for each in events]


def wait_for_output(studio: Studio) -> None:
    """Until the answers to the first file are in S3."""
    deadline = time.monotonic() + 90
    while not outputs(studio.client("s3"), "slow"):
        assert time.monotonic() < deadline
        time.sleep(0.02)


def pids(studio: Studio) -> dict[str, int]:
    """The supervisors of the job's container and of what sends its files."""
    found = (studio.data / "tasks/transform").rglob("started")
    named = {path.parent.name: int(json.loads(path.read_text())["pid"]) for path in found}
    return {"sender" if name.endswith("-data") else "container": pid for name, pid in named.items()}


def descendants(pid: int) -> Iterator[int]:
    for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
        yield int(child)
        yield from descendants(int(child))


@pytest.mark.parametrize("delay", [0.0, 0.05, 0.2, 0.5, 1.0])
def test_an_accepted_job_is_finished_by_the_next_server(fresh_studio: Studio, delay: float) -> None:
    prepare(fresh_studio)
    time.sleep(delay)  # the crash comes at another point each time
    fresh_studio.kill()
    fresh_studio.start()
    job = transformed(fresh_studio.client("sagemaker"), "slow")
    assert job["TransformJobStatus"] == "Completed", job.get("FailureReason")
    assert outputs(fresh_studio.client("s3"), "slow") == answers(range(FILES))
    rows = asked(fresh_studio)
    assert len(rows) == len(set(rows)) == FILES * ROWS  # it went on without the server, and nothing was asked twice


@pytest.mark.skipif(sys.platform != "linux", reason="processes are found by /proc")
@pytest.mark.parametrize("victim", ["container's supervisor", "sender's supervisor", "sender"])
def test_an_instance_is_begun_anew_with_the_files_that_are_left(fresh_studio: Studio, victim: str) -> None:
    prepare(fresh_studio)
    wait_for_output(fresh_studio)
    pid = pids(fresh_studio)["container" if victim.startswith("container") else "sender"]
    os.kill(list(descendants(pid))[-1] if victim == "sender" else pid, signal.SIGKILL)
    job = transformed(fresh_studio.client("sagemaker"), "slow")
    assert job["TransformJobStatus"] == "Completed", job.get("FailureReason")
    assert outputs(fresh_studio.client("s3"), "slow") == answers(range(FILES))
    rows = asked(fresh_studio)
    assert len(set(rows)) == FILES * ROWS
    assert sum(row.startswith("asked [[0.0") for row in rows) == ROWS  # the first file was not done again


def test_a_model_that_is_killed_fails_the_job_and_leaves_what_is_whole(fresh_studio: Studio) -> None:
    s3 = prepare(fresh_studio, deadly=True)
    job = transformed(fresh_studio.client("sagemaker"), "slow")
    assert job["TransformJobStatus"] == "Failed"
    assert job["FailureReason"].startswith("AlgorithmError: The model's container died while it was asked")
    assert "exit code 137" in job["FailureReason"]
    assert outputs(s3, "slow") == answers(range(2))
    assert list((fresh_studio.data / "tasks/transform").rglob("task.json")) == []


def test_a_stop_is_finished_by_the_next_server(fresh_studio: Studio) -> None:
    s3 = prepare(fresh_studio)
    wait_for_output(fresh_studio)
    fresh_studio.client("sagemaker").stop_transform_job(TransformJobName="slow")
    fresh_studio.kill()
    fresh_studio.start()
    job = transformed(fresh_studio.client("sagemaker"), "slow")
    assert job["TransformJobStatus"] == "Stopped"
    found = outputs(s3, "slow")
    assert "0.csv.out" in found
    assert found.items() <= answers(range(FILES)).items()
    assert list((fresh_studio.data / "tasks/transform").rglob("task.json")) == []


def test_a_job_waits_for_room_and_says_its_place(tmp_path: Path, cache: Path) -> None:
    studio = Studio(tmp_path / "data", cache, {**clean_environment(cache), "CLARY_JOBS": "1"})
    studio.start()
    try:
        s3, sagemaker = prepare(studio), studio.client("sagemaker")
        sagemaker.create_transform_job(**transform("second", "slow", uri="slow/0.csv"))
        assert transformed(sagemaker, "second")["TransformJobStatus"] == "Completed"
        first, second = (sagemaker.describe_transform_job(TransformJobName=name) for name in ("slow", "second"))
        assert first["TransformEndTime"] <= second["TransformStartTime"]
        told = "Transform job waiting for capacity: 1st in the queue, 1 job runs (CLARY_JOBS)"
        assert told in transforms.data_log(studio.client("logs"), "second")
        assert outputs(s3, "second") == {"0.csv.out": answers(range(1))["0.csv.out"]}
    finally:
        studio.stop()
