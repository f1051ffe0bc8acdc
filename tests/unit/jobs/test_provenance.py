"""What jobs leave by themselves, on a real store: for every kind of job, repeated, and over crashes between the writes."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from clary.context import Context
from clary.jobs import metric_files, provenance
from clary.store.base import Record
from clary.store.metric_points import Point
from clary.tracking import components

PREFIX = "arn:aws:sagemaker:us-east-1:000000000000"
IMAGE = "000000000000.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.9-1"
MAKER = {"IamIdentity": {"Arn": "arn:aws:iam::000000000000:user/ada", "PrincipalId": "A"}}
BEGUN, ENDED = "2026-01-01T10:00:00+00:00", "2026-01-01T10:05:00+00:00"

TRAINING = {
    "AlgorithmSpecification": {"TrainingImage": IMAGE},
    "HyperParameters": {
        "eta": "0.5",
        "layers": "[1, 2]",
        "rounds": "1_0",
        "big": "1e999",
        "sagemaker_program": '"t.py"',
    },
    "InputDataConfig": [
        {
            "ChannelName": "train",
            "ContentType": "text/csv",
            "DataSource": {"S3DataSource": {"S3Uri": "s3://ward/train", "S3DataType": "S3Prefix"}},
        },
        {
            "ChannelName": "check",
            "ContentType": "csv",
            "DataSource": {"S3DataSource": {"S3Uri": "s3://ward/check", "S3DataType": "S3Prefix"}},
        },
    ],
    "CheckpointConfig": {"S3Uri": "s3://ward/checkpoints"},
    "DebugHookConfig": {"S3OutputPath": "s3://ward/debug"},
    "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 2, "VolumeSizeInGB": 30},
    "TrainingStartTime": BEGUN,
}
PROCESSING = {
    "AppSpecification": {"ImageUri": IMAGE},
    "ProcessingInputs": [{"InputName": "raw", "S3Input": {"S3Uri": "s3://ward/raw"}}],
    "ProcessingOutputConfig": {"Outputs": [{"OutputName": "train", "S3Output": {"S3Uri": "s3://ward/train"}}]},
    "ProcessingResources": {
        "ClusterConfig": {"InstanceType": "ml.m5.xlarge", "InstanceCount": 1, "VolumeSizeInGB": 10}
    },
    "ProcessingStartTime": BEGUN,
}
TRANSFORM = {
    "ModelName": "risk",
    "TransformInput": {"ContentType": "text/csv", "DataSource": {"S3DataSource": {"S3Uri": "s3://ward/new"}}},
    "TransformOutput": {"S3OutputPath": "s3://ward/scores"},
    "TransformResources": {"InstanceType": "ml.m5.large", "InstanceCount": 1},
    "TransformStartTime": BEGUN,
}


def made(context: Context, kind: str, name: str, body: dict[str, Any], **given: Any) -> Record:
    word = {"TrainingJob": "training-job", "ProcessingJob": "processing-job", "TransformJob": "transform-job"}[kind]
    arn = context.arn("sagemaker", word, name)
    body = {**body, f"{kind}Arn": arn, "CreatedBy": MAKER, **given}
    return context.store.create(
        Record(region="us-east-1", kind=kind, name=name, body=body, status="InProgress", arn=arn)
    )


def ended(job: Record, status: str = "Completed", **members: Any) -> Record:
    verb = job.kind.removesuffix("Job")
    return replace(job, status=status, body={**job.body, f"{verb}EndTime": ENDED, **members})


def component(context: Context, name: str) -> dict[str, Any]:
    record = context.store.get("us-east-1", components.KIND, name)
    assert record is not None
    return record.body


def edges(context: Context, name: str) -> list[tuple[str, str, str]]:
    """(what, its type, how) for each thing that the component of this name came from or led to."""
    arn, found = components.arn(context, name), []
    for way in ("up", "down"):
        for edge in context.associations.step([arn], way):  # type: ignore[arg-type]
            thing = context.store.find(edge.source if way == "up" else edge.destination)
            assert thing is not None
            found.append((thing.body["Source"]["SourceUri"], thing.body["ArtifactType"], edge.type))
    return sorted(found)


def test_a_training_jobs_component_tells_what_the_job_was_given_and_what_became_of_it(context: Context) -> None:
    job = made(context, "TrainingJob", "Fit", TRAINING)
    provenance.begin(context, job)
    found = component(context, "Fit-aws-training-job")
    assert found["TrialComponentArn"] == f"{PREFIX}:experiment-trial-component/fit-aws-training-job"
    assert found["DisplayName"] == "Fit-aws-training-job"
    assert found["Source"] == {"SourceArn": f"{PREFIX}:training-job/fit", "SourceType": "SageMakerTrainingJob"}
    assert found["Status"] == {"PrimaryStatus": "InProgress", "Message": "Status: InProgress, failure reason: null"}
    assert found["Parameters"] == {
        "eta": {"NumberValue": 0.5},
        "layers": {"StringValue": "[1, 2]"},
        "rounds": {"StringValue": "1_0"},
        "big": {"StringValue": "1e999"},
        "sagemaker_program": {"StringValue": '"t.py"'},
        "SageMaker.ImageUri": {"StringValue": IMAGE},
        "SageMaker.InstanceType": {"StringValue": "ml.m5.large"},
        "SageMaker.InstanceCount": {"NumberValue": 2.0},
        "SageMaker.VolumeSizeInGB": {"NumberValue": 30.0},
    }
    assert found["InputArtifacts"] == {
        "train": {"Value": "s3://ward/train", "MediaType": "text/csv"},
        "check": {"Value": "s3://ward/check"},
    }
    assert found["OutputArtifacts"] == {"SageMaker.DebugHookOutput": {"Value": "s3://ward/debug"}}
    assert (found["StartTime"], "EndTime" in found, found["CreatedBy"]) == (BEGUN, False, MAKER)
    read = [("s3://ward/check", "DataSet", "ContributedTo"), ("s3://ward/train", "DataSet", "ContributedTo")]
    assert edges(context, "Fit-aws-training-job") == []

    provenance.end(context, ended(job, ModelArtifacts={"S3ModelArtifacts": "s3://ward/model.tar.gz"}))
    found = component(context, "Fit-aws-training-job")
    assert found["Status"] == {"PrimaryStatus": "Completed", "Message": "Status: Completed, failure reason: null"}
    assert found["OutputArtifacts"]["SageMaker.ModelArtifact"] == {"Value": "s3://ward/model.tar.gz"}
    assert found["EndTime"] == ENDED
    assert edges(context, "Fit-aws-training-job") == sorted(
        [
            (IMAGE, "Image", "ContributedTo"),
            *read,
            ("s3://ward/checkpoints", "Checkpoint", "Produced"),
            ("s3://ward/model.tar.gz", "Model", "Produced"),
        ]
    )


def test_a_processing_jobs_image_is_an_input_and_its_exit_message_in_the_status(context: Context) -> None:
    job = made(context, "ProcessingJob", "prepare", PROCESSING)
    provenance.begin(context, job)
    provenance.end(context, ended(job, ExitMessage="all well"))
    found = component(context, "prepare-aws-processing-job")
    assert found["Source"]["SourceType"] == "SageMakerProcessingJob"
    assert found["Status"]["Message"] == "Status: Completed, exit message: all well, failure reason: null"
    assert found["Parameters"] == {
        "SageMaker.InstanceType": {"StringValue": "ml.m5.xlarge"},
        "SageMaker.InstanceCount": {"NumberValue": 1.0},
        "SageMaker.VolumeSizeInGB": {"NumberValue": 10.0},
    }
    assert found["InputArtifacts"] == {"SageMaker.ImageUri": {"Value": IMAGE}, "raw": {"Value": "s3://ward/raw"}}
    assert found["OutputArtifacts"] == {"train": {"Value": "s3://ward/train"}}
    assert (found["StartTime"], found["EndTime"]) == (BEGUN, ENDED)
    assert edges(context, "prepare-aws-processing-job") == [
        (IMAGE, "Image", "ContributedTo"),
        ("s3://ward/raw", "DataSet", "ContributedTo"),
        ("s3://ward/train", "DataSet", "Produced"),
    ]


def test_a_transform_jobs_component_names_the_models_data_and_image(context: Context) -> None:
    container = {"Image": IMAGE, "ModelDataUrl": "s3://ward/model.tar.gz"}
    context.store.create(Record(region="us-east-1", kind="Model", name="risk", body={"PrimaryContainer": container}))
    job = made(context, "TransformJob", "score", TRANSFORM)
    provenance.begin(context, job)
    provenance.end(context, ended(job, "Failed", FailureReason="ClientError: no"))
    found = component(context, "score-aws-transform-job")
    assert found["Status"] == {"PrimaryStatus": "Failed", "Message": "Status: Failed, failure reason: ClientError: no"}
    assert found["Parameters"] == {
        "SageMaker.ModelName": {"StringValue": "risk"},
        "SageMaker.ModelPrimary.Image": {"StringValue": IMAGE},
        "SageMaker.ModelPrimary.DataUrl": {"StringValue": "s3://ward/model.tar.gz"},
        "SageMaker.InstanceType": {"StringValue": "ml.m5.large"},
        "SageMaker.InstanceCount": {"NumberValue": 1.0},
    }
    assert found["InputArtifacts"] == {"SageMaker.TransformInput": {"Value": "s3://ward/new", "MediaType": "text/csv"}}
    assert found["OutputArtifacts"] == {"SageMaker.TransformOutput": {"Value": "s3://ward/scores"}}
    assert edges(context, "score-aws-transform-job") == [  # what a failed job was to make it has not made
        (IMAGE, "Image", "ContributedTo"),
        ("s3://ward/model.tar.gz", "Model", "ContributedTo"),
        ("s3://ward/new", "DataSet", "ContributedTo"),
    ]


def test_a_job_that_was_stopped_before_it_began_has_made_nothing(context: Context) -> None:
    job = made(context, "ProcessingJob", "prepare", {**PROCESSING, "ProcessingStartTime": None})
    provenance.end(context, ended(job, "Stopped"))
    assert {how for _, _, how in edges(context, "prepare-aws-processing-job")} == {"ContributedTo"}


def test_what_two_jobs_share_is_one_artifact_and_leads_from_one_to_the_other(context: Context) -> None:
    first = made(context, "ProcessingJob", "prepare", PROCESSING)
    second = made(context, "TrainingJob", "fit", TRAINING)
    provenance.end(context, ended(first))
    provenance.end(context, ended(second))
    shared = [each for each in context.store.scan("us-east-1", "Artifact") if each.body["ArtifactType"] == "Image"]
    assert len(shared) == 1
    (train,) = context.associations.step([components.arn(context, "prepare-aws-processing-job")], "down")
    led = [edge.destination for edge in context.associations.step([train.destination], "down")]
    assert led == [components.arn(context, "fit-aws-training-job")]


def test_repeating_either_call_changes_nothing(context: Context) -> None:
    job = made(context, "TrainingJob", "fit", TRAINING)
    provenance.begin(context, job)
    first = context.store.get("us-east-1", components.KIND, "fit-aws-training-job")
    provenance.begin(context, job)
    assert context.store.get("us-east-1", components.KIND, "fit-aws-training-job") == first
    provenance.end(context, ended(job))
    once = {**component(context, "fit-aws-training-job"), "LastModifiedTime": ""}
    count = len(edges(context, "fit-aws-training-job"))
    provenance.end(context, ended(job))
    assert {**component(context, "fit-aws-training-job"), "LastModifiedTime": ""} == once
    assert len(edges(context, "fit-aws-training-job")) == count


def test_what_a_program_logged_meanwhile_stays(context: Context) -> None:
    job = made(context, "TrainingJob", "fit", TRAINING)
    provenance.begin(context, job)
    record = context.store.get("us-east-1", components.KIND, "fit-aws-training-job")
    assert record is not None
    logged = {**record.body["Parameters"], "seed": {"NumberValue": 7.0}}
    context.store.put(replace(record, body={**record.body, "Parameters": logged, "DisplayName": "mine"}))
    provenance.end(context, ended(job))
    found = component(context, "fit-aws-training-job")
    assert (found["Parameters"]["seed"], found["DisplayName"]) == ({"NumberValue": 7.0}, "mine")


def test_a_job_of_a_deleted_ones_name_has_a_component_of_its_own(context: Context) -> None:
    old = made(context, "TrainingJob", "fit", TRAINING)
    provenance.end(context, ended(old, ModelArtifacts={"S3ModelArtifacts": "s3://ward/old.tar.gz"}))
    context.store.delete(old)
    new = made(context, "TrainingJob", "fit", {**TRAINING, "HyperParameters": {}}, TrainingStartTime=None)
    provenance.begin(context, replace(new, created=datetime(2030, 1, 1, tzinfo=UTC)))
    found = component(context, "fit-aws-training-job")
    assert found["Status"]["PrimaryStatus"] == "InProgress"
    assert ("eta" in found["Parameters"], "EndTime" in found) == (False, False)
    assert "SageMaker.ModelArtifact" not in found["OutputArtifacts"]


def test_metrics_of_the_definitions_are_summed_up_without_what_is_no_number(context: Context) -> None:
    job = made(context, "TrainingJob", "fit", TRAINING)
    assert job.created is not None
    now = round(job.created.timestamp() * 1000)
    where = {"TrainingJobName": "fit"}
    values = [(now - 5000, 99.0), (now, 1.0), (now + 1, float("inf")), (now + 2, 3.0), (now + 3, 2.0)]
    points = [("loss", Point(time, value)) for time, value in values]  # the first is of an earlier job
    context.metrics.put("us-east-1", "/aws/sagemaker/TrainingJobs", where, points)
    provenance.end(context, ended(job))
    (found,) = component(context, "fit-aws-training-job")["Metrics"]
    assert found == {
        "MetricName": "loss",
        "SourceArn": f"{PREFIX}:training-job/fit",
        "TimeStamp": datetime.fromtimestamp((now + 3) / 1000, UTC).isoformat(),
        "Count": 3,
        "Min": 1.0,
        "Max": 3.0,
        "Avg": 2.0,
        "StdDev": pytest.approx((2 / 3) ** 0.5),
        "Last": 2.0,
    }


def test_what_a_running_job_measured_is_told_every_few_seconds(
    context: Context, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = made(context, "TrainingJob", "fit", TRAINING)
    provenance.begin(context, job)
    assert job.created is not None
    folder = tmp_path / metric_files.FOLDER
    folder.mkdir(parents=True)

    def measure(*values: float) -> None:
        points = [("loss", Point(round(job.created.timestamp() * 1000), value)) for value in values]  # type: ignore[union-attr]
        context.metrics.put("us-east-1", "/aws/sagemaker/TrainingJobs", {"TrainingJobName": "fit"}, points)

    def told() -> dict[str, int]:
        provenance.follow(context, job, [tmp_path])
        return {each["MetricName"]: each["Count"] for each in component(context, "fit-aws-training-job")["Metrics"]}

    measure(1.0, 2.0)
    (folder / "1.json").write_text(lines({"MetricName": "dose", "Value": 1, "Timestamp": 1_700_000_000}))
    assert told() == {}  # it was written just now
    monkeypatch.setattr(provenance, "_PAUSE", 0.0)
    assert told() == {"loss": 2, "dose": 1}
    measure(3.0)
    assert told() == {"loss": 3, "dose": 1}
    provenance.end(context, ended(job), [tmp_path])
    assert told() == {"loss": 3, "dose": 1}


def lines(*values: Any) -> str:
    return "".join(f"{json.dumps(each)}\n" for each in values)


def test_metric_files_become_values_each_once(context: Context, tmp_path: Path) -> None:
    folder = tmp_path / "ml" / metric_files.FOLDER
    folder.mkdir(parents=True)
    loss = {"MetricName": "loss", "Value": 0.5, "Timestamp": 1_700_000_000.25, "IterationNumber": 1}
    wrong = [{"MetricName": "", "Value": 1, "Timestamp": 1}, {"Value": 1}, [1], "text", {**loss, "Value": "NaN"}]
    wrong += [{**loss, "IterationNumber": -1}, {**loss, "Timestamp": 1e300}, {**loss, "Timestamp": None}]
    (folder / "7.json").write_text(lines(loss, *wrong) + "no json\n" + '{"MetricName": "half')
    (folder / "8.json").write_text(lines({**loss, "Value": 1.5, "IterationNumber": 2}))
    secret = tmp_path / "secret.json"
    secret.write_text(lines({**loss, "MetricName": "secret"}))
    (folder / "9.json").symlink_to(secret)
    os.mkfifo(folder / "10.json")
    job = made(context, "TrainingJob", "fit", TRAINING)
    for _ in range(2):  # the second as after a crash
        provenance.end(context, ended(job), [tmp_path / "ml"])
    (found,) = component(context, "fit-aws-training-job")["Metrics"]
    assert (found["MetricName"], found["Count"], found["Min"], found["Max"]) == ("loss", 2, 0.5, 1.5)
    arn = components.arn(context, "fit-aws-training-job")
    values = context.component_metrics.read(arn, "loss")
    assert [(each.time, each.value, each.step) for each in values] == [
        (1_700_000_000_250, 0.5, 1),
        (1_700_000_000_250, 1.5, 2),
    ]
    context.logs.forget(str(tmp_path))  # the job's folder is done with
    assert context.logs.position(str(folder / "7.json")) == 0
