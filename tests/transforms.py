"""Requests that tests of transform jobs share."""

from __future__ import annotations

import time
from typing import Any

from botocore.exceptions import ClientError, WaiterError

from tests import jobs

GROUP = "/aws/sagemaker/TransformJobs"


def model(s3: Any, sagemaker: Any, name: str, program: str, role: str = jobs.ROLE, **given: Any) -> None:
    """A model of scikit-learn's image whose inference script is ``program``."""
    s3.put_object(Bucket=jobs.BUCKET, Key=f"models/{name}.tar.gz", Body=jobs.archive({"code/inference.py": program}))
    container = {
        "Image": jobs.IMAGE,
        "ModelDataUrl": f"s3://{jobs.BUCKET}/models/{name}.tar.gz",
        "Environment": {"SAGEMAKER_PROGRAM": "inference.py"},
    }
    sagemaker.create_model(ModelName=name, ExecutionRoleArn=role, PrimaryContainer=container, **given)


def transform(
    name: str,
    model_name: str,
    uri: str = "in/",
    *,
    kind: str = "S3Prefix",
    accept: str = "text/csv",
    assemble: str = "Line",
    given: dict[str, Any] | None = None,
    **members: Any,
) -> dict[str, Any]:
    """A CreateTransformJob request of CSV by lines; ``given`` replaces members of TransformInput."""
    source = {"S3DataSource": {"S3DataType": kind, "S3Uri": f"s3://{jobs.BUCKET}/{uri}"}}
    return {
        "TransformJobName": name,
        "ModelName": model_name,
        "TransformInput": {"DataSource": source, "ContentType": "text/csv", "SplitType": "Line", **(given or {})},
        "TransformOutput": {
            "S3OutputPath": f"s3://{jobs.BUCKET}/out/{name}",
            "Accept": accept,
            "AssembleWith": assemble,
        },
        "TransformResources": {"InstanceType": "ml.m5.large", "InstanceCount": 1},
        **members,
    }


def transformed(sagemaker: Any, name: str) -> dict[str, Any]:
    """The job's description once it has ended, well or not."""
    try:
        waiter = sagemaker.get_waiter("transform_job_completed_or_stopped")
        waiter.wait(TransformJobName=name, WaiterConfig={"Delay": 1, "MaxAttempts": 200})
    except WaiterError as error:  # a job that fails ends the waiter with an error
        if "terminal failure" not in str(error):
            raise
    found: dict[str, Any] = sagemaker.describe_transform_job(TransformJobName=name)
    return found


def outputs(s3: Any, name: str) -> dict[str, bytes]:
    """What a job of ``transform`` stored, by the key below its output path."""
    prefix = f"out/{name}/"
    found = s3.list_objects_v2(Bucket=jobs.BUCKET, Prefix=prefix).get("Contents", [])
    keys = [each["Key"] for each in found]
    return {key.removeprefix(prefix): s3.get_object(Bucket=jobs.BUCKET, Key=key)["Body"].read() for key in keys}


def data_log(logs: Any, name: str) -> list[str]:
    """The lines of a job's data-log."""
    streams = logs.describe_log_streams(logGroupName=GROUP, logStreamNamePrefix=f"{name}/")["logStreams"]
    stream = next(each["logStreamName"] for each in streams if each["logStreamName"].endswith("/data-log"))
    events = logs.get_log_events(logGroupName=GROUP, logStreamName=stream, startFromHead=True)["events"]
    return [event["message"] for event in events]


def wait_for_request(logs: Any, name: str) -> None:
    """Until the model of a job has printed ``asked``."""
    deadline = time.monotonic() + 90
    while time.monotonic() < deadline:
        try:
            if logs.filter_log_events(logGroupName=GROUP, logStreamNamePrefix=f"{name}/", filterPattern="asked")[
                "events"
            ]:
                return
        except ClientError:
            pass  # the group is not there yet
        time.sleep(0.05)
    raise AssertionError(f"{name} never asked its model")
