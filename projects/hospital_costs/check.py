"""Tells which checkpoints of the guide hold. It asks the APIs only: what is in S3, what SageMaker says.

``python check.py``; it ends with status 0 if all of them hold.
"""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable
from typing import Any

import boto3
import numpy as np
import pandas as pd
from botocore.exceptions import BotoCoreError, ClientError

PREFIX = "hospital-costs"
TARGET = "spending_hospital"
FORBIDDEN = {"percent_hospital", "facility_id", "facility_name", "total"}


class Missing(Exception):
    """A checkpoint does not hold; the message says what to do."""


class Studio:
    """What the checkpoints look at."""

    def __init__(self) -> None:
        session = boto3.Session()
        self.s3, self.sagemaker = session.client("s3"), session.client("sagemaker")
        self.runtime = session.client("sagemaker-runtime")
        account = session.client("sts").get_caller_identity()["Account"]
        self.bucket = f"sagemaker-{session.region_name}-{account}"

    def table(self, name: str) -> pd.DataFrame:
        """A CSV file of the project's data folder in S3."""
        key = f"{PREFIX}/data/{name}/{name}.csv"
        try:
            body = self.s3.get_object(Bucket=self.bucket, Key=key)["Body"].read()
        except ClientError as error:
            why = error.response["Error"]["Code"]
            raise Missing(f"no {name}.csv in S3 yet ({why}): step 8 puts it at s3://{self.bucket}/{key}") from None
        return pd.read_csv(io.BytesIO(body), dtype={"facility_id": str})

    def job(self) -> dict[str, Any]:
        """The newest Autopilot job of the project."""
        found = self.sagemaker.list_auto_ml_jobs(NameContains=PREFIX, SortBy="CreationTime", SortOrder="Descending")
        if not found["AutoMLJobSummaries"]:
            raise Missing(f"there is no Autopilot job whose name begins with {PREFIX}: step 10 starts one")
        name = found["AutoMLJobSummaries"][0]["AutoMLJobName"]
        return self.sagemaker.describe_auto_ml_job(AutoMLJobName=name)

    def up(self) -> None:
        """``Missing`` if the endpoint is not in service."""
        try:
            status = self.sagemaker.describe_endpoint(EndpointName=PREFIX)["EndpointStatus"]
        except ClientError:
            raise Missing(f"there is no endpoint {PREFIX}: step 12 makes it") from None
        need(status == "InService", f"the endpoint {PREFIX} is {status}: wait, or see clary describe {PREFIX}")

    def ask(self, rows: pd.DataFrame) -> np.ndarray:
        """The endpoint's predictions for raw rows."""
        self.up()
        body = rows.to_csv(header=False, index=False)
        answer = self.runtime.invoke_endpoint(EndpointName=PREFIX, ContentType="text/csv", Accept="text/csv", Body=body)
        return np.array([float(line.split(",")[0]) for line in answer["Body"].read().decode().split()])


def data_is_clean(studio: Studio) -> str:
    """The held-out file has six-digit ids and numbers."""
    table = studio.table("held_out")
    need("facility_id" in table and TARGET in table, f"held_out.csv needs the columns facility_id and {TARGET}")
    need(table["facility_id"].str.fullmatch(r"\d{6}").all(), "facility_id lost its leading zeros: read it as text")
    need(pd.api.types.is_numeric_dtype(table[TARGET]), f"{TARGET} holds something that is not a number")
    return f"{len(table):,} held-out rows"


def split_is_by_hospital(studio: Studio) -> str:
    """About a fifth of the hospitals is held out, and none is in both parts."""
    table, hospitals = studio.table("held_out"), studio.table("hospitals")
    out = set(hospitals.loc[hospitals["held_out"], "facility_id"])
    need(hospitals["facility_id"].is_unique, "a hospital is twice in hospitals.csv")
    need(set(table["facility_id"]) == out, "the hospitals of held_out.csv are not those marked in hospitals.csv")
    share = len(out) / len(hospitals)
    need(0.15 < share < 0.25, f"{share:.0%} of the hospitals are held out; make it 20 %")
    return f"{len(out):,} of {len(hospitals):,} hospitals held out"


def training_has_no_leak(studio: Studio) -> str:
    """The training file has no column that knows the answer, alone or with another one."""
    table = studio.table("train")
    need(TARGET in table, f"train.csv has no column {TARGET}")
    found = FORBIDDEN & set(table.columns)
    need(not found, f"train.csv has {', '.join(sorted(found))}: leave that out")
    numbers = table.drop(columns=TARGET).select_dtypes("number")
    for name in numbers:
        same = float(np.corrcoef(numbers[name], table[TARGET])[0, 1]) if numbers[name].nunique() > 1 else 0.0
        need(abs(same) < 0.9999, f"the column {name} is the target in disguise")
    return f"{len(table.columns) - 1} features, no leak among them"


