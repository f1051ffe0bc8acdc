"""Requests that tests of processing jobs share."""

from __future__ import annotations

from typing import Any

from botocore.exceptions import WaiterError

from tests import jobs

GROUP = "/aws/sagemaker/ProcessingJobs"
CODE = "/opt/ml/processing/input/code"


def request(s3: Any, name: str, script: str, *, instances: int = 1, **given: Any) -> dict[str, Any]:
    """A CreateProcessingJob request for a script; ``given`` replaces members."""
    key = f"code/{name}/script.py"
    s3.put_object(Bucket=jobs.BUCKET, Key=key, Body=script.encode())
    return {
        "ProcessingJobName": name,
        "RoleArn": jobs.ROLE,
        "AppSpecification": {
            "ImageUri": jobs.IMAGE,
            "ContainerEntrypoint": ["python3", f"{CODE}/script.py"],
            **given.pop("app", {}),
        },
        "ProcessingInputs": [s3_input("code", f"s3://{jobs.BUCKET}/{key}", CODE), *given.pop("inputs", [])],
        "ProcessingOutputConfig": {"Outputs": given.pop("outputs", [])},
        "ProcessingResources": {
            "ClusterConfig": {"InstanceType": "ml.m5.large", "InstanceCount": instances, "VolumeSizeInGB": 1}
        },
        "StoppingCondition": {"MaxRuntimeInSeconds": 120},
        **given,
    }


def s3_input(name: str, uri: str, path: str, **given: Any) -> dict[str, Any]:
    return {"InputName": name, "S3Input": {"S3Uri": uri, "LocalPath": path, "S3DataType": "S3Prefix", **given}}


def output(name: str, uri: str, path: str, mode: str = "EndOfJob") -> dict[str, Any]:
    return {"OutputName": name, "S3Output": {"S3Uri": uri, "LocalPath": path, "S3UploadMode": mode}}


def ended(sagemaker: Any, name: str) -> dict[str, Any]:
    """The job's description once it has ended, well or not."""
    waiter = sagemaker.get_waiter("processing_job_completed_or_stopped")
    while True:
        found: dict[str, Any] = sagemaker.describe_processing_job(ProcessingJobName=name)
        if found["ProcessingJobStatus"] in {"Completed", "Failed", "Stopped"}:
            return found
        try:  # held by the server until the status changes
            waiter.wait(ProcessingJobName=name, WaiterConfig={"Delay": 1, "MaxAttempts": 200})
        except WaiterError as error:
            if "terminal failure" not in str(error):
                raise


def lines(logs: Any, name: str) -> list[str]:
    return jobs.log_lines(logs, name, GROUP)


def lines_of_hosts(logs: Any, name: str) -> dict[str, list[str]]:
    """What each host wrote."""
    found = {}
    for stream in logs.describe_log_streams(logGroupName=GROUP, logStreamNamePrefix=f"{name}/")["logStreams"]:
        page = logs.get_log_events(logGroupName=GROUP, logStreamName=stream["logStreamName"], startFromHead=True)
        host = stream["logStreamName"].removeprefix(f"{name}/").rpartition("-")[0]
        found[host] = [event["message"] for event in page["events"]]
    return found
