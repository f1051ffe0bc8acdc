"""A job's checkpoints: from S3 at its start, to S3 while it runs and at its end, with its role's rights, over crashes."""

from __future__ import annotations

import json
import os
import re
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests import jobs
from tests.api.test_rights import TRUST, allow, document
from tests.conftest import Studio, clean_environment
from tests.waiting import until

pytestmark = pytest.mark.slow

Boto = Callable[..., Any]

FIND = """
import json, os, sys, time
folder = json.load(open(os.environ["SM_CHECKPOINT_CONFIG_FILE"]))["LocalPath"]
print("folder", folder, sorted(os.listdir(folder)), flush=True)
"""
WAITS = (
    FIND
    + """
open(os.path.join(folder, "early"), "w").write("1")
os.unlink(os.path.join(folder, "old"))
print("written", flush=True)
time.sleep(5)
open(os.path.join(folder, "late"), "w").write("2")
"""
)


def kept(s3: Any, name: str, script: str, *, local: str = "", **given: Any) -> dict[str, Any]:
    config = {"S3Uri": f"s3://{jobs.BUCKET}/checkpoints/{name}/", **({"LocalPath": local} if local else {})}
    return jobs.training(s3, name, script, **{"CheckpointConfig": config, **given})


def keys(s3: Any, name: str) -> list[str]:
    prefix = f"checkpoints/{name}/"
    found = s3.list_objects_v2(Bucket=jobs.BUCKET, Prefix=prefix).get("Contents", [])
    return [item["Key"].removeprefix(prefix) for item in found]


def test_they_go_both_ways_while_it_runs_and_deletions_too(s3: Any, sagemaker: Any, boto: Boto) -> None:
    s3.put_object(Bucket=jobs.BUCKET, Key="checkpoints/both/old", Body=b"0")
    s3.put_object(Bucket=jobs.BUCKET, Key="checkpoints/both/deep/kept", Body=b"0")
    sagemaker.create_training_job(**kept(s3, "both", WAITS))
    jobs.wait_for_line(boto("logs"), "both", "written")
    until(lambda: keys(s3, "both") == ["deep/kept", "early"])
    assert sagemaker.describe_training_job(TrainingJobName="both")["SecondaryStatus"] == "Training"
    job = jobs.ended(sagemaker, "both")
    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
    assert job["CheckpointConfig"] == {"S3Uri": "s3://jobs/checkpoints/both/"}
    assert keys(s3, "both") == ["deep/kept", "early", "late"]
    assert any(line.endswith("['deep', 'old']") for line in jobs.log_lines(boto("logs"), "both"))


@pytest.mark.parametrize("local", ["/opt/ml/checkpoints", "/opt/ml/own/mine", "/data/mine"])
def test_they_are_where_local_path_says(s3: Any, sagemaker: Any, boto: Boto, local: str) -> None:
    name = local.strip("/").replace("/", "-")
    script = f"{FIND}\nopen(os.path.join({local!r}, 'model'), 'w').write('m')\n"
    sagemaker.create_training_job(**kept(s3, name, script, local=local))
    job = jobs.ended(sagemaker, name)
    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
    assert f"folder {local} []" in jobs.log_lines(boto("logs"), name)
    assert keys(s3, name) == ["model"]


@pytest.fixture(scope="module")
def open_studio(tmp_path_factory: pytest.TempPathFactory, cache: Path) -> Iterator[Studio]:
    """Without a sandbox."""
    folder = tmp_path_factory.mktemp("open")
    studio = Studio(folder / "data", cache, {**clean_environment(cache), "CLARY_SANDBOX": "off"})
    studio.start()
    yield studio
    studio.stop()


def test_without_a_sandbox_the_log_says_where_they_are_and_they_are_kept(open_studio: Studio) -> None:
    s3, sagemaker = open_studio.client("s3"), open_studio.client("sagemaker")
    jobs.prepare(s3)
    script = f"{FIND}\nopen(os.path.join(folder, 'model'), 'w').write('m')\n"
    sagemaker.create_training_job(**kept(s3, "open", script))
    assert jobs.ended(sagemaker, "open")["TrainingJobStatus"] == "Completed"
    lines = jobs.log_lines(open_studio.client("logs"), "open")
    assert any("cannot be at /opt/ml/checkpoints" in line for line in lines)
    assert keys(s3, "open") == ["model"]


