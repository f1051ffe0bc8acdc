"""FailureReason: what a program wrote, and never what a link in its folder leads to."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, cast

import pytest

from clary.jobs import reasons
from clary.jobs.instances import Instances
from clary.store.base import Record


@pytest.fixture
def output(tmp_path: Path) -> Path:
    folder = tmp_path / "job/algo-1/ml/output"
    folder.mkdir(parents=True)
    return folder


def reason(tmp_path: Path, *names: str, **body: Any) -> str:
    """The reason of a job on hosts of these names whose ``algo-1`` failed."""
    instances = Instances(cast("Any", None), tmp_path / "job", names or ["algo-1"])
    ended = {"_cause": "algo-1", "_exit_code": 1, "_lost": False, **body}
    resources = {"InstanceType": "ml.m5.large", "InstanceCount": len(instances.names)}
    return reasons.of_program(
        Record(kind="TrainingJob", name="job", body={"ResourceConfig": resources, **ended}), instances
    )


def test_a_long_text_is_cut_and_the_exit_code_still_told(tmp_path: Path, output: Path) -> None:
    (output / "failure").write_text("x" * 5000)
    found = reason(tmp_path)
    assert found.startswith("AlgorithmError: xxx")
    assert found.endswith("x, exit code: 1")
    assert len(found) <= reasons.LENGTH


def test_a_clients_mistake_is_told_as_one(tmp_path: Path, output: Path) -> None:
    (output / "failure").write_text("ClientError: no such column\n")
    assert reason(tmp_path) == "ClientError: no such column"


def test_of_several_hosts_the_one_that_failed_is_named(tmp_path: Path, output: Path) -> None:
    assert reason(tmp_path, "algo-1", "algo-2", _exit_code=137) == (
        "AlgorithmError: the program ended without a message, exit code: 137 (killed: out of memory?), on algo-1"
    )


def test_filled_memory_is_told_with_the_way_out(tmp_path: Path, output: Path) -> None:
    found = reason(tmp_path, _exit_code=137, _out_of_memory=True)
    assert "filled the memory of ml.m5.large (8 GiB) and was killed; ask for a larger instance type" in found


def test_a_link_or_a_pipe_is_not_read(tmp_path: Path, output: Path) -> None:
    nothing = "AlgorithmError: the program ended without a message, exit code: 1"
    secret = tmp_path / "secret"
    secret.write_text("the server's own")
    (output / "failure").symlink_to(secret)
    assert reason(tmp_path) == nothing
    (output / "failure").unlink()
    os.mkfifo(output / "failure")
    assert reason(tmp_path) == nothing
    (output / "failure").unlink()
    (output / "failure").mkdir()
    assert reason(tmp_path) == nothing


CLUSTER = {"InstanceType": "ml.m5.large", "InstanceCount": 2}


@pytest.mark.parametrize("body", [{"ResourceConfig": CLUSTER}, {"ProcessingResources": {"ClusterConfig": CLUSTER}}])
def test_memory_that_ran_out_is_named_with_its_instance_type(tmp_path: Path, body: dict[str, Any]) -> None:
    ended = {"_cause": "algo-2", "_lost": False, "_exit_code": 137, "_out_of_memory": True}
    job = Record(kind="Job", name="job", body={**body, **ended})
    instances = Instances(cast("Any", None), tmp_path, ["algo-1", "algo-2"])
    said = reasons.of_program(job, instances, lambda folder: f"last words of {folder.name}")
    assert said == (
        "AlgorithmError: OutOfMemoryError: the program filled the memory of ml.m5.large (8 GiB) and was killed; ask for a "
        "larger instance type. last words of algo-2, exit code: 137, on algo-2"
    )
