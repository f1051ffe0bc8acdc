"""kill -9 of the server while work is under way: what was accepted is finished by the next one."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from tests import jobs
from tests.conftest import Studio

pytestmark = pytest.mark.slow

SLOW = "import time\nprint('begun', flush=True)\nfor n in range(20):\n    print('step', n, flush=True)\n    time.sleep(0.1)\n"


def test_a_job_ends_the_same_when_the_server_is_killed_while_it_trains(fresh_studio: Studio) -> None:
    s3, sagemaker = fresh_studio.client("s3"), fresh_studio.client("sagemaker")
    jobs.prepare(s3)
    sagemaker.create_training_job(**jobs.training(s3, "survivor", SLOW))
    jobs.wait_for_line(fresh_studio.client("logs"), "survivor", "begun")
    fresh_studio.kill()
    fresh_studio.start()
    job = jobs.ended(fresh_studio.client("sagemaker"), "survivor")
    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
    lines = jobs.log_lines(fresh_studio.client("logs"), "survivor")
    assert [line for line in lines if line.startswith("step")] == [f"step {n}" for n in range(20)]


@pytest.mark.parametrize("delay", [0.0, 0.05, 0.1, 0.2, 0.4])
def test_an_accepted_job_is_never_lost(fresh_studio: Studio, delay: float) -> None:
    s3, sagemaker = fresh_studio.client("s3"), fresh_studio.client("sagemaker")
    jobs.prepare(s3)
    sagemaker.create_training_job(**jobs.training(s3, "accepted", "print('done')"))
    time.sleep(delay)  # the crash comes at another point each time
    fresh_studio.kill()
    fresh_studio.start()
    job = jobs.ended(fresh_studio.client("sagemaker"), "accepted")
    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
    assert jobs.log_lines(fresh_studio.client("logs"), "accepted").count("done") == 1


def test_an_endpoint_answers_on_after_a_crash(fresh_studio: Studio) -> None:
    s3, sagemaker = fresh_studio.client("s3"), fresh_studio.client("sagemaker")
    jobs.prepare(s3)
    deploy(s3, sagemaker, "steady")
    fresh_studio.kill()
    fresh_studio.start()
    runtime = fresh_studio.client("sagemaker-runtime")
    answer = runtime.invoke_endpoint(
        EndpointName="steady", ContentType="text/csv", Accept="application/json", Body=b"1,2\n"
    )
    assert json.loads(answer["Body"].read()) == [3.0]


def deploy(s3: Any, sagemaker: Any, name: str, program: str = "") -> None:
    """An endpoint that adds a row's numbers up, or does what ``program`` says."""
    program = program or "def model_fn(d): return None\ndef predict_fn(x, m): return x.sum(axis=1)\n"
    s3.put_object(Bucket=jobs.BUCKET, Key=f"{name}.tar.gz", Body=jobs.archive({"code/inference.py": program}))
    container = {
        "Image": jobs.IMAGE,
        "ModelDataUrl": f"s3://{jobs.BUCKET}/{name}.tar.gz",
        "Environment": {"SAGEMAKER_PROGRAM": "inference.py"},
    }
    variant = {"VariantName": "AllTraffic", "ModelName": name, "InitialInstanceCount": 1, "InstanceType": "ml.m5.large"}
    sagemaker.create_model(ModelName=name, ExecutionRoleArn=jobs.ROLE, PrimaryContainer=container)
    sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[variant])
    sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=name)
    sagemaker.get_waiter("endpoint_in_service").wait(EndpointName=name)
