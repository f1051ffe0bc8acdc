"""The built-in object detection by boto3: every input format in, boxes out, and what is refused with which reason."""

from __future__ import annotations

import io
import json
import tarfile
import time
from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest
from botocore.exceptions import ClientError

from clary.formats import detection_labels, image_records, recordio
from clary.formats.detection_labels import DetectionLabel
from tests import built_in, jobs, shapes
from tests.api.test_several_instances import lines_of
from tests.built_in import Ask
from tests.conftest import Studio

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

IMAGE = "811284229777.dkr.ecr.us-east-1.amazonaws.com/object-detection:1"
GIVEN = {"base_network": "small", "num_classes": "2", "num_training_samples": "60", "use_pretrained_model": "0"}
LEARNS = {**GIVEN, "epochs": "14", "mini_batch_size": "8", "optimizer": "adam", "learning_rate": "0.003"}
SEEDS = {"train": range(60), "validation": range(1000, 1020)}
FILES = ["model_algo_1-0000.params", "model_algo_1-symbol.json", "hyperparams.json"]


def files(kind: str = "image/png") -> list[dict[str, Any]]:
    """The four channels of image files."""
    return [
        built_in.channel(f"{name}{suffix}", f"s3://{jobs.BUCKET}/shapes/{name}{suffix}/", kind)
        for name in SEEDS
        for suffix in ("", "_annotation")
    ]


request = partial(built_in.training, IMAGE)


@pytest.fixture(scope="module")
def s3(studio: Studio) -> Any:
    """The bucket with the pictures in it, as files beside their annotations."""
    client = studio.client("s3")
    client.create_bucket(Bucket=jobs.BUCKET)
    for name, seeds in SEEDS.items():
        for seed in seeds:
            body, found = shapes.picture(seed)
            put = f"{seed:05}"
            client.put_object(Bucket=jobs.BUCKET, Key=f"shapes/{name}/{put}.png", Body=body)
            client.put_object(
                Bucket=jobs.BUCKET,
                Key=f"shapes/{name}_annotation/{put}.json",
                Body=shapes.annotation_file(found, f"{put}.png"),
            )
    return client


@pytest.fixture(scope="module")
def trained(studio: Studio, s3: Any) -> dict[str, Any]:
    """A job that learns the shapes: its description."""
    sagemaker = studio.client("sagemaker")
    sagemaker.create_training_job(**request("learns", files(), LEARNS))
    job = jobs.ended(sagemaker, "learns")
    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
    return job


@pytest.fixture(scope="module")
def invoke(studio: Studio, trained: dict[str, Any]) -> Iterator[Ask]:
    """Asks an endpoint of the model that learnt."""
    with built_in.endpoint(studio, "shapes", IMAGE, trained) as ask:
        yield ask


def test_the_shapes_are_learnt_and_metrics_found_by_the_filled_in_definitions(
    studio: Studio, trained: dict[str, Any]
) -> None:
    final = {metric["MetricName"]: metric["Value"] for metric in trained["FinalMetricDataList"]}
    assert set(final) == {
        "train:progress", "train:smooth_l1", "train:cross_entropy", "train:throughput", "validation:mAP",
    }  # fmt: skip
    assert final["train:progress"] == 100
    assert final["validation:mAP"] > 0.6
    assert final["train:throughput"] > 1
    names = [each["Name"] for each in trained["AlgorithmSpecification"]["MetricDefinitions"]]
    assert sorted(names) == sorted(final)
    lines = jobs.log_lines(studio.client("logs"), "learns")
    assert any("#quality_metric: host=algo-1, epoch=13, validation mAP <score>=(" in line for line in lines)
    assert any("trained from scratch" in line for line in lines)


def test_the_archive_has_the_names_that_awss_has(s3: Any, trained: dict[str, Any]) -> None:
    found = built_in.model_files(s3, trained)
    assert sorted(found) == sorted(FILES)
    texts = json.loads(found["hyperparams.json"])
    assert texts["learning_rate"] == "0.003"
    assert texts["nms_threshold"] == "0.45"


def overlap(a: list[float], b: list[float]) -> float:
    width, height = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    both = max(width, 0) * max(height, 0)
    return both / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - both)


