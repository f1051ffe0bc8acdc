"""CLARY_JOB_NETWORK=off: what runs in a job reaches Clary, by its API and its tunnel, and nothing else."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from clary.engines import sandbox
from tests import jobs
from tests.conftest import Studio, clean_environment
from tests.e2e.test_kill import deploy

pytestmark = pytest.mark.slow

SCRIPT = """
import os, socket, urllib.request
import boto3
s3 = boto3.client("s3")
print("api", s3.list_objects_v2(Bucket="jobs", Prefix="in/")["KeyCount"])
s3.upload_file(__file__, "jobs", "from-inside/train.py")
# By AWS's own name, through the tunnel.
print("tunnel", boto3.client("sts", endpoint_url="https://sts.us-east-1.amazonaws.com").get_caller_identity()["Account"])
for name, address in (("machine", ("127.0.0.1", int(os.environ["ELSEWHERE"]))), ("world", ("192.0.2.1", 443))):
    try:
        socket.create_connection(address, 5)
        print(name, "reached")
    except OSError as error:
        print(name, "out of reach")
try:
    urllib.request.urlopen("https://pypi.org", timeout=10)
    print("web reached")
except OSError as error:
    print("web", "403" in str(error))
"""


@pytest.fixture
def elsewhere() -> Iterator[int]:
    """A port of this machine's loopback that somebody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


def closed_studio(folder: Path, cache: Path, **more: str) -> Studio:
    return Studio(folder / "data", cache, {**clean_environment(cache), "CLARY_JOB_NETWORK": "off", **more})


def test_a_job_reaches_clary_alone_also_after_a_restart(tmp_path: Path, cache: Path, elsewhere: int) -> None:
    if not sandbox.find().network:
        pytest.skip(sandbox.find().complaint)
    studio = closed_studio(tmp_path, cache)
    studio.start()
    try:
        s3, sagemaker = studio.client("s3"), studio.client("sagemaker")
        jobs.prepare(s3)
        request = jobs.training(s3, "closed", SCRIPT, Environment={"ELSEWHERE": str(elsewhere)})
        sagemaker.create_training_job(**request)
        job = jobs.ended(sagemaker, "closed")
        lines = jobs.log_lines(studio.client("logs"), "closed")
        assert job["TrainingJobStatus"] == "Completed", (job.get("FailureReason"), lines)
        said = ["api 2", "tunnel 000000000000", "machine out of reach", "world out of reach", "web True"]
        assert [line for line in lines if line in said] == said
        assert s3.get_object(Bucket="jobs", Key="from-inside/train.py")
        assert_found_again(studio, s3)
    finally:
        studio.stop()


SERVING = """
import os, socket, urllib.request
def model_fn(model_dir):
    return None
def predict_fn(rows, model):
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(os.environ["AWS_ENDPOINT_URL"] + "/health", timeout=10) as response:
        inside = response.status
    try:
        socket.create_connection(("127.0.0.1", int(rows[0, 0])), 5)
        return [inside, 1]
    except OSError:
        return [inside, 0]
"""


def test_an_endpoint_answers_and_reaches_clary_alone(tmp_path: Path, cache: Path, elsewhere: int) -> None:
    if not sandbox.find().network:
        pytest.skip(sandbox.find().complaint)
    studio = closed_studio(tmp_path, cache)
    studio.start()
    try:
        s3 = studio.client("s3")
        jobs.prepare(s3)
        deploy(s3, studio.client("sagemaker"), "closed", SERVING)
        answer = studio.client("sagemaker-runtime").invoke_endpoint(
            EndpointName="closed", ContentType="text/csv", Accept="application/json", Body=f"{elsewhere},0\n".encode()
        )
        assert json.loads(answer["Body"].read()) == [200, 0]
    finally:
        studio.stop()


def assert_found_again(studio: Studio, s3: Any) -> None:
    """A server that dies and comes back is reached by a job that runs on."""
    script = """
import time, boto3
from botocore.config import Config
s3 = boto3.client("s3", config=Config(retries={"max_attempts": 0}))
s3.put_object(Bucket="jobs", Key="waits/before", Body=b"")
while True:
    try:
        s3.head_object(Bucket="jobs", Key="waits/after")
        break
    except Exception as error:
        time.sleep(0.1)
print("found again")
"""
    studio.client("sagemaker").create_training_job(**jobs.training(s3, "waits", script))
    s3.get_waiter("object_exists").wait(
        Bucket="jobs", Key="waits/before", WaiterConfig={"Delay": 1, "MaxAttempts": 200}
    )
    studio.kill()
    studio.start()
    studio.client("s3").put_object(Bucket="jobs", Key="waits/after", Body=b"")
    job = jobs.ended(studio.client("sagemaker"), "waits")
    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
    assert "found again" in jobs.log_lines(studio.client("logs"), "waits")


def test_without_a_sandbox_such_jobs_fail_with_the_way_out(tmp_path: Path, cache: Path) -> None:
    studio = closed_studio(tmp_path, cache, CLARY_SANDBOX="off")
    studio.start()
    try:
        s3, sagemaker = studio.client("s3"), studio.client("sagemaker")
        jobs.prepare(s3)
        sagemaker.create_training_job(**jobs.training(s3, "open", "print(1)"))
        job = jobs.ended(sagemaker, "open")
        assert job["TrainingJobStatus"] == "Failed"
        assert job["FailureReason"].startswith("ClientError: CLARY_JOB_NETWORK=off lets jobs reach Clary alone")
        assert "CLARY_SANDBOX=auto switches it on" in job["FailureReason"]
    finally:
        studio.stop()
