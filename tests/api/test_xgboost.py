"""The built-in XGBoost by boto3: every format in, every form out, and what is refused with which reason."""

from __future__ import annotations

import io
import json
import random
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from arro3.core import Array, DataType, Table
from arro3.io import write_parquet
from botocore.exceptions import ClientError

from clary.formats import record_protobuf
from tests import built_in, jobs
from tests.built_in import Ask
from tests.conftest import Studio

pytestmark = pytest.mark.slow

IMAGE = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:1.7-1"
PROTOBUF = "application/x-recordio-protobuf"
Rows = list[list[float]]


def table(seed: int, rows: int) -> Rows:
    """Label first: the sum of three numbers."""
    chance = random.Random(seed)
    features = [[round(chance.random(), 4) for _ in range(3)] for _ in range(rows)]
    return [[round(sum(row), 4), *row] for row in features]


def csv(rows: Rows) -> bytes:
    return "".join(",".join(map(str, row)) + "\n" for row in rows).encode()


def libsvm(rows: Rows) -> bytes:
    return "".join(f"{row[0]} " + " ".join(f"{n}:{v}" for n, v in enumerate(row[1:])) + "\n" for row in rows).encode()


def protobuf(rows: Rows, *, sparse: bool = False) -> bytes:
    stream = io.BytesIO()
    more: dict[str, Any] = {"keys": (0, 1, 2), "shape": (3,)} if sparse else {}
    record_protobuf.write(
        stream,
        (
            record_protobuf.Record(
                {"values": record_protobuf.tensor(row[1:], **more)}, {"values": record_protobuf.tensor(row[:1])}
            )
            for row in rows
        ),
    )
    return stream.getvalue()


def parquet(rows: Rows) -> bytes:
    stream = io.BytesIO()
    columns = {name: Array([row[place] for row in rows], DataType.float32()) for place, name in enumerate("yabc")}
    write_parquet(Table.from_pydict(columns), stream)
    return stream.getvalue()


TRAIN, VALIDATION = table(1, 300), table(2, 60)
FORMATS = {
    "csv": ("text/csv", csv),
    "libsvm": ("text/libsvm", libsvm),
    "parquet": ("application/x-parquet", parquet),
    "protobuf": (PROTOBUF, protobuf),
    "sparse": (PROTOBUF, lambda rows: protobuf(rows, sparse=True)),
}

GIVEN = {"num_round": "20", "eta": "0.5", "eval_metric": "rmse,mae,r2", "seed": "7"}


def request(
    s3: Any, name: str, data: dict[str, bytes], content_type: str, hyperparameters: dict[str, str]
) -> dict[str, Any]:
    """A CreateTrainingJob request of the built-in algorithm, a channel for each of ``data``."""
    channels = []
    for channel, body in data.items():
        s3.put_object(Bucket=jobs.BUCKET, Key=f"{name}/{channel}/data", Body=body)
        channels.append(built_in.channel(channel, f"s3://{jobs.BUCKET}/{name}/{channel}/", content_type))
    return built_in.training(IMAGE, name, channels, hyperparameters)


@pytest.fixture(scope="module")
def s3(studio: Studio) -> Any:
    client = studio.client("s3")
    client.create_bucket(Bucket=jobs.BUCKET)
    return client


@pytest.fixture(scope="module")
def trained(studio: Studio, s3: Any) -> dict[str, dict[str, Any]]:
    """The same rows in every format, trained at once: the jobs' descriptions."""
    sagemaker = studio.client("sagemaker")
    for name, (content_type, written) in FORMATS.items():
        data = {"train": written(TRAIN), "validation": written(VALIDATION)}
        sagemaker.create_training_job(**request(s3, name, data, content_type, GIVEN))
    return {name: jobs.ended(sagemaker, name) for name in FORMATS}


@pytest.fixture(scope="module")
def invoke(studio: Studio, trained: dict[str, Any]) -> Iterator[Ask]:
    """Asks an endpoint of the model that was trained on CSV."""
    with built_in.endpoint(studio, "boost", IMAGE, trained["csv"]) as ask:
        yield ask


def model(s3: Any, job: dict[str, Any]) -> bytes:
    (found,) = built_in.model_files(s3, job).items()
    assert found[0] == "xgboost-model"
    return found[1]


def test_every_format_gives_the_same_model(s3: Any, trained: dict[str, Any]) -> None:
    assert {name: job["TrainingJobStatus"] for name, job in trained.items()} == dict.fromkeys(FORMATS, "Completed")
    assert len({model(s3, job) for job in trained.values()}) == 1