def test_the_endpoint_answers_with_the_boxes_of_an_image_it_has_not_seen(
    invoke: Ask,
) -> None:
    right = total = 0
    for seed in range(2000, 2012):
        body, truth = shapes.picture(seed, most=1)
        answer, kind = invoke(body, "image/png")
        assert kind == "application/json"
        prediction = json.loads(answer)["prediction"]
        assert prediction == sorted(prediction, key=lambda each: -each[1])
        for class_id, score, *corners in prediction:
            assert class_id in {0.0, 1.0}
            assert 0 < score <= 1
            assert all(0 <= side <= 1 for side in corners)
        for shape in truth:
            corners = [shape.left, shape.top, shape.left + shape.width, shape.top + shape.height]
            best = prediction[0]
            found = best[0] == shape.class_id and overlap([side * 64 for side in best[2:]], corners) > 0.5
            right, total = right + found, total + 1
    assert right / total > 0.7


def test_an_annotation_is_answered_where_it_is_asked_for(invoke: Ask) -> None:
    body, _ = shapes.picture(2000, most=1)
    plain = json.loads(invoke(body, "image/png")[0])["prediction"]
    answer = json.loads(invoke(body, "application/x-image", Accept="application/json;annotation=1")[0])
    assert answer["image_size"] == [{"width": 64, "height": 64, "depth": 1}]
    assert len(answer["annotations"]) == len(plain)
    first = answer["annotations"][0]
    assert (first["class_id"], first["score"]) == (int(plain[0][0]), plain[0][1])
    assert first["left"] == round(plain[0][2] * 64)
    assert first["width"] == round(plain[0][4] * 64) - round(plain[0][2] * 64)


@pytest.mark.parametrize(
    ("body", "content_type", "accept", "status", "told"),
    [
        (b"1,2,3", "text/csv", "application/json", 415, "Content-type text/csv not supported"),
        (b"1,2,3", "image/png", "application/json", 400, "The request is no image in JPEG or PNG"),
        (shapes.picture(1)[0][:200], "image/png", "application/json", 400, "The request is a broken image"),
        (shapes.picture(1)[0], "image/png", "text/csv", 406, "Accept type text/csv is not supported"),
    ],
)
def test_a_bad_request_is_told_by_its_status(
    invoke: Ask, body: bytes, content_type: str, accept: str, status: int, told: str
) -> None:
    with pytest.raises(ClientError) as caught:
        invoke(body, content_type, Accept=accept)
    assert caught.value.response["OriginalStatusCode"] == status
    assert told in caught.value.response["OriginalMessage"]


@pytest.fixture(scope="module")
def packed(s3: Any) -> dict[str, list[dict[str, Any]]]:
    """The same pictures as RecordIO and as augmented manifests: the channels of each form."""
    side = shapes.SIDE
    for name, seeds in SEEDS.items():
        records, lines = io.BytesIO(), []
        for seed in seeds:
            body, found = shapes.picture(seed)
            corners = [(s.left, s.top, s.left + s.width, s.top + s.height) for s in found]
            objects = tuple(
                (float(s.class_id), *(each / side for each in c)) for s, c in zip(found, corners, strict=True)
            )
            labels = detection_labels.pack(DetectionLabel(objects), width=20)
            records.write(recordio.encode(image_records.pack(image_records.labelled(seed, labels, body))))
            uri = f"s3://{jobs.BUCKET}/shapes/{name}/{seed:05}.png"
            lines.append(json.dumps({"source-ref": uri, "boxes": shapes.annotation(found), "boxes-metadata": {}}))
        s3.put_object(Bucket=jobs.BUCKET, Key=f"records/{name}/data.rec", Body=records.getvalue())
        s3.put_object(Bucket=jobs.BUCKET, Key=f"lists/{name}.manifest", Body="\n".join(lines))
    kind, wrapped = "application/x-recordio", {"RecordWrapperType": "RecordIO", "InputMode": "Pipe"}
    listed = {"S3DataType": "AugmentedManifestFile", "AttributeNames": ["source-ref", "boxes"]}
    records_of = [built_in.channel(name, f"s3://{jobs.BUCKET}/records/{name}/", kind) for name in SEEDS]
    return {
        "records": records_of,
        "piped": [{**each, "InputMode": "Pipe"} for each in records_of],
        "manifest": [
            {**built_in.channel(name, f"s3://{jobs.BUCKET}/lists/{name}.manifest", kind, **listed), **wrapped}
            for name in SEEDS
        ],
    }


