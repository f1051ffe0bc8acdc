"""What goes wrong in a training job: it ends all the same, says why, and leaves no process and no half model behind."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from clary.engines import limits
from tests import jobs
from tests.conftest import Studio, clean_environment

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

JOB = f"job-{os.getpid()}"  # other servers of this machine may have jobs too
TERMINAL = {"Completed", "Failed", "Stopped"}
MODEL = "open(__import__('os').environ['SM_MODEL_DIR'] + '/m', 'wb').write({})\n"
WAITS = "import time\nprint('begun', flush=True)\n" + MODEL.format("b'kept'") + "while True: time.sleep(0.05)\n"
LARGE = "import os\n" + MODEL.format("os.urandom(160 << 20)")  # takes a while to upload
LARGER = "import os\n" + MODEL.format("os.urandom(500 << 20)")  # so long that a stop still meets the upload


def processes(job: str) -> list[int]:
    """Those that were started for a job, wherever they are by now."""
    found, wanted = [], f"TRAINING_JOB_NAME={job}".encode()
    for path in Path("/proc").glob("[0-9]*/environ"):
        with contextlib.suppress(OSError):
            if wanted in path.read_bytes().split(b"\0"):
                found.append(int(path.parent.name))
    return found


def gone(job: str) -> None:
    """No process of the job is left. What was killed takes a moment to leave."""
    deadline = time.monotonic() + 90
    while left := processes(job):
        assert time.monotonic() < deadline, f"left over: {left}"
        time.sleep(0.02)


def supervisor(studio: Studio, job: str) -> int:
    """Its process id."""
    started = next((studio.data / "tasks/training").rglob(f"{job}-*/**/started"))
    return int(json.loads(started.read_text())["pid"])


def memory(studio: Studio) -> float:
    """The most resident MiB of the server so far."""
    pid = json.loads((studio.data / "server.json").read_text())["pid"]
    line = next(li for li in Path(f"/proc/{pid}/status").read_text().splitlines() if li.startswith("VmHWM"))
    return int(line.split()[1]) / 1024


def stored(logs: Any) -> int:
    """Bytes of all events of training jobs, 26 for each event included."""
    found = logs.describe_log_groups(logGroupNamePrefix="/aws/sagemaker/TrainingJobs")["logGroups"]
    return sum(group["storedBytes"] for group in found)


def has_model(s3: Any, job: str, holds: list[bytes] | None = None) -> bool:
    """Whether the archive is there; if it is, it is whole and ``holds`` this."""
    try:
        body = s3.get_object(Bucket=jobs.BUCKET, Key=f"out/{job}/output/model.tar.gz")["Body"].read()
    except s3.exceptions.NoSuchKey:
        return False
    listed = subprocess.run(["tar", "tzf", "-"], input=body, capture_output=True, check=True)
    assert listed.stdout.split() == holds if holds is not None else True, listed.stdout
    return True


def until(sagemaker: Any, job: str, status: str) -> str:
    """Wait until the job has come as far as a secondary status; returns the one that it has."""
    while True:
        found = sagemaker.describe_training_job(TrainingJobName=job)
        passed = {each["Status"] for each in found["SecondaryStatusTransitions"]}
        if status in passed or found["TrainingJobStatus"] in TERMINAL:
            return str(found["SecondaryStatus"])
        time.sleep(0.002)


@pytest.fixture(scope="module")
def s3(studio: Studio) -> Any:
    client = studio.client("s3")
    jobs.prepare(client)
    return client


@pytest.fixture
def sagemaker(boto: Callable[..., Any]) -> Any:
    return boto("sagemaker")


# what a script does


def test_children_that_a_script_leaves_behind_are_ended_with_it(s3: Any, sagemaker: Any) -> None:
    script = (
        "import os, time\nfor _ in range(3):\n    if os.fork() == 0:\n        os.setsid()\n"
        "        if os.fork() == 0:\n            while True: time.sleep(0.05)\n        os._exit(0)\nprint('leaves')\n"
    )
    sagemaker.create_training_job(**jobs.training(s3, "leaves", script))
    assert jobs.ended(sagemaker, "leaves")["TrainingJobStatus"] == "Completed"
    gone("leaves")


def test_a_gibibyte_of_log_is_kept_whole_in_flat_memory(fresh_studio: Studio) -> None:
    s3, sagemaker, logs = (fresh_studio.client(each) for each in ("s3", "sagemaker", "logs"))
    jobs.prepare(s3)
    script = "import sys\nline = 'x' * 1023 + '\\n'\nfor _ in range(1 << 10): sys.stdout.write(line * 1024)\n"
    sagemaker.create_training_job(**jobs.training(s3, "talks", script))
    assert jobs.ended(sagemaker, "talks")["TrainingJobStatus"] == "Completed"
    assert stored(logs) >= (1 << 20) * (1023 + 26)
    assert stored(logs) < (1 << 20) * (1023 + 26) + 10_000  # what else the image says
    assert memory(fresh_studio) < 250
    kept = sum(path.stat().st_size for path in (fresh_studio.data / "tasks").rglob("*") if path.is_file())
    assert kept < 1 << 20  # the log is not kept twice


def test_a_line_of_a_hundred_mebibytes_is_kept_in_pieces(s3: Any, sagemaker: Any, studio: Studio) -> None:
    logs, before = studio.client("logs"), memory(studio)
    with contextlib.suppress(ClientError):
        logs.delete_log_group(logGroupName="/aws/sagemaker/TrainingJobs")
    script = "import sys\nsys.stdout.write('y' * (100 << 20) + '\\n')\nprint('after')\n"
    sagemaker.create_training_job(**jobs.training(s3, "long-line", script))
    assert jobs.ended(sagemaker, "long-line")["TrainingJobStatus"] == "Completed"
    assert stored(logs) >= 100 << 20
    stream = logs.describe_log_streams(logGroupName="/aws/sagemaker/TrainingJobs", logStreamNamePrefix="long-line/")
    name = stream["logStreams"][0]["logStreamName"]
    page = logs.get_log_events(logGroupName="/aws/sagemaker/TrainingJobs", logStreamName=name, limit=5)
    assert "after" in [event["message"] for event in page["events"]]
    assert memory(studio) < before + 100


@pytest.mark.skipif(not limits.works(), reason="this user may not make control groups: nothing would stop the script")
def test_a_script_that_fills_memory_is_ended_and_told_so(s3: Any, sagemaker: Any) -> None:
    script = "held = []\nwhile True: held.append(bytearray(b'1') * (16 << 20))\n"
    request = jobs.training(s3, "fills", script)
    request["ResourceConfig"]["InstanceType"] = "ml.t3.medium"  # 4 GiB
    sagemaker.create_training_job(**request)
    job = jobs.ended(sagemaker, "fills")
    assert job["TrainingJobStatus"] == "Failed"
    assert "memory" in job["FailureReason"]
    gone("fills")


def test_a_script_that_ignores_sigterm_is_killed_when_the_grace_is_over(s3: Any, sagemaker: Any, boto: Any) -> None:
    script = "import signal\nsignal.signal(signal.SIGTERM, lambda *_: print('no', flush=True))\n" + WAITS
    sagemaker.create_training_job(**jobs.training(s3, "deaf", script))
    jobs.wait_for_line(boto("logs"), "deaf", "begun")
    began = time.monotonic()
    sagemaker.stop_training_job(TrainingJobName="deaf")
    job = jobs.ended(sagemaker, "deaf")
    assert 115 < time.monotonic() - began < 180
    assert job["TrainingJobStatus"] == "Stopped"
    assert "no" in jobs.log_lines(boto("logs"), "deaf")
    assert has_model(s3, "deaf", [b"m"])
    gone("deaf")


# kill -9


def test_kill_9_of_the_script_fails_the_job(s3: Any, sagemaker: Any, boto: Any) -> None:
    sagemaker.create_training_job(
        **jobs.training(s3, "shot", "import os\nprint('pid', os.getpid(), flush=True)\n" + WAITS)
    )
    jobs.wait_for_line(boto("logs"), "shot", "begun")
    for pid in processes("shot"):
        if b"train.py" in Path(f"/proc/{pid}/cmdline").read_bytes():
            os.kill(pid, signal.SIGKILL)
    job = jobs.ended(sagemaker, "shot")
    assert job["TrainingJobStatus"] == "Failed"
    assert "exit code: 137" in job["FailureReason"] or "signal 9" in job["FailureReason"], job["FailureReason"]
    gone("shot")


def test_kill_9_of_the_supervisor_fails_the_job_and_takes_the_script_along(
    s3: Any, sagemaker: Any, boto: Any, studio: Studio
) -> None:
    sagemaker.create_training_job(**jobs.training(s3, "orphan", WAITS))
    jobs.wait_for_line(boto("logs"), "orphan", "begun")
    os.kill(supervisor(studio, "orphan"), signal.SIGKILL)
    job = jobs.ended(sagemaker, "orphan")
    assert job["TrainingJobStatus"] == "Failed"
    assert job["FailureReason"].startswith("InternalServerError: the process that watched over the job died")
    gone("orphan")


@pytest.fixture
def one_at_a_time(tmp_path: Path, cache: Path) -> Iterator[Studio]:
    """A server of the test's own, whose second job waits for the first."""
    studio = Studio(tmp_path / "data", cache, {**clean_environment(cache), "CLARY_JOBS": "1"})
    studio.start()
    yield studio
    studio.stop()


