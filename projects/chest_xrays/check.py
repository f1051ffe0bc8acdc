"""Tells which checkpoints of the guide hold. It asks the APIs only: what is in S3, what SageMaker says.

``python check.py``; it ends with status 0 if all of them hold.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from typing import Any

import boto3
import scores
from botocore.exceptions import BotoCoreError, ClientError
from data import Record, fractions

PREFIX = "chest-xrays"


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

    def manifest(self, part: str) -> list[dict[str, Any]]:
        """The lines of a part's augmented manifest in S3."""
        key = f"{PREFIX}/data/{part}/{part}.manifest"
        try:
            text = self.s3.get_object(Bucket=self.bucket, Key=key)["Body"].read().decode()
        except ClientError as error:
            why = error.response["Error"]["Code"]
            raise Missing(f"no {part}.manifest in S3 yet ({why}): step 6 puts it at s3://{self.bucket}/{key}") from None
        return [json.loads(line) for line in text.splitlines()]

    def jobs(self, kind: str) -> list[dict[str, Any]]:
        """The project's training jobs whose name holds ``kind``, the newest first."""
        found = self.sagemaker.list_training_jobs(
            NameContains=f"{PREFIX}-{kind}", SortBy="CreationTime", SortOrder="Descending", MaxResults=100
        )
        names = [job["TrainingJobName"] for job in found["TrainingJobSummaries"]]
        need(bool(names), f"there is no training job {PREFIX}-{kind}-... yet: run its step")
        return [self.sagemaker.describe_training_job(TrainingJobName=name) for name in names[:5]]

    def up(self) -> None:
        """``Missing`` if the endpoint is not in service."""
        try:
            status = self.sagemaker.describe_endpoint(EndpointName=PREFIX)["EndpointStatus"]
        except ClientError:
            raise Missing(f"there is no endpoint {PREFIX}: step 13 makes it") from None
        need(status == "InService", f"the endpoint {PREFIX} is {status}: wait, or see clary describe {PREFIX}")

    def ask(self, line: dict[str, Any]) -> tuple[scores.Box, float]:
        """The endpoint's surest box for a manifest's picture."""
        self.up()
        bucket, _, key = line["source-ref"].removeprefix("s3://").partition("/")
        body = self.s3.get_object(Bucket=bucket, Key=key)["Body"].read()
        answer = self.runtime.invoke_endpoint(EndpointName=PREFIX, ContentType="image/png", Body=body)
        found = json.loads(answer["Body"].read())["prediction"]
        _, score, left, top, right, bottom = max(found, key=lambda each: each[1])
        return (left, top, right - left, bottom - top), score


def labelling_has_ended(studio: Studio) -> str:
    """A labelling job of the project has ended."""
    found = studio.sagemaker.list_labeling_jobs(NameContains=PREFIX, SortBy="CreationTime", SortOrder="Descending")
    need(bool(found["LabelingJobSummaryList"]), f"there is no labelling job {PREFIX}-... yet: step 4 starts one")
    job = found["LabelingJobSummaryList"][0]
    status = job["LabelingJobStatus"]
    need(status in {"Completed", "Stopped"}, f"{job['LabelingJobName']} is {status}: label on, or stop it")
    return f"{job['LabelingJobName']}, {job['LabelCounters']['HumanLabeled']} pictures labelled by people"


def split_is_by_patient(studio: Studio) -> str:
    """No patient is in two parts, and about 15 % are held out."""
    patients = [{_patient(line) for line in studio.manifest(part)} for part in ("train", "validation", "held_out")]
    for place, one in enumerate(patients):
        for other in patients[place + 1 :]:
            need(not one & other, f"patient {min(one & other, default='')} is in two parts")
    share = len(patients[2]) / sum(map(len, patients))
    need(0.1 < share < 0.25, f"{share:.0%} of the patients are held out; make it 15 %")
    return f"{len(patients[2])} of {sum(map(len, patients))} patients held out"


def negatives_stay(studio: Studio) -> str:
    """Pictures without a box are in the training manifest, and the boxes lie in their pictures."""
    lines = studio.manifest("train")
    without = sum(not line["trachea"]["annotations"] for line in lines)
    need(without > 0, "no picture without a box is in train.manifest: keep them")
    for line in lines:
        for box in line["trachea"]["annotations"]:
            try:
                fractions(box, line["trachea"]["image_size"][0])
            except ValueError as error:
                raise Missing(f"{line['source-ref']}: {error}") from None
    return f"{len(lines)} pictures, {without} without a box"


