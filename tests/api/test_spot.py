"""Managed spot: taken away in every status, on order and by rate, a job goes on from its checkpoint and is billed less."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests import jobs
from tests.conftest import Studio
from tests.waiting import until

pytestmark = pytest.mark.slow

Boto = Callable[..., Any]

# Counts to `steps`, one each tenth of a second, and goes on from the number that its checkpoint holds.
COUNTS = """
import json, os, signal, sys, time
folder = json.load(open(os.environ["SM_CHECKPOINT_CONFIG_FILE"]))["LocalPath"]
done = os.path.join(folder, "done")
begin = int(open(done).read()) if os.path.exists(done) else 0
print("from", begin, flush=True)
signal.signal(signal.SIGTERM, lambda *_: (print("notice", flush=True), sys.exit(0)))
steps = int(os.environ["SM_HP_STEPS"])
for step in range(begin, steps):  # none, if it was taken away after the last
    time.sleep(0.1)
    with open(done + ".new", "w") as file:
        file.write(str(step + 1))
    os.rename(done + ".new", done)
    print("step", step, flush=True)
open(os.path.join(os.environ["SM_MODEL_DIR"], "steps"), "w").write(str(steps))
"""


def spot(s3: Any, name: str, steps: int = 60, **given: Any) -> dict[str, Any]:
    members = {
        "EnableManagedSpotTraining": True,
        "StoppingCondition": {"MaxRuntimeInSeconds": 120, "MaxWaitTimeInSeconds": 240},
        "CheckpointConfig": {"S3Uri": f"s3://{jobs.BUCKET}/checkpoints/{name}"},
        "hyperparameters": {"steps": str(steps)},
        **given,
    }
    return jobs.training(s3, name, COUNTS, **members)


def interrupt(studio: Studio, name: str) -> str:
    """What the command says."""
    done = studio.clary("spot", "interrupt", name, "--data", str(studio.data))
    assert not done.stderr or done.returncode
    return done.stdout + done.stderr


def statuses(job: dict[str, Any]) -> list[str]:
    return [entry["Status"] for entry in job["SecondaryStatusTransitions"]]


def test_an_interrupted_job_goes_on_from_its_checkpoint(studio: Studio, s3: Any, sagemaker: Any, boto: Boto) -> None:
    sagemaker.create_training_job(**spot(s3, "taken"))
    jobs.wait_for_line(boto("logs"), "taken", "step 5")
    assert "two minutes' notice" in interrupt(studio, "taken")
    job = jobs.ended(sagemaker, "taken")
    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
    assert statuses(job) == [
        "Starting", "Downloading", "Training", "Interrupted",
        "Starting", "Downloading", "Training", "Uploading", "Completed",
    ]  # fmt: skip
    lines = jobs.log_lines(boto("logs"), "taken")
    begins = [int(line.split()[1]) for line in lines if line.startswith("from")]
    before = [line for line in lines[: lines.index("notice")] if line.startswith("step")]
    assert begins in ([0, len(before)], [0, len(before) + 1])  # the notice may come between the file and the line
    stored = s3.get_object(Bucket=jobs.BUCKET, Key="checkpoints/taken/done")["Body"].read()
    assert stored == b"60"
    assert job["TrainingTimeInSeconds"] > job["BillableTimeInSeconds"] >= 1
    assert job["BillableTimeInSeconds"] == max(1, round(job["TrainingTimeInSeconds"] * 0.3))


def test_only_a_running_spot_job_can_be_interrupted(studio: Studio, s3: Any, sagemaker: Any, boto: Boto) -> None:
    assert "There is no training job nobody in us-east-1" in interrupt(studio, "nobody")
    sagemaker.create_training_job(**jobs.training(s3, "on-demand", "print(1)"))
    assert "does not run on spot" in interrupt(studio, "on-demand")
    sagemaker.create_training_job(**spot(s3, "short", steps=1))
    jobs.ended(sagemaker, "short")
    assert "is in status Completed" in interrupt(studio, "short")
    sagemaker.create_training_job(**spot(s3, "stopping", steps=100))
    jobs.wait_for_line(boto("logs"), "stopping", "step 1")
    sagemaker.stop_training_job(TrainingJobName="stopping")
    assert "cannot be interrupted: it is in status Stop" in interrupt(studio, "stopping")
    assert jobs.ended(sagemaker, "stopping")["SecondaryStatus"] == "Stopped"


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"StoppingCondition": {"MaxRuntimeInSeconds": 60}}, "Invalid MaxWaitTimeInSeconds. It must be present"),
        (
            {"StoppingCondition": {"MaxRuntimeInSeconds": 60, "MaxWaitTimeInSeconds": 59}},
            "greater than or equal to MaxRuntimeInSeconds",
        ),
        ({"EnableManagedSpotTraining": False}, "only supported when EnableManagedSpotTraining is set to true"),
        ({"CheckpointConfig": {"S3Uri": "s3://nowhere/x"}}, "'nowhere', which does not exist"),
        ({"CheckpointConfig": {"S3Uri": "s3://jobs/x", "LocalPath": "ml/x"}}, "absolute path"),
        ({"CheckpointConfig": {"S3Uri": "s3://jobs/x", "LocalPath": "/opt/ml/../../etc"}}, "absolute path"),
        ({"CheckpointConfig": {"S3Uri": "s3://jobs/x", "LocalPath": "/opt/ml/model/c"}}, "for something else"),
        ({"CheckpointConfig": {"S3Uri": "s3://jobs/x", "LocalPath": "/checkpoints"}}, "at the top"),
        (
            {
                "ResourceConfig": {
                    "InstanceType": "ml.m5.large",
                    "InstanceCount": 1,
                    "VolumeSizeInGB": 1,
                    "KeepAlivePeriodInSeconds": 60,
                }
            },
            "not supported with managed spot",
        ),
    ],
)
def test_what_cannot_be_meant_is_refused(s3: Any, sagemaker: Any, change: dict[str, Any], text: str) -> None:
    with pytest.raises(ClientError) as error:
        sagemaker.create_training_job(**spot(s3, "refused", **change))
    assert text in str(error.value)


def test_a_job_that_waits_too_long_is_stopped_and_says_so(s3: Any, sagemaker: Any) -> None:
    wait = {"MaxRuntimeInSeconds": 2, "MaxWaitTimeInSeconds": 2}
    sagemaker.create_training_job(**spot(s3, "patient", steps=600, StoppingCondition=wait))
    job = jobs.ended(sagemaker, "patient")
    assert (job["TrainingJobStatus"], job["SecondaryStatus"]) == ("Stopped", "MaxWaitTimeExceeded")
    assert statuses(job)[-2:] == ["Stopping", "MaxWaitTimeExceeded"]


def test_jobs_are_interrupted_by_rate_killed_between_and_still_end(fresh_studio: Studio) -> None:
    fresh_studio.stop()
    fresh_studio.environment |= {"CLARY_SPOT_INTERRUPTIONS": "1800", "CLARY_SPOT_SEED": "one"}  # each two seconds
    fresh_studio.start()
    s3, sagemaker = fresh_studio.client("s3"), fresh_studio.client("sagemaker")
    jobs.prepare(s3)
    sagemaker.create_training_job(**spot(s3, "often", steps=40))
    for _ in range(4):
        time.sleep(1.2)  # another point of its life each time
        fresh_studio.kill()
        fresh_studio.start()
    job = jobs.ended(fresh_studio.client("sagemaker"), "often")
    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
    assert "Interrupted" in statuses(job)
    lines = jobs.log_lines(fresh_studio.client("logs"), "often")
    steps = [int(line.split()[1]) for line in lines if line.startswith("step")]
    assert sorted(set(steps)) == list(range(40))
    begins = [int(line.split()[1]) for line in lines if line.startswith("from")]
    assert begins == sorted(begins)
    assert 2 <= len(begins) <= statuses(job).count("Training")  # an attempt may be over before it says a word
    folders = list((fresh_studio.data / "tasks/training/us-east-1").iterdir())
    assert len(folders) == 1, "what an attempt before left is removed"


def test_an_order_at_any_moment_is_done_or_refused_and_the_job_ends(studio: Studio, s3: Any, sagemaker: Any) -> None:
    sagemaker.create_training_job(**spot(s3, "hammered", steps=15))
    answers = [interrupt(studio, "hammered") for _ in range(6)]
    job = jobs.ended(sagemaker, "hammered")
    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
    assert all("notice" in answer or "cannot be interrupted" in answer for answer in answers)
    assert statuses(job).count("Interrupted") in range(1, 1 + sum("notice" in answer for answer in answers))


def test_several_hosts_are_interrupted_and_go_on_together(studio: Studio, s3: Any, sagemaker: Any, boto: Boto) -> None:
    script = COUNTS.replace('"done")', '"done-" + os.environ["SM_CURRENT_HOST"])')
    two = {"InstanceType": "ml.m5.large", "InstanceCount": 2, "VolumeSizeInGB": 1}
    request = {**spot(s3, "together", ResourceConfig=two), "TrainingJobName": "together"}
    s3.put_object(Bucket=jobs.BUCKET, Key="code/together.tar.gz", Body=jobs.archive({"train.py": script}))
    sagemaker.create_training_job(**request)
    until(lambda: len(stored(s3, "together")) == 2)
    assert "notice" in interrupt(studio, "together")
    job = jobs.ended(sagemaker, "together")
    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
    assert statuses(job).count("Training") == 2
    assert stored(s3, "together") == {"done-algo-1": b"60", "done-algo-2": b"60"}
    streams = boto("logs").describe_log_streams(
        logGroupName="/aws/sagemaker/TrainingJobs", logStreamNamePrefix="together/"
    )["logStreams"]
    assert len(streams) == 2


def stored(s3: Any, name: str) -> dict[str, bytes]:
    """The checkpoints in S3."""
    prefix = f"checkpoints/{name}/"
    found = s3.list_objects_v2(Bucket=jobs.BUCKET, Prefix=prefix).get("Contents", [])
    return {
        item["Key"].removeprefix(prefix): s3.get_object(Bucket=jobs.BUCKET, Key=item["Key"])["Body"].read()
        for item in found
        if not item["Key"].endswith(".new")
    }