def start(studio: Studio, script: str, status: str) -> None:
    """Make the job and wait until it has come so far; one that is to be pending waits for the job ``before``."""
    s3, sagemaker, logs = (studio.client(each) for each in ("s3", "sagemaker", "logs"))
    jobs.prepare(s3)
    if status == "Pending":
        sagemaker.create_training_job(**jobs.training(s3, "before", WAITS))
        jobs.wait_for_line(logs, "before", "begun")
    sagemaker.create_training_job(**jobs.training(s3, JOB, script))
    if status == "Training" and script == WAITS:
        jobs.wait_for_line(logs, JOB, "begun")
    else:
        until(sagemaker, JOB, status)


@pytest.mark.parametrize("status", ["Pending", "Starting", "Downloading", "Training", "Uploading"])
def test_kill_9_of_the_server_loses_no_job(one_at_a_time: Studio, status: str) -> None:
    start(one_at_a_time, LARGE, status)
    one_at_a_time.kill()
    one_at_a_time.start()
    sagemaker = one_at_a_time.client("sagemaker")
    if status == "Pending":
        sagemaker.stop_training_job(TrainingJobName="before")
    assert jobs.ended(sagemaker, JOB)["TrainingJobStatus"] == "Completed"
    assert has_model(one_at_a_time.client("s3"), JOB, [b"m"])
    gone(JOB)


