"""Requests and archives that tests of jobs share."""

from __future__ import annotations

import io
import tarfile
import time
from typing import Any

from botocore.exceptions import ClientError

ROLE = "arn:aws:iam::000000000000:role/service-role/ClaryExecutionRole"
IMAGE = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.9-1-cpu-py3"
BUCKET = "jobs"


def archive(files: dict[str, str | bytes]) -> bytes:
    """A gzipped tar of files by name."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for name, content in files.items():
            data = content.encode() if isinstance(content, str) else content
            member = tarfile.TarInfo(name)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    return buffer.getvalue()


def prepare(s3: Any) -> None:
    """The bucket of the tests, with a channel in it."""
    s3.create_bucket(Bucket=BUCKET)
    s3.put_object(Bucket=BUCKET, Key="in/a.csv", Body=b"1,2\n3,4\n")
    s3.put_object(Bucket=BUCKET, Key="in/deep/b.csv", Body=b"5,6\n")


def training(s3: Any, name: str, script: str | bytes, **given: Any) -> dict[str, Any]:
    """A CreateTrainingJob request for a script; ``given`` replaces members."""
    key = f"code/{name}.tar.gz"
    content = script if isinstance(script, bytes) else archive({"train.py": script})
    s3.put_object(Bucket=BUCKET, Key=key, Body=content)
    source = {"S3DataType": "S3Prefix", "S3Uri": f"s3://{BUCKET}/in/"}
    return {
        "TrainingJobName": name,
        "RoleArn": ROLE,
        "AlgorithmSpecification": {"TrainingImage": IMAGE, "TrainingInputMode": "File"},
        "HyperParameters": {
            "sagemaker_program": '"train.py"',
            "sagemaker_submit_directory": f'"s3://{BUCKET}/{key}"',
            **given.pop("hyperparameters", {}),
        },
        "InputDataConfig": [{"ChannelName": "train", "DataSource": {"S3DataSource": source}}],
        "OutputDataConfig": {"S3OutputPath": f"s3://{BUCKET}/out"},
        "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1},
        "StoppingCondition": {"MaxRuntimeInSeconds": 120},
        **given,
    }


def ended(sagemaker: Any, name: str) -> dict[str, Any]:
    """The job's description once it has ended, well or not."""
    while True:
        found: dict[str, Any] = sagemaker.describe_training_job(TrainingJobName=name)
        if found["TrainingJobStatus"] in {"Completed", "Failed", "Stopped"}:
            return found
        # Held by the server until the status changes.
        waiter_like = sagemaker.get_waiter("training_job_completed_or_stopped")
        try:
            waiter_like.wait(TrainingJobName=name, WaiterConfig={"Delay": 1, "MaxAttempts": 200})
        except Exception as error:  # a job that fails ends the waiter with an error
            if "terminal failure" not in str(error):
                raise


def log_lines(logs: Any, name: str, group: str = "/aws/sagemaker/TrainingJobs") -> list[str]:
    """All messages of a job's stream."""
    streams = logs.describe_log_streams(logGroupName=group, logStreamNamePrefix=f"{name}/")["logStreams"]
    assert len(streams) == 1
    page = logs.get_log_events(logGroupName=group, logStreamName=streams[0]["logStreamName"], startFromHead=True)
    return [event["message"] for event in page["events"]]


def wait_for_line(logs: Any, name: str, start: str, group: str = "/aws/sagemaker/TrainingJobs") -> None:
    """Until a line of the job's stream starts so."""
    deadline = time.monotonic() + 90
    while time.monotonic() < deadline:
        try:
            if any(line.startswith(start) for line in log_lines(logs, name, group)):
                return
        except (ClientError, AssertionError):
            pass  # the stream is not there yet
        time.sleep(0.05)
    raise AssertionError(f"{name} never wrote {start!r}")