def second_model_is_trained(studio: Studio) -> str:
    """A training job of one's own has completed."""
    found = studio.sagemaker.list_training_jobs(NameContains=PREFIX, StatusEquals="Completed", MaxResults=100)
    own = [job["TrainingJobName"] for job in found["TrainingJobSummaries"] if "-trees-" in job["TrainingJobName"]]
    need(bool(own), f"no training job {PREFIX}-trees-... has completed: step 9 runs it")
    return own[0]


def autopilot_is_done(studio: Studio) -> str:
    """The newest Autopilot job has completed."""
    job = studio.job()
    status = job["AutoMLJobStatus"]
    need(status == "Completed", f"{job['AutoMLJobName']} is {status}: {job.get('FailureReason', 'wait for it')}")
    return f"{job['AutoMLJobName']}, best: {job['BestCandidate']['CandidateName']}"


def endpoint_answers(studio: Studio) -> str:
    """The endpoint is in service and takes a raw row."""
    studio.up()
    rows = studio.table("held_out").drop(columns=["facility_id", TARGET]).head(1)
    return f"${studio.ask(rows)[0]:,.0f} for the first held-out row"


def model_beats_the_baseline(studio: Studio) -> str:
    """On the held-out hospitals the endpoint is better than the state's average."""
    table = studio.table("held_out")
    predicted = studio.ask(table.drop(columns=["facility_id", TARGET]))
    error = float(np.sqrt(((table[TARGET] - predicted) ** 2).mean()))
    need("spending_state" in table, "held_out.csv has no column spending_state to compare with")
    baseline = float(np.sqrt(((table[TARGET] - table["spending_state"]) ** 2).mean()))
    need(error > 0.05 * baseline, f"RMSE ${error:,.2f} is too good to be true: look for a leak")
    need(error < baseline, f"RMSE ${error:,.0f} is not below the state average's ${baseline:,.0f}")
    return f"RMSE ${error:,.0f}, {1 - error / baseline:.1%} below the state average (${baseline:,.0f})"


def model_is_explained(studio: Studio) -> str:
    """Autopilot's explanation of its best model is in S3."""
    places = studio.job().get("BestCandidate", {}).get("CandidateProperties", {}).get("CandidateArtifactLocations", {})
    need("Explainability" in places, "the job has no explanation (yet)")
    bucket, _, prefix = places["Explainability"].removeprefix("s3://").partition("/")
    found = studio.s3.list_objects_v2(Bucket=bucket, Prefix=prefix).get("Contents", [])
    key = next((item["Key"] for item in found if item["Key"].endswith("analysis.json")), None)
    need(key is not None, f"there is no analysis.json below {places['Explainability']}")
    analysis = json.loads(studio.s3.get_object(Bucket=bucket, Key=key)["Body"].read())
    shares = next(iter(analysis["explanations"]["kernel_shap"].values()))["global_shap_values"]
    return f"what counts most: {max(shares, key=shares.get)}"


def need(holds: bool, otherwise: str) -> None:
    if not holds:
        raise Missing(otherwise)


CHECKPOINTS: list[tuple[str, Callable[[Studio], str]]] = [
    ("2  the data is clean", data_is_clean),
    ("5  the split is by hospital", split_is_by_hospital),
    ("8  nothing leaks", training_has_no_leak),
    ("9  a second model is trained", second_model_is_trained),
    ("10 Autopilot is done", autopilot_is_done),
    ("12 the endpoint answers", endpoint_answers),
    ("13 better than the baseline", model_beats_the_baseline),
    ("14 the model is explained", model_is_explained),
]


def main() -> int:
    try:
        studio = Studio()
    except (BotoCoreError, ClientError) as error:
        print(f'No answer from the server: {error}\nIn a shell, first: eval "$(clary env)"', file=sys.stderr)
        return 2
    held = 0
    for title, checkpoint in CHECKPOINTS:
        try:
            print(f"  yes  {title}: {checkpoint(studio)}")
            held += 1
        except Missing as reason:
            print(f"  no   {title}: {reason}")
        except ClientError as error:
            print(f"  no   {title}: {error}")
    print(f"{held} of {len(CHECKPOINTS)} checkpoints hold")
    return 0 if held == len(CHECKPOINTS) else 1


if __name__ == "__main__":
    sys.exit(main())