def test_kill_9_of_the_server_keeps_the_wish_to_stop(one_at_a_time: Studio) -> None:
    start(one_at_a_time, WAITS, "Training")
    one_at_a_time.client("sagemaker").stop_training_job(TrainingJobName=JOB)
    one_at_a_time.kill()
    one_at_a_time.start()
    assert jobs.ended(one_at_a_time.client("sagemaker"), JOB)["TrainingJobStatus"] == "Stopped"
    assert has_model(one_at_a_time.client("s3"), JOB, [b"m"])
    gone(JOB)


# stop


@pytest.mark.parametrize("status", ["Pending", "Starting", "Downloading", "Training", "Uploading"])
def test_a_job_can_be_stopped_in_every_status(one_at_a_time: Studio, status: str) -> None:
    s3, sagemaker = one_at_a_time.client("s3"), one_at_a_time.client("sagemaker")
    start(one_at_a_time, LARGER if status == "Uploading" else WAITS, status)
    sagemaker.stop_training_job(TrainingJobName=JOB)
    job = jobs.ended(sagemaker, JOB)
    assert job["TrainingJobStatus"] == "Stopped", job
    assert job["SecondaryStatusTransitions"][-1]["Status"] == "Stopped"
    assert all("EndTime" in each for each in job["SecondaryStatusTransitions"])
    there = has_model(s3, JOB)
    if status in {"Training", "Uploading"}:
        assert has_model(s3, JOB, [b"m"])
        assert job["ModelArtifacts"]["S3ModelArtifacts"].endswith("/model.tar.gz")
    if status == "Pending":
        assert not there
        sagemaker.stop_training_job(TrainingJobName="before")
        jobs.ended(sagemaker, "before")
    gone(JOB)


# a full disk


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 160 MiB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=160m", "tmpfs", str(folder)]
    if sys.platform != "linux" or subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("only root on Linux may make a small file system here")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def test_a_disk_that_is_full_when_the_model_is_uploaded_fails_the_job(small_disk: Path, cache: Path) -> None:
    studio = Studio(small_disk / "data", cache, clean_environment(cache))
    studio.start()
    try:
        s3, sagemaker = studio.client("s3"), studio.client("sagemaker")
        jobs.prepare(s3)
        sagemaker.create_training_job(
            **jobs.training(s3, "full", "import os\n" + MODEL.format("os.urandom(100 << 20)"))
        )
        job = jobs.ended(sagemaker, "full")
        assert job["TrainingJobStatus"] == "Failed"
        assert "Artifact upload failed" in job["FailureReason"]
        assert "No space left" in job["FailureReason"] or "full" in job["FailureReason"], job["FailureReason"]
        assert not has_model(s3, "full")
        gone("full")
        sagemaker.create_training_job(**jobs.training(s3, "next", MODEL.format("b'small'")))
        assert jobs.ended(sagemaker, "next")["TrainingJobStatus"] == "Completed"
    finally:
        studio.stop()
