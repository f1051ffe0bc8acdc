"""Tells which checkpoints of the lab hold. It asks the APIs only: what is in S3, what SageMaker says.

``python check.py``; it ends with status 0 if all of them hold.
"""

from __future__ import annotations

import io
import json
import sys
from typing import Any

import boto3
import pandas as pd
import visits
from botocore.exceptions import BotoCoreError, ClientError

FEATURES = ["age", "emergency", "surgery", "illnesses"]


class Missing(Exception):
    """A checkpoint does not hold; the message says what to do."""


def the_table_is_in_s3(session: boto3.Session) -> str:
    """6. The data is in S3"""
    account = session.client("sts").get_caller_identity()["Account"]
    bucket, key = f"sagemaker-{session.region_name}-{account}", "first-lab/data/train.csv"
    try:
        body = session.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read()
    except ClientError as error:
        raise Missing(f"no train.csv in S3 yet ({error.response['Error']['Code']}): run step 6") from None
    table = pd.read_csv(io.BytesIO(body))
    if not 100 < len(table) < visits.ROWS:
        raise Missing(f"train.csv has {len(table)} rows of {visits.ROWS}: some must be held out (step 3)")
    return f"{len(table)} stays, {visits.ROWS - len(table)} held out"


def the_job_is_done(session: boto3.Session) -> str:
    """6. The training job has completed"""
    sagemaker = session.client("sagemaker")
    found = sagemaker.list_training_jobs(NameContains="first-lab", SortBy="CreationTime", SortOrder="Descending")
    if not found["TrainingJobSummaries"]:
        raise Missing("there is no training job whose name begins with first-lab: run step 6")
    job = sagemaker.describe_training_job(TrainingJobName=found["TrainingJobSummaries"][0]["TrainingJobName"])
    if job["TrainingJobStatus"] != "Completed":
        raise Missing(f"{job['TrainingJobName']} is {job['TrainingJobStatus']}: {job.get('FailureReason', 'wait')}")
    return str(job["TrainingJobName"])


def the_endpoint_answers(session: boto3.Session) -> str:
    """7. The endpoint answers, and is better than the average"""
    table = visits.make()
    held_out = table.sample(150, random_state=1)
    body = json.dumps(held_out[FEATURES].to_numpy().tolist())
    ask: dict[str, Any] = {"EndpointName": "first-lab", "ContentType": "application/json", "Accept": "application/json"}
    try:
        answer = json.load(session.client("sagemaker-runtime").invoke_endpoint(**ask, Body=body)["Body"])
    except ClientError as error:
        raise Missing(f"{error.response['Error']['Message'].rstrip('.')}: run step 7") from None
    error = (pd.Series(answer, index=held_out.index) - held_out["days"]).abs().mean()
    baseline = (table.drop(held_out.index)["days"].mean() - held_out["days"]).abs().mean()
    if error >= baseline:
        raise Missing(f"the model is wrong by {error:.2f} days, the average by {baseline:.2f}: which columns has it?")
    return f"wrong by {error:.2f} days; the average by {baseline:.2f}"


CHECKPOINTS = (the_table_is_in_s3, the_job_is_done, the_endpoint_answers)


def main() -> int:
    session, held = boto3.Session(), 0
    try:
        session.client("sts").get_caller_identity()
    except (BotoCoreError, ClientError) as error:
        print(f'No answer from the server: {error}\nIn a shell, first: eval "$(clary env)"', file=sys.stderr)
        return 2
    for checkpoint in CHECKPOINTS:
        try:
            print(f"  yes  {checkpoint.__doc__}: {checkpoint(session)}")
            held += 1
        except Missing as reason:
            print(f"  no   {checkpoint.__doc__}: {reason}")
        except (ClientError, BotoCoreError) as error:
            print(f"  no   {checkpoint.__doc__}: {error}")
    print(f"{held} of {len(CHECKPOINTS)} checkpoints hold")
    return 0 if held == len(CHECKPOINTS) else 1


if __name__ == "__main__":
    sys.exit(main())
