"""ContainerEntrypoint and ContainerArguments on Clary's images, by boto3."""

from __future__ import annotations

from typing import Any

import pytest

from tests import jobs
from tests.conftest import Studio

pytestmark = pytest.mark.slow


def request(s3: Any, name: str, *words: str) -> dict[str, Any]:
    entered = {"ContainerEntrypoint": ["/bin/bash"], "ContainerArguments": list(words)}
    algorithm = {"TrainingImage": jobs.IMAGE, "TrainingInputMode": "File", **entered}
    return jobs.training(s3, name, "", AlgorithmSpecification=algorithm)


def test_a_program_of_the_jobs_own_runs_on_the_images_python(studio: Studio, boto: Any) -> None:
    s3, sagemaker = boto("s3"), boto("sagemaker")
    jobs.prepare(s3)
    program = (
        "set -e; cat input/data/train/a.csv; echo $TRAINING_JOB_NAME > /opt/ml/model/name; touch /opt/ml/input/mark; "
        'python -c "import sklearn, sys; print(sys.prefix, sklearn.__version__)"; pip --version'
    )
    sagemaker.create_training_job(**request(s3, "entered", "-c", program))
    job = jobs.ended(sagemaker, "entered")
    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
    lines = [line for line in jobs.log_lines(boto("logs"), "entered") if not line.startswith("Clary:")]
    assert lines[:2] == ["1,2", "3,4"]
    assert lines[2].startswith("/tmp/python 1.")
    assert lines[3].startswith("pip ")


def test_without_a_sandbox_it_is_refused_with_that_reason(fresh_studio: Studio) -> None:
    fresh_studio.kill()
    fresh_studio.environment["CLARY_SANDBOX"] = "off"
    fresh_studio.start()
    s3, sagemaker = fresh_studio.client("s3"), fresh_studio.client("sagemaker")
    jobs.prepare(s3)
    sagemaker.create_training_job(**request(s3, "entered", "-c", "true"))
    reason = jobs.ended(sagemaker, "entered")["FailureReason"]
    assert reason.startswith("ClientError: ContainerEntrypoint names a program that looks for its files at /opt/ml")
    assert "ModelTrainer" in reason
    assert "CLARY_SANDBOX=auto" in reason
