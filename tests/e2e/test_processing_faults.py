"""kill -9 of the server, the supervisor and the script of a processing job; a stop in every status; what is left over."""

from __future__ import annotations

import json
import os
import signal
import time
from pathlib import Path
from typing import Any

import pytest

from tests import jobs, processing
from tests.conftest import Studio, clean_environment

pytestmark = pytest.mark.slow

OUT = "/opt/ml/processing/out"
STEPS = f"""
import pathlib, time
print('begun', flush=True)
for n in range(20):
    pathlib.Path('{OUT}', str(n)).write_text(str(n))
    print('step', n, flush=True)
    time.sleep(0.1)
"""
ENDLESS = "import subprocess, time\nsubprocess.Popen(['sleep', '600'])\nprint('begun', flush=True)\ntime.sleep(600)\n"
EXPECTED = {f"{n}": str(n).encode() for n in range(20)}


@pytest.fixture(scope="module")
def s3(studio: Studio) -> Any:
    client = studio.client("s3")
    jobs.prepare(client)
    return client


def request(s3: Any, name: str, script: str, mode: str = "EndOfJob", **given: Any) -> dict[str, Any]:
    outputs = [processing.output("out", f"s3://jobs/{name}", OUT, mode)]
    return processing.request(s3, name, script, outputs=outputs, **given)


def keys(s3: Any, name: str) -> dict[str, bytes]:
    found = s3.list_objects_v2(Bucket=jobs.BUCKET, Prefix=f"{name}/").get("Contents", [])
    bodies = {each["Key"]: s3.get_object(Bucket=jobs.BUCKET, Key=each["Key"])["Body"].read() for each in found}
    return {key.removeprefix(f"{name}/"): body for key, body in bodies.items()}


def directories(studio: Studio, name: str) -> list[Path]:
    """Of the job's hosts."""
    return sorted((studio.data / "tasks/processing/us-east-1").glob(f"{name}-????????/algo-*"))


def left_over(studio: Studio, name: str) -> list[str]:
    """Processes of the job: their command lines, or their variables, hold the folder's name."""
    marks = [directory.parent.name.encode() for directory in directories(studio, name)]
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            text = (process / "cmdline").read_bytes() + (process / "environ").read_bytes()
        except OSError:
            continue
        if any(mark in text for mark in marks) and int(process.name) != os.getpid():
            found.append(f"{process.name}: {(process / 'cmdline').read_bytes()!r}")
    return found


def assert_nothing_is_left(studio: Studio, name: str) -> None:
    """Neither processes nor data, a moment after its end."""
    deadline = time.monotonic() + 90
    while (over := [*left_over(studio, name), *data_of(studio, name)]) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert over == []


def data_of(studio: Studio, name: str) -> list[str]:
    folders = ("inputs", "outputs", "layers", "ml/processing")
    return [str(d / each) for d in directories(studio, name) for each in folders if (d / each).exists()]


@pytest.mark.parametrize("delay", [0.0, 0.1, 0.3, 0.8, 1.5, 2.5])
def test_a_job_ends_the_same_when_the_server_is_killed(fresh_studio: Studio, delay: float) -> None:
    s3 = fresh_studio.client("s3")
    jobs.prepare(s3)
    fresh_studio.client("sagemaker").create_processing_job(**request(s3, "survivor", STEPS))
    time.sleep(delay)  # the crash comes at another point each time
    fresh_studio.kill()
    fresh_studio.start()
    job = processing.ended(fresh_studio.client("sagemaker"), "survivor")
    assert job["ProcessingJobStatus"] == "Completed", job.get("FailureReason")
    assert keys(fresh_studio.client("s3"), "survivor") == EXPECTED
    lines = processing.lines(fresh_studio.client("logs"), "survivor")
    assert [line for line in lines if line.startswith("step")] == [f"step {n}" for n in range(20)]
    assert_nothing_is_left(fresh_studio, "survivor")


def test_continuous_outputs_are_whole_after_a_crash(fresh_studio: Studio) -> None:
    s3 = fresh_studio.client("s3")
    jobs.prepare(s3)
    fresh_studio.client("sagemaker").create_processing_job(**request(s3, "flow", STEPS, "Continuous"))
    deadline = time.monotonic() + 90
    while not keys(s3, "flow") and time.monotonic() < deadline:
        time.sleep(0.05)
    fresh_studio.kill()
    fresh_studio.start()
    job = processing.ended(fresh_studio.client("sagemaker"), "flow")
    assert job["ProcessingJobStatus"] == "Completed", job.get("FailureReason")
    assert keys(fresh_studio.client("s3"), "flow") == EXPECTED


