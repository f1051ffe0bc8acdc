"""A job has the CPUs and the memory of the instance type that it asks for."""

from __future__ import annotations

import os
from typing import Any

import pytest

from clary.engines import limits
from tests import jobs
from tests.conftest import Studio

pytestmark = pytest.mark.slow


def on(instance_type: str) -> dict[str, Any]:
    return {"ResourceConfig": {"InstanceType": instance_type, "InstanceCount": 1, "VolumeSizeInGB": 1}}


def test_a_job_that_fills_its_memory_says_so(studio: Studio, s3: Any) -> None:
    if not limits.works():
        pytest.skip("this user may not make control groups")
    if os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") < 6 << 30:
        pytest.skip("there is not enough free memory to fill 4 GiB of it")
    script = "held = []\nwhile True:\n    held.append(b'x' * (64 << 20))\n"
    sagemaker = studio.client("sagemaker")
    sagemaker.create_training_job(**jobs.training(s3, "fills", script, **on("ml.t3.medium")))
    job = jobs.ended(sagemaker, "fills")
    assert job["TrainingJobStatus"] == "Failed"
    assert job["FailureReason"].startswith(
        "AlgorithmError: OutOfMemoryError: the program filled the memory of ml.t3.medium (4 GiB) and was killed; "
        "ask for a larger instance type."
    )
    assert "exit code: 137" in job["FailureReason"]


def test_a_script_is_told_how_many_cpus_it_has(studio: Studio, s3: Any) -> None:
    script = "import os\nprint('cpus', os.environ['SM_NUM_CPUS'], os.environ.get('OMP_NUM_THREADS'))\n"
    sagemaker = studio.client("sagemaker")
    sagemaker.create_training_job(**jobs.training(s3, "cpus", script, **on("ml.m5.large")))
    assert jobs.ended(sagemaker, "cpus")["TrainingJobStatus"] == "Completed"
    machine = os.cpu_count() or 1
    lines = jobs.log_lines(studio.client("logs"), "cpus")
    assert f"cpus {min(2, machine)} {'2' if machine > 2 else None}" in lines
    unkept = [line for line in lines if "the limits of ml.m5.large (2 CPUs, 8 GiB) are not kept" in line]
    assert bool(unkept) is not limits.works()