def built_in_is_trained(studio: Studio) -> str:
    """A job of the built-in algorithm has completed on spot."""
    return _on_spot(studio.jobs("built-in"))


def own_is_trained(studio: Studio) -> str:
    """A job of the own detector has completed on spot."""
    return _on_spot(studio.jobs("own"))


def _on_spot(jobs: list[dict[str, Any]]) -> str:
    done = [job for job in jobs if job["TrainingJobStatus"] == "Completed"]
    need(
        bool(done),
        f"{jobs[0]['TrainingJobName']} is {jobs[0]['TrainingJobStatus']}: {jobs[0].get('FailureReason', '')}",
    )
    job = done[0]
    need(job.get("EnableManagedSpotTraining", False), f"{job['TrainingJobName']} is not a spot job")
    need("CheckpointConfig" in job, f"{job['TrainingJobName']} keeps no checkpoints")
    return f"{job['TrainingJobName']}, {1 - job['BillableTimeInSeconds'] / job['TrainingTimeInSeconds']:.0%} saved"


def runs_are_compared(studio: Studio) -> str:
    """The experiment has at least two runs."""
    try:
        found = studio.sagemaker.list_trial_components(ExperimentName=PREFIX)["TrialComponentSummaries"]
    except ClientError:
        raise Missing(f"there is no experiment {PREFIX} yet: the jobs of step 9 begin it") from None
    need(len(found) >= 2, f"the experiment {PREFIX} has {len(found)} runs: two are needed to compare")
    return f"{len(found)} components in the experiment {PREFIX}"


def bad_run_was_caught(studio: Studio) -> str:
    """A rule fired, and the job was stopped."""
    job = studio.jobs("bad")[0]
    fired = [
        rule for rule in job.get("DebugRuleEvaluationStatuses", []) if rule["RuleEvaluationStatus"] == "IssuesFound"
    ]
    need(bool(fired), f"no rule of {job['TrainingJobName']} found an issue")
    need(job["TrainingJobStatus"] == "Stopped", f"{job['TrainingJobName']} is {job['TrainingJobStatus']}, not Stopped")
    return f"{fired[0]['RuleConfigurationName']} stopped {job['TrainingJobName']}"


def endpoint_answers(studio: Studio) -> str:
    """The endpoint is in service and answers a picture with a box."""
    box, score = studio.ask(studio.manifest("held_out")[0])
    return f"score {score:.2f}, box {', '.join(f'{side:.2f}' for side in box)}"


def detector_beats_the_mean_box(studio: Studio) -> str:
    """On the held-out patients the endpoint's boxes are better than always the mean box."""
    lines = studio.manifest("held_out")
    records = [_record(line) for line in lines]
    learnt = [record.box for record in map(_record, studio.manifest("train")) if record.box]
    mean = tuple(sum(sides) / len(learnt) for sides in zip(*learnt, strict=True))
    baseline = scores.judge([(mean, 1.0)] * len(records), records)["AP50"]
    reached = scores.judge([studio.ask(line) for line in lines], records)
    need(reached["AP50"] > baseline, f"AP50 {reached['AP50']:.2f} is not above the mean box's {baseline:.2f}")
    return f"AP50 {reached['AP50']:.2f}, the mean box {baseline:.2f}"


def _record(line: dict[str, Any]) -> Record:
    label = line["trachea"]
    boxes = [fractions(box, label["image_size"][0]) for box in label["annotations"]]
    return Record(line["source-ref"], _patient(line), max(boxes, key=lambda box: box[2] * box[3], default=None), True)


def _patient(line: dict[str, Any]) -> str:
    return line["source-ref"].rpartition("/")[2].partition("_")[0]


def need(holds: bool, otherwise: str) -> None:
    if not holds:
        raise Missing(otherwise)


CHECKPOINTS: list[tuple[str, Callable[[Studio], str]]] = [
    ("4  the labelling job has ended", labelling_has_ended),
    ("5  the split is by patient", split_is_by_patient),
    ("6  negatives stay in", negatives_stay),
    ("8  the built-in algorithm is trained", built_in_is_trained),
    ("9  runs are compared", runs_are_compared),
    ("10 the own detector is trained", own_is_trained),
    ("11 the bad run was caught", bad_run_was_caught),
    ("13 the endpoint answers", endpoint_answers),
    ("14 better than the mean box", detector_beats_the_mean_box),
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