def test_a_stopped_job_keeps_its_last_one(s3: Any, sagemaker: Any, boto: Boto) -> None:
    script = (
        f"{FIND}\nimport signal\n"
        "signal.signal(signal.SIGTERM, lambda *_: (open(folder + '/last', 'w').write('l'), sys.exit(0)))\n"
        "print('on', flush=True)\ntime.sleep(60)\n"
    )
    sagemaker.create_training_job(**kept(s3, "halted", script))
    jobs.wait_for_line(boto("logs"), "halted", "on")
    sagemaker.stop_training_job(TrainingJobName="halted")
    assert jobs.ended(sagemaker, "halted")["TrainingJobStatus"] == "Stopped"
    assert keys(s3, "halted") == ["last"]


def role(studio: Studio, name: str, *statements: dict[str, Any]) -> str:
    iam = studio.client("iam")
    arn = str(iam.create_role(RoleName=name, AssumeRolePolicyDocument=document(TRUST))["Role"]["Arn"])
    iam.put_role_policy(RoleName=name, PolicyName="own", PolicyDocument=document(*statements))
    return arn


READS = allow(["s3:GetObject", "s3:ListBucket"], ["arn:aws:s3:::jobs", "arn:aws:s3:::jobs/*"])
WRITES = allow("s3:PutObject", "arn:aws:s3:::jobs/out/*")


def test_a_role_that_may_not_write_them_ends_the_job_soon_and_says_so(studio: Studio, s3: Any, sagemaker: Any) -> None:
    script = f"{FIND}\nopen(folder + '/x', 'w').write('x')\ntime.sleep(100)\n"
    arn = role(studio, "no-checkpoints", READS, WRITES)
    sagemaker.create_training_job(**kept(s3, "denied", script, RoleArn=arn))
    job = jobs.ended(sagemaker, "denied")
    assert job["TrainingJobStatus"] == "Failed"
    assert job["FailureReason"].startswith(
        "ClientError: Checkpoint upload to s3://jobs/checkpoints/denied/ failed: User: "
    )
    assert "not authorized to perform: s3:PutObject" in job["FailureReason"]


def test_a_role_that_may_not_read_them_does_not_start(studio: Studio, s3: Any, sagemaker: Any) -> None:
    s3.put_object(Bucket=jobs.BUCKET, Key="checkpoints/blind/old", Body=b"0")
    within = {"Condition": {"StringNotLike": {"s3:prefix": "checkpoints/*"}}}
    reads = [allow("s3:GetObject", "arn:aws:s3:::jobs/*"), {**allow("s3:ListBucket", "arn:aws:s3:::jobs"), **within}]
    arn = role(studio, "no-reading", *reads, WRITES)
    sagemaker.create_training_job(**kept(s3, "blind", FIND, RoleArn=arn))
    job = jobs.ended(sagemaker, "blind")
    assert job["TrainingJobStatus"] == "Failed"
    assert "Checkpoint download from s3://jobs/checkpoints/blind/ failed" in job["FailureReason"]
    assert "s3:ListBucket" in job["FailureReason"]


def test_the_output_key_seals_them_and_they_are_read_again(studio: Studio, s3: Any, sagemaker: Any, boto: Boto) -> None:
    key = boto("kms").create_key()["KeyMetadata"]["Arn"]
    arn = role(studio, "sealing", allow(["s3:*", "kms:*"], ["*"]))
    output = {"S3OutputPath": f"s3://{jobs.BUCKET}/out", "KmsKeyId": key}
    script = f"{FIND}\nopen(folder + '/x', 'w').write('x')\n"
    sagemaker.create_training_job(**kept(s3, "sealed", script, OutputDataConfig=output, RoleArn=arn))
    assert jobs.ended(sagemaker, "sealed")["TrainingJobStatus"] == "Completed"
    assert s3.head_object(Bucket=jobs.BUCKET, Key="checkpoints/sealed/x")["SSEKMSKeyId"] == key
    config = {"S3Uri": f"s3://{jobs.BUCKET}/checkpoints/sealed"}
    again = kept(s3, "sealed-again", FIND, CheckpointConfig=config, RoleArn=arn)
    sagemaker.create_training_job(**again)
    assert jobs.ended(sagemaker, "sealed-again")["TrainingJobStatus"] == "Completed"
    assert any(line.endswith("['x']") for line in jobs.log_lines(boto("logs"), "sealed-again"))


