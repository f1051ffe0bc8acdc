"""What the notebook says shortly about Ground Truth: the work team, the end of a job, the lines of its output."""

from __future__ import annotations

import json
from typing import Any

import runs
from botocore.exceptions import ClientError

# The accounts of AWS that own the built-in Lambdas of Ground Truth, region by region. Here the region does not matter.
OWNERS = {
    "us-east-1": "432418664414",
    "us-east-2": "266458841044",
    "us-west-2": "081040173940",
    "eu-west-1": "568282634449",
}
OWNERS |= {"eu-central-1": "203001061592", "eu-west-2": "487402164563", "ap-northeast-1": "477331159723"}


def team(sagemaker: Any, name: str) -> dict[str, Any]:
    """The work team of that name, made if it is not there. On AWS its user pool has to exist: name yours here."""
    member = {"CognitoMemberDefinition": {"UserPool": "us-east-1_local", "UserGroup": name, "ClientId": "local"}}
    try:
        sagemaker.describe_workteam(WorkteamName=name)
    except ClientError:
        sagemaker.create_workteam(WorkteamName=name, MemberDefinitions=[member], Description="Who finds the trachea")
    return sagemaker.describe_workteam(WorkteamName=name)["Workteam"]


def lambdas(region: str) -> list[str]:
    """The functions that make tasks of pictures, and one answer of several workers' boxes."""
    owner = OWNERS.get(region, OWNERS["us-east-1"])
    return [f"arn:aws:lambda:{region}:{owner}:function:{kind}-BoundingBox" for kind in ("PRE", "ACS")]


def stop(sagemaker: Any, job: str) -> None:
    """End a labelling job, unless it has ended, and wait until it has. boto3 has no waiter for these: here is one."""
    if sagemaker.describe_labeling_job(LabelingJobName=job)["LabelingJobStatus"] in {"Initializing", "InProgress"}:
        sagemaker.stop_labeling_job(LabelingJobName=job)
    ends = [
        {"matcher": "path", "argument": "LabelingJobStatus", "expected": status, "state": "success"}
        for status in ("Completed", "Failed", "Stopped")
    ]
    runs.waiter(sagemaker, "DescribeLabelingJob", ends).wait(LabelingJobName=job)


def drawn(sagemaker: Any, s3: Any, job: str, attribute: str) -> dict[str, dict[str, Any]]:
    """Of the pictures that people labelled: file name → its line in the output manifest. Empty if there is none."""
    told = sagemaker.describe_labeling_job(LabelingJobName=job)
    if "LabelingJobOutput" not in told:
        return {}
    bucket, _, key = told["LabelingJobOutput"]["OutputDatasetS3Uri"].removeprefix("s3://").partition("/")
    text = s3.get_object(Bucket=bucket, Key=key)["Body"].read().decode()
    lines = [json.loads(line) for line in text.splitlines()]
    return {line["source-ref"].rpartition("/")[2]: line for line in lines if "annotations" in line.get(attribute, {})}


def line(record: Any, address: str, size: int) -> dict[str, Any]:
    """A record as a line of a Ground Truth output manifest; the box in pixels of the picture."""
    boxes = []
    if record.box:
        left, top, width, height = (round(value * size, 2) for value in record.box)
        boxes = [{"class_id": 0, "left": left, "top": top, "width": width, "height": height}]
    metadata = {"class-map": {"0": "Trachea"}, "type": "groundtruth/object-detection", "human-annotated": "yes"}
    label = {"image_size": [{"width": size, "height": size, "depth": 1}], "annotations": boxes}
    return {"source-ref": address, "trachea": label, "trachea-metadata": metadata}


def renamed(manifest_line: dict[str, Any], attribute: str) -> dict[str, Any]:
    """The line with its label under another name, and nothing else in it: lines of several jobs become one manifest."""
    old = next(key for key in manifest_line if f"{key}-metadata" in manifest_line)
    metadata = manifest_line[f"{old}-metadata"]
    return {"source-ref": manifest_line["source-ref"], attribute: manifest_line[old], f"{attribute}-metadata": metadata}