def finals(job: dict[str, Any]) -> dict[str, float]:
    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
    return {each["MetricName"]: each["Value"] for each in job["FinalMetricDataList"]}


def test_every_format_teaches_the_same(studio: Studio, packed: dict[str, list[dict[str, Any]]]) -> None:
    sagemaker = studio.client("sagemaker")
    given = {**GIVEN, "epochs": "1", "mini_batch_size": "20"}
    found = {}
    for name, channels in {"files": files(), **packed}.items():
        sagemaker.create_training_job(**request(f"form-{name}", channels, given))
        found[name] = finals(jobs.ended(sagemaker, f"form-{name}"))
    for name, each in found.items():
        for metric in ("train:cross_entropy", "train:smooth_l1"):
            assert each[metric] == pytest.approx(found["files"][metric], rel=0.01), name


def test_a_batch_transform_answers_each_image_with_a_file(studio: Studio, s3: Any, trained: dict[str, Any]) -> None:
    sagemaker = studio.client("sagemaker")
    url = trained["ModelArtifacts"]["S3ModelArtifacts"]
    sagemaker.create_model(
        ModelName="batch", ExecutionRoleArn=jobs.ROLE, PrimaryContainer={"Image": IMAGE, "ModelDataUrl": url}
    )
    source = {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": f"s3://{jobs.BUCKET}/shapes/validation/0100"}}
    sagemaker.create_transform_job(
        TransformJobName="batch",
        ModelName="batch",
        TransformInput={"DataSource": source, "ContentType": "application/x-image", "SplitType": "None"},
        TransformOutput={"S3OutputPath": f"s3://{jobs.BUCKET}/boxes"},
        TransformResources={"InstanceType": "ml.m5.large", "InstanceCount": 1},
    )
    sagemaker.get_waiter("transform_job_completed_or_stopped").wait(TransformJobName="batch")
    keys = [each["Key"] for each in s3.list_objects_v2(Bucket=jobs.BUCKET, Prefix="boxes/")["Contents"]]
    assert len(keys) == 10
    answer = json.loads(s3.get_object(Bucket=jobs.BUCKET, Key=keys[0])["Body"].read())
    assert set(answer) == {"prediction"}
    assert all(len(each) == 6 for each in answer["prediction"])


def test_an_interrupted_spot_job_goes_on_where_it_was(studio: Studio, s3: Any) -> None:
    sagemaker, logs = studio.client("sagemaker"), studio.client("logs")
    spot = {
        "EnableManagedSpotTraining": True,
        "StoppingCondition": {"MaxRuntimeInSeconds": 600, "MaxWaitTimeInSeconds": 1200},
        "CheckpointConfig": {"S3Uri": f"s3://{jobs.BUCKET}/checkpoints/taken"},
    }
    given = {**GIVEN, "epochs": "6", "mini_batch_size": "6"}
    sagemaker.create_training_job(**request("taken", files(), given, **spot))
    wait_for(logs, "taken", "epoch=0, validation mAP")
    assert "two minutes' notice" in studio.clary("spot", "interrupt", "taken", "--data", str(studio.data)).stdout
    job = jobs.ended(sagemaker, "taken")
    assert finals(job)["train:progress"] == 100
    statuses = [entry["Status"] for entry in job["SecondaryStatusTransitions"]]
    assert "Interrupted" in statuses
    lines = jobs.log_lines(logs, "taken")
    assert any("Resuming from the checkpoint at epoch " in line for line in lines)
    epochs = [line.partition("epoch=")[2].partition(",")[0] for line in lines if "validation mAP <score>" in line]
    assert epochs == ["0", "1", "2", "3", "4", "5"]  # none was trained twice


def wait_for(logs: Any, name: str, text: str) -> None:
    """Until a line of the job's stream holds the text."""
    deadline = time.monotonic() + 300
    while time.monotonic() < deadline:
        try:
            if any(text in line for line in jobs.log_lines(logs, name)):
                return
        except (ClientError, AssertionError):
            pass  # the stream is not there yet
        time.sleep(0.1)
    raise AssertionError(f"{name} never wrote {text!r}")


def test_a_stopped_job_keeps_its_best_model(studio: Studio, s3: Any) -> None:
    sagemaker = studio.client("sagemaker")
    sagemaker.create_training_job(**request("stopped", files(), {**GIVEN, "epochs": "1000"}))
    wait_for(studio.client("logs"), "stopped", "epoch=0, validation mAP")
    sagemaker.stop_training_job(TrainingJobName="stopped")
    job = jobs.ended(sagemaker, "stopped")
    assert job["TrainingJobStatus"] == "Stopped"
    bucket, _, key = job["ModelArtifacts"]["S3ModelArtifacts"].removeprefix("s3://").partition("/")
    with tarfile.open(fileobj=io.BytesIO(s3.get_object(Bucket=bucket, Key=key)["Body"].read())) as tar:
        assert sorted(tar.getnames()) == sorted(FILES)


def test_bad_input_fails_with_its_reason(studio: Studio, s3: Any, packed: dict[str, list[dict[str, Any]]]) -> None:
    sagemaker = studio.client("sagemaker")
    lines = s3.get_object(Bucket=jobs.BUCKET, Key="lists/train.manifest")["Body"].read().splitlines()
    s3.put_object(Bucket=jobs.BUCKET, Key="lists/broken.manifest", Body=b"\n".join([*lines[:2], b"{oops"]))
    s3.put_object(Bucket=jobs.BUCKET, Key="lists/text.manifest", Body=lines[0].replace(b"00000.png", b"no.png"))
    s3.put_object(Bucket=jobs.BUCKET, Key="shapes/train/no.png", Body=b"hello, I am a text")

    def listed(name: str) -> list[dict[str, Any]]:
        source = {**packed["manifest"][0]["DataSource"]["S3DataSource"], "S3Uri": f"s3://{jobs.BUCKET}/lists/{name}"}
        return [{**packed["manifest"][0], "DataSource": {"S3DataSource": source}}, packed["manifest"][1]]

    bad = {
        "range": (files(), {"learning_rate": "2"}, "Hyperparameter learning_rate: 2.0 is not in (0, 1]"),
        "name": (files(), {"lr": "0.1"}, "Extraneous hyperparameter found: lr"),
        "classes": (packed["records"], {"num_classes": "1"}, "train/data.rec, record"),
        "line": (listed("broken.manifest"), {}, "line 3: no JSON"),
        "image": (listed("text.manifest"), {}, "image 1 of the manifest is no image in JPEG or PNG"),
        "channel": (files()[:2], {}, "Missing required channel: validation"),
    }
    for name, (channels, given, _) in bad.items():
        sagemaker.create_training_job(**request(f"bad-{name}", channels, {**GIVEN, **given}))
    for name, (_, _, told) in bad.items():
        job = jobs.ended(sagemaker, f"bad-{name}")
        assert job["TrainingJobStatus"] == "Failed", name
        assert job["FailureReason"].startswith("ClientError: "), name
        assert told in job["FailureReason"], name


def test_two_instances_train_one_model(studio: Studio, s3: Any) -> None:
    sagemaker = studio.client("sagemaker")
    given = {**GIVEN, "epochs": "1", "mini_batch_size": "15", "kv_store": "dist_sync"}
    asked = request("together", files(), given, EnableNetworkIsolation=True)
    asked["ResourceConfig"]["InstanceCount"] = 2
    sagemaker.create_training_job(**asked)
    job = jobs.ended(sagemaker, "together")
    if job["TrainingJobStatus"] == "Failed" and "sandbox" in job["FailureReason"]:
        pytest.skip(job["FailureReason"])
    assert finals(job)["train:progress"] == 100
    lines = lines_of(studio.client("logs"), "together")
    assert len(lines) == 2
    assert sum("The channel train has 30 images" in line for each in lines.values() for line in each) == 2
    judged = [line for each in lines.values() for line in each if "validation mAP <score>" in line]
    assert len(judged) == 1
    assert "host=algo-1" in judged[0]