def test_kill_9_of_the_server_loses_none_and_deletions_of_meanwhile_count(fresh_studio: Studio) -> None:
    s3, sagemaker = fresh_studio.client("s3"), fresh_studio.client("sagemaker")
    jobs.prepare(s3)
    script = (
        f"{FIND}\nfor n in range(40):\n    open(f'{{folder}}/{{n}}', 'w').write(str(n))\n"
        "    if n: os.unlink(f'{folder}/{n - 1}')\n    print('step', n, flush=True)\n    time.sleep(0.15)\n"
    )
    sagemaker.create_training_job(**kept(s3, "crashing", script))
    jobs.wait_for_line(fresh_studio.client("logs"), "crashing", "step 12")
    fresh_studio.kill()
    time.sleep(1)  # it goes on alone
    fresh_studio.start()
    job = jobs.ended(fresh_studio.client("sagemaker"), "crashing")
    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
    assert keys(fresh_studio.client("s3"), "crashing") == ["39"]


def supervisor(studio: Studio, name: str) -> int:
    (started,) = (studio.data / "tasks/training").rglob(f"{name}-*/algo-1/started")
    return int(json.loads(started.read_text())["pid"])


COUNTS = (
    FIND
    + """
done = os.path.join(folder, "done")
begin = int(open(done).read()) if os.path.exists(done) else 0
print("from", begin, flush=True)
for step in range(begin, 60):
    time.sleep(0.1)
    open(done + ".new", "w").write(str(step + 1))
    os.rename(done + ".new", done)
    print("step", step, flush=True)
"""
)


def test_a_job_whose_watcher_was_killed_is_begun_again_as_often_as_it_may_be(
    studio: Studio, s3: Any, sagemaker: Any, boto: Boto
) -> None:
    request = kept(s3, "retried", COUNTS, RetryStrategy={"MaximumRetryAttempts": 1})
    sagemaker.create_training_job(**request)
    jobs.wait_for_line(boto("logs"), "retried", "step 20")
    os.kill(supervisor(studio, "retried"), signal.SIGKILL)
    job = jobs.ended(sagemaker, "retried")
    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
    assert job["RetryStrategy"] == {"MaximumRetryAttempts": 1}
    passed = job["SecondaryStatusTransitions"]
    assert [entry["Status"] for entry in passed] == [
        "Starting", "Downloading", "Training", "Restarting",
        "Starting", "Downloading", "Training", "Uploading", "Completed",
    ]  # fmt: skip
    assert passed[3]["StatusMessage"] == "Restarting the training job after an internal error: retry 1 of 1"
    lines = jobs.log_lines(boto("logs"), "retried")
    first, second = (int(re.sub("[^0-9]", "", line)) for line in lines if line.startswith("from"))
    assert first == 0
    assert second >= 5  # what had settled when it was killed


def test_without_retries_left_it_fails_with_an_internal_error(
    studio: Studio, s3: Any, sagemaker: Any, boto: Boto
) -> None:
    sagemaker.create_training_job(**kept(s3, "unlucky", COUNTS))
    jobs.wait_for_line(boto("logs"), "unlucky", "step 3")
    os.kill(supervisor(studio, "unlucky"), signal.SIGKILL)
    job = jobs.ended(sagemaker, "unlucky")
    assert job["TrainingJobStatus"] == "Failed"
    assert job["FailureReason"].startswith("InternalServerError")