def piped(s3: Any, studio: Studio, name: str, form: str, wrapper: str) -> dict[str, Any]:
    """The same rows through a pipe each channel: the job's description."""
    content_type, written = FORMATS[form]
    asked = request(s3, name, {"train": written(TRAIN), "validation": written(VALIDATION)}, content_type, GIVEN)
    asked["AlgorithmSpecification"]["TrainingInputMode"] = "Pipe"
    asked["InputDataConfig"] = [{**channel, "RecordWrapperType": wrapper} for channel in asked["InputDataConfig"]]
    studio.client("sagemaker").create_training_job(**asked)
    return jobs.ended(studio.client("sagemaker"), name)


@pytest.mark.parametrize(("form", "wrapper"), [("csv", "None"), ("protobuf", "None"), ("parquet", "RecordIO")])
def test_a_pipe_gives_the_same_model(s3: Any, studio: Studio, trained: dict[str, Any], form: str, wrapper: str) -> None:
    job = piped(s3, studio, f"pipe-{form}", form, wrapper)
    assert job["TrainingJobStatus"] == "Completed", job["FailureReason"]
    assert model(s3, job) == model(s3, trained[form])


def test_what_cannot_come_by_a_pipe_is_told(s3: Any, studio: Studio) -> None:
    reason = piped(s3, studio, "pipe-libsvm", "libsvm", "None")["FailureReason"]
    assert reason.startswith("ClientError: text/libsvm is not an accepted ContentType in Pipe mode")


def test_metrics_are_found_by_the_definitions_that_describe_fills_in(studio: Studio, trained: dict[str, Any]) -> None:
    job = trained["protobuf"]
    final = {metric["MetricName"]: metric["Value"] for metric in job["FinalMetricDataList"]}
    assert set(final) == {f"{c}:{m}" for c in ("train", "validation") for m in ("rmse", "mae", "r2")}
    assert final["validation:rmse"] < 0.2
    assert final["validation:r2"] > 0.9
    names = [definition["Name"] for definition in job["AlgorithmSpecification"]["MetricDefinitions"]]
    assert "validation:rmse" in names
    lines = jobs.log_lines(studio.client("logs"), "protobuf")
    assert any(line.startswith("[19]#011train-rmse:") and "#011validation-rmse:" in line for line in lines)


def test_the_endpoint_answers_in_every_form(invoke: Ask) -> None:
    rows = VALIDATION[:2]
    features = csv([row[1:] for row in rows])
    body, kind = invoke(features, "text/csv")
    assert kind.startswith("text/csv")
    scores = [float(text) for text in body.decode().split(",")]
    assert scores == pytest.approx([row[0] for row in rows], abs=0.4)
    body, kind = invoke(features, "text/csv", Accept="application/json")
    assert (json.loads(body), kind) == ({"predictions": [{"score": score} for score in scores]}, "application/json")
    body, _ = invoke(features, "text/csv", Accept="application/jsonlines")
    assert [json.loads(line)["score"] for line in body.splitlines()] == scores
    body, _ = invoke(features, "text/csv", Accept=PROTOBUF)
    records = list(record_protobuf.read(io.BytesIO(body)))
    assert [list(record.label["score"].values) for record in records] == [[pytest.approx(score)] for score in scores]


@pytest.mark.parametrize("name", ["libsvm", "protobuf", "sparse"])
def test_the_endpoint_takes_every_format(invoke: Ask, name: str) -> None:
    content_type, written = FORMATS[name]
    expected, _ = invoke(csv([row[1:] for row in VALIDATION]), "text/csv")
    assert invoke(written(VALIDATION), content_type)[0] == expected


@pytest.mark.parametrize(
    ("body", "content_type", "accept", "status", "told"),
    [
        (b"1,2,3", "image/png", "text/csv", 415, "Content-type image/png not supported"),
        (b"1,2,3", "text/csv", "image/png", 406, "Accept type image/png is not supported"),
        (b"1,2", "text/csv", "text/csv", 400, "Feature size of inference data 2 is not consistent"),
        (b"1,2,x", "text/csv", "text/csv", 400, "row 1, column 3: 'x' is not a number"),
        (b"3 0:1 9:2", "text/libsvm", "text/csv", 400, "Feature size of inference data 10"),
    ],
)
def test_a_bad_request_is_told_by_its_status(
    invoke: Ask, body: bytes, content_type: str, accept: str, status: int, told: str
) -> None:
    with pytest.raises(ClientError) as caught:
        invoke(body, content_type, Accept=accept)
    assert caught.value.response["OriginalStatusCode"] == status
    assert told in caught.value.response["OriginalMessage"]


