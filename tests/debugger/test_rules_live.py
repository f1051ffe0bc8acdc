"""What a rule's evaluator does while tensors come: several workers, silence, another job's tensors."""

from __future__ import annotations

import json
import os
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from clary.formats.tensors import layout, values
from clary.formats.tensors.collections import Collection
from clary.formats.tensors.layout import Mode
from clary.formats.tensors.writer import Step, write_collections
from clary.images import catalog
from clary.images.environments import Environments

pytestmark = pytest.mark.slow

Start = Callable[..., "subprocess.Popen[str]"]


class Job:
    """What a training job writes, worker by worker."""

    def __init__(self, folder: Path, workers: int = 1) -> None:
        self.folder, self.workers = folder, workers

    def collect(self, worker: int = 0) -> None:
        write_collections(self.folder, f"worker_{worker}", [Collection("losses", ("loss",))], self.workers)

    def save(self, step: int, number: float, worker: int = 0) -> None:
        file = Step(self.folder, f"worker_{worker}", step, Mode.TRAIN, step)
        file.add("loss", values.scalar(number), 1.7e9)
        file.close()

    def end(self) -> None:
        (self.folder / layout.END).touch()


@pytest.fixture
def job(tmp_path: Path) -> Job:
    return Job(tmp_path / "tensors")


@pytest.fixture
def evaluate(cache: Path, tmp_path: Path) -> Start:
    """Starts an evaluator on ``tensors``."""

    def start(rule: str, *arguments: str, **parameters: str) -> subprocess.Popen[str]:
        environments = Environments(cache)
        python = environments.build(catalog.find("sagemaker-debugger-rules").lock)
        given = {f"RULE_PARAMETER_{key}": value for key, value in {**parameters, "rule_to_invoke": rule}.items()}
        environment = {
            **os.environ,
            **given,
            "PYTHONPATH": str(environments.runtime()),
            "CLARY_ML": str(tmp_path / "ml"),
        }
        program = [
            str(python),
            "-u",
            "-m",
            "clary.images.debugger_rules.evaluate",
            "--tensors",
            str(tmp_path / "tensors"),
        ]
        return subprocess.Popen(
            [*program, "--output", str(tmp_path / "output"), *arguments],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    return start


def left(tmp_path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((tmp_path / "output/evaluation.json").read_text())
    return found


def first_line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline()


def test_a_step_counts_when_all_workers_have_saved_it(job: Job, evaluate: Start, tmp_path: Path) -> None:
    job.workers = 2
    process = evaluate("ExplodingTensor")
    assert "Evaluating" in first_line(process)
    job.collect(0)
    job.save(0, 1.0, 0)
    job.save(1, float("nan"), 0)  # the second worker has not even begun
    job.collect(1)
    time.sleep(1)
    assert process.poll() is None
    job.save(0, 1.0, 1)
    time.sleep(1)
    assert process.poll() is None
    job.save(1, 1.0, 1)
    assert process.wait(60) == 0
    process.communicate()
    assert (left(tmp_path)["status"], left(tmp_path)["step"]) == ("IssuesFound", 1)


def test_a_worker_that_has_died_holds_nobody_up_when_the_job_has_ended(
    job: Job, evaluate: Start, tmp_path: Path
) -> None:
    job.workers = 2
    for worker in (0, 1):
        job.collect(worker)
    job.save(0, 1.0, 0)
    job.save(0, 1.0, 1)
    job.save(1, float("inf"), 0)
    process = evaluate("ExplodingTensor")
    first_line(process)
    time.sleep(0.5)
    assert process.poll() is None
    job.end()
    assert process.wait(60) == 0
    process.communicate()
    assert left(tmp_path)["step"] == 1


def test_a_training_that_saves_nothing_any_more_is_stalled(job: Job, evaluate: Start, tmp_path: Path) -> None:
    job.collect()
    process = evaluate("StalledTrainingRule", threshold="4")
    first_line(process)
    for step in range(4):  # it goes on for longer than the threshold
        job.save(step, 1.0)
        time.sleep(1.2)
    assert process.poll() is None
    assert process.wait(60) == 0
    process.communicate()
    found = left(tmp_path)
    assert (found["status"], found["step"]) == ("IssuesFound", 3)
    assert "no new tensor for" in found["finding"]["text"]


def test_a_job_that_saved_nothing_is_told(job: Job, evaluate: Start, tmp_path: Path) -> None:
    process = evaluate("DeadRelu")
    first_line(process)
    job.folder.mkdir()
    job.end()
    log, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    assert "saved no tensors" in log
    assert left(tmp_path)["status"] == "NoIssuesFound"


def test_another_job_may_still_be_saving(job: Job, evaluate: Start, tmp_path: Path) -> None:
    other = Job(tmp_path / "other_trial_0")
    for each in (job, other):
        each.collect()
    for step, number in enumerate((1.0, 1.5)):
        job.save(step, number)
    job.end()
    other.save(0, 2.0)
    process = evaluate("SimilarAcrossRuns", "--other", str(other.folder), other_trial_0="s3://ward/other")
    first_line(process)
    time.sleep(1)
    assert process.poll() is None
    other.save(1, 1.5)
    log, _ = process.communicate(timeout=60)
    assert process.returncode == 0, log
    assert (left(tmp_path)["status"], left(tmp_path)["step"]) == ("IssuesFound", 1)


def test_a_rule_that_waits_takes_next_to_no_processor(job: Job, evaluate: Start) -> None:
    """A training on two cores must not feel its rules: a look at the folder five times a second."""
    job.collect()
    job.save(0, 1.0)
    process = evaluate("ExplodingTensor")
    first_line(process)
    time.sleep(2)
    before = _seconds(process.pid)
    time.sleep(4)
    share = (_seconds(process.pid) - before) / 4
    stopper = threading.Timer(0.1, job.end)
    stopper.start()
    process.communicate(timeout=60)
    assert share < 0.02
    assert process.returncode == 0


def _seconds(pid: int) -> float:
    """Of processor time that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