def test_a_job_whose_supervisor_is_killed_fails_and_says_so(studio: Studio, s3: Any) -> None:
    sagemaker = studio.client("sagemaker")
    sagemaker.create_processing_job(**request(s3, "unwatched", ENDLESS))
    jobs.wait_for_line(studio.client("logs"), "unwatched", "begun", processing.GROUP)
    (directory,) = directories(studio, "unwatched")
    os.kill(json.loads((directory / "started").read_text())["pid"], signal.SIGKILL)
    job = processing.ended(sagemaker, "unwatched")
    assert job["ProcessingJobStatus"] == "Failed"
    assert job["FailureReason"].startswith("InternalServerError: the process that watched over the job died")
    assert_nothing_is_left(studio, "unwatched")


def test_a_script_that_is_killed_fails_its_job(studio: Studio, s3: Any) -> None:
    sagemaker = studio.client("sagemaker")
    script = "import os\nprint('last words', flush=True)\nos.kill(os.getpid(), 9)\n"
    sagemaker.create_processing_job(**request(s3, "killed", script))
    job = processing.ended(sagemaker, "killed")
    assert job["ProcessingJobStatus"] == "Failed"
    assert job["FailureReason"] == "AlgorithmError: last words, exit code: 137 (killed: out of memory?)"


def test_a_child_that_a_script_leaves_does_not_stay(studio: Studio, s3: Any) -> None:
    sagemaker = studio.client("sagemaker")
    script = "import subprocess\nsubprocess.Popen(['sleep', '600'], start_new_session=True)\n"
    sagemaker.create_processing_job(**request(s3, "parent", script))
    assert processing.ended(sagemaker, "parent")["ProcessingJobStatus"] == "Completed"
    assert_nothing_is_left(studio, "parent")


@pytest.mark.parametrize("delay", [0.0, 0.05, 0.2, 0.6])
def test_a_job_can_be_stopped_at_any_time(studio: Studio, s3: Any, delay: float) -> None:
    sagemaker, name = studio.client("sagemaker"), f"stop-{round(delay * 1000)}"
    sagemaker.create_processing_job(**request(s3, name, ENDLESS))
    time.sleep(delay)  # the stop comes at another point each time
    sagemaker.stop_processing_job(ProcessingJobName=name)
    job = processing.ended(sagemaker, name)
    assert job["ProcessingJobStatus"] == "Stopped"
    assert keys(s3, name) == {}
    assert_nothing_is_left(studio, name)


def test_a_stop_outlives_the_server(fresh_studio: Studio) -> None:
    s3 = fresh_studio.client("s3")
    jobs.prepare(s3)
    sagemaker = fresh_studio.client("sagemaker")
    sagemaker.create_processing_job(**request(s3, "stopping", ENDLESS))
    jobs.wait_for_line(fresh_studio.client("logs"), "stopping", "begun", processing.GROUP)
    sagemaker.stop_processing_job(ProcessingJobName="stopping")
    fresh_studio.kill()
    fresh_studio.start()
    assert processing.ended(fresh_studio.client("sagemaker"), "stopping")["ProcessingJobStatus"] == "Stopped"
    assert_nothing_is_left(fresh_studio, "stopping")


def test_without_a_sandbox_the_command_line_leads_to_the_files(tmp_path: Path, cache: Path) -> None:
    studio = Studio(tmp_path / "data", cache, {**clean_environment(cache), "CLARY_SANDBOX": "off"})
    studio.start()
    try:
        s3 = studio.client("s3")
        jobs.prepare(s3)
        script = (
            "import os, pathlib, sys\n"
            "base = pathlib.Path(os.environ['CLARY_ML'])\n"
            "rows = (base / 'processing/in/a.csv').read_text()\n"
            "pathlib.Path(sys.argv[1], 'rows').write_text(rows)\n"
            "(base / 'output/message').write_text('done')\n"
        )
        inputs = [processing.s3_input("rows", "s3://jobs/in/", "/opt/ml/processing/in")]
        outputs = [processing.output("out", "s3://jobs/plain", "/results")]
        wanted = processing.request(
            s3, "plain", script, inputs=inputs, outputs=outputs, app={"ContainerArguments": ["/results"]}
        )
        studio.client("sagemaker").create_processing_job(**wanted)
        job = processing.ended(studio.client("sagemaker"), "plain")
        assert job["ProcessingJobStatus"] == "Completed", job.get("FailureReason")
        assert (job["ExitMessage"], keys(s3, "plain")) == ("done", {"rows": b"1,2\n3,4\n"})
        assert "this machine has no sandbox" in " ".join(processing.lines(studio.client("logs"), "plain"))
        assert_nothing_is_left(studio, "plain")
    finally:
        studio.stop()