BAD: dict[str, tuple[dict[str, bytes], str, dict[str, str], str]] = {
    "range": ({"train": csv(TRAIN)}, "text/csv", {"eta": "1.5"}, "Hyperparameter eta: 1.5 is not in [0, 1]"),
    "empty": ({"train": b""}, "text/csv", {}, "No data in train channel path /opt/ml/input/data/train"),
    "label": ({"train": b"1,2\nM,3\n"}, "text/csv", {}, "File 'data', row 2, column 1: 'M' is not a number."),
    "header": ({"train": b"y,x\n1,2\n"}, "text/csv", {}, "Does it start with a header? There must be none."),
    "short": ({"train": b"1,2,3\n\n4,,\n5,6\n"}, "text/csv", {}, "File 'data', row 3 has 2 columns, others have 3"),
    "channel": ({"test": csv(TRAIN)}, "text/csv", {}, "Extraneous channel found: test"),
    "type": ({"train": csv(TRAIN)}, "text/plain", {}, "text/plain is not an accepted ContentType"),
    "classes": ({"train": csv(TRAIN)}, "text/csv", {"objective": "binary:logistic"}, "label must be in [0,1]"),
    "svm": ({"train": b"1 0:1\n2 x:1\n"}, "libsvm", {}, "File 'data', line 2: '2 x:1' is not 'LIBSVM' format"),
    "broken": ({"train": protobuf(TRAIN)[:-3]}, PROTOBUF, {}, "record 300"),
    "parquet": ({"train": b"1,2\n"}, "application/x-parquet", {}, "File 'data' is no parquet file of numbers"),
}


@pytest.fixture(scope="module")
def failed(studio: Studio, s3: Any) -> dict[str, dict[str, Any]]:
    sagemaker = studio.client("sagemaker")
    for name, (data, content_type, given, _) in BAD.items():
        values = {"num_round": "2", **given}
        sagemaker.create_training_job(**request(s3, f"bad-{name}", data, content_type, values))
    return {name: jobs.ended(sagemaker, f"bad-{name}") for name in BAD}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_fails_with_its_reason(failed: dict[str, dict[str, Any]], name: str) -> None:
    assert failed[name]["TrainingJobStatus"] == "Failed"
    reason = failed[name]["FailureReason"]
    assert reason.startswith("ClientError: ")
    assert BAD[name][3] in reason


def test_early_stopping_keeps_the_best_and_selected_keys_are_answered(
    studio: Studio, s3: Any, boto: Callable[..., Any]
) -> None:
    """A label that is chance: the validation error rises soon."""
    chance = random.Random(3)
    rows = [[float(chance.random() > 0.5), *row[1:]] for row in table(4, 200)]
    given = {
        "num_round": "200",
        "objective": "binary:logistic",
        "early_stopping_rounds": "4",
        "eval_metric": "auc,logloss",
    }
    sagemaker, runtime = boto("sagemaker"), boto("sagemaker-runtime")
    data = {"train": csv(rows[:150]), "validation": csv(rows[150:])}
    sagemaker.create_training_job(**request(s3, "early", data, "text/csv", given))
    job = jobs.ended(sagemaker, "early")
    rounds = [line for line in jobs.log_lines(boto("logs"), "early") if line.startswith("[")]
    losses = [float(line.rpartition("validation-logloss:")[2]) for line in rounds]
    assert len(rounds) < 200
    assert len(losses) - 1 - losses.index(min(losses)) == 4  # it ended four rounds after the best
    container = {
        "Image": IMAGE,
        "ModelDataUrl": job["ModelArtifacts"]["S3ModelArtifacts"],
        "Environment": {"SAGEMAKER_INFERENCE_OUTPUT": "predicted_label,probability,predicted_score"},
    }
    sagemaker.create_model(ModelName="early", ExecutionRoleArn=jobs.ROLE, PrimaryContainer=container)
    variant = {"VariantName": "all", "ModelName": "early", "InitialInstanceCount": 1, "InstanceType": "ml.m5.large"}
    sagemaker.create_endpoint_config(EndpointConfigName="early", ProductionVariants=[variant])
    sagemaker.create_endpoint(EndpointName="early", EndpointConfigName="early")
    sagemaker.get_waiter("endpoint_in_service").wait(EndpointName="early")
    body = runtime.invoke_endpoint(EndpointName="early", Body=b"0.1,0.2,0.3\n", ContentType="text/csv")["Body"].read()
    label, probability, score = body.decode().strip().split(",")
    assert label == str(int(float(probability) > 0.5))
    assert score == "nan"  # no such thing for a class
    sagemaker.delete_endpoint(EndpointName="early")


def test_a_stopped_job_keeps_its_model_where_that_was_asked_for(s3: Any, boto: Callable[..., Any]) -> None:
    sagemaker, logs = boto("sagemaker"), boto("logs")
    given = {"num_round": "1000000", "save_model_on_termination": "true", "eta": "0"}
    sagemaker.create_training_job(**request(s3, "stopped", {"train": csv(TRAIN)}, "text/csv", given))
    jobs.wait_for_line(logs, "stopped", "[3]#011train-rmse:")
    sagemaker.stop_training_job(TrainingJobName="stopped")
    job = jobs.ended(sagemaker, "stopped")
    assert job["TrainingJobStatus"] == "Stopped"
    assert model(s3, job)
