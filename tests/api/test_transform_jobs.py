"""Batch transform by boto3: files really go through a model, and what fails is told by file and record."""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from clary.formats import recordio, tfrecord
from tests import jobs, transforms
from tests.conftest import Studio
from tests.transforms import outputs, transform, transformed

pytestmark = pytest.mark.slow

Boto = Callable[..., Any]

ADDER = """
import os
def model_fn(model_dir):
    told = ("SAGEMAKER_B", "SAGEMAKER_M", "OWN", "TRANSFORM")
    print("batch", {k: v for k, v in sorted(os.environ.items()) if k.startswith(told)})
    return None
def predict_fn(rows, model):
    print(f"rows {len(rows)}\\n", end="", flush=True)
    if rows.sum() < 0:
        raise ValueError("a negative row")
    return rows.sum(axis=1)
"""
# Answers what it got: its size and its bytes, in a line.
ECHO = """
import json
def model_fn(model_dir): return None
def transform_fn(model, body, content_type, accept):
    return json.dumps([content_type, accept, body.decode() if isinstance(body, bytes) else body]), accept
"""


OUT = {"S3OutputPath": "s3://jobs/o"}
INSTANCE = {"InstanceType": "ml.m5.large", "InstanceCount": 1}


@pytest.fixture(scope="module")
def s3(studio: Studio) -> Any:
    client, sagemaker = studio.client("s3"), studio.client("sagemaker")
    jobs.prepare(client)
    transforms.model(client, sagemaker, "adder", ADDER)
    transforms.model(client, sagemaker, "echo", ECHO)
    return client


def test_each_file_below_the_prefix_gets_its_answers(s3: Any, sagemaker: Any, boto: Boto) -> None:
    request = transform(
        "sums", "adder", Environment={"OWN": "yes"}, MaxConcurrentTransforms=2, BatchStrategy="MultiRecord"
    )
    arn = sagemaker.create_transform_job(**request)["TransformJobArn"]
    assert arn == "arn:aws:sagemaker:us-east-1:000000000000:transform-job/sums"
    job = transformed(sagemaker, "sums")
    assert job["TransformJobStatus"] == "Completed", job.get("FailureReason")
    assert outputs(s3, "sums") == {"a.csv.out": b"3.0\n7.0\n", "deep/b.csv.out": b"11.0\n"}
    assert job["CreationTime"] <= job["TransformStartTime"] <= job["TransformEndTime"]
    assert job["DataProcessing"] == {"InputFilter": "$", "OutputFilter": "$", "JoinSource": "None"}
    assert job["TransformInput"]["CompressionType"] == "None"
    assert job["TransformOutput"]["KmsKeyId"] == ""
    logs, group = boto("logs"), "/aws/sagemaker/TransformJobs"
    streams = [
        each["logStreamName"]
        for each in logs.describe_log_streams(logGroupName=group, logStreamNamePrefix="sums/")["logStreams"]
    ]
    assert len(streams) == 2
    assert streams[1] == f"{streams[0]}/data-log"
    line = "[sagemaker logs]: MaxConcurrentTransforms=2, MaxPayloadInMB=6, BatchStrategy=MULTI_RECORD"
    assert any(each.endswith(line) for each in transforms.data_log(logs, "sums"))
    lines = [each["message"] for each in logs.get_log_events(logGroupName=group, logStreamName=streams[0])["events"]]
    told = {
        "OWN": "yes", "SAGEMAKER_BATCH": "true", "SAGEMAKER_BATCH_STRATEGY": "MULTI_RECORD",
        "SAGEMAKER_MAX_CONCURRENT_TRANSFORMS": "2", "TRANSFORM_JOB_ARN": arn, "TRANSFORM_JOB_NAME": "sums",
    }  # fmt: skip
    assert f"batch {told}" in lines
    assert "rows 2" in lines


def test_the_command_shows_jobs_and_their_logs(s3: Any, sagemaker: Any, studio: Studio) -> None:
    sagemaker.create_transform_job(**transform("shown", "adder", uri="nothing/"))
    sagemaker.create_transform_job(**transform("logged", "adder"))
    transformed(sagemaker, "shown")
    status = studio.clary("status", "--data", str(studio.data), env={**studio.environment, "COLUMNS": "200"}).stdout
    assert re.search(r"shown +Failed .* ClientError: no object was found at s3://jobs/nothing/", status)
    lines = studio.clary("logs", "logged", "--follow", "--data", str(studio.data)).stdout
    assert "rows 2" in lines
    assert "[sagemaker logs]: jobs/in/a.csv: Records=2, Requests=1" in lines


def test_a_job_is_found_by_its_component(s3: Any, sagemaker: Any) -> None:
    sagemaker.create_experiment(ExperimentName="wards")
    request = transform(
        "tried", "adder", ExperimentConfig={"ExperimentName": "wards", "TrialComponentDisplayName": "mine"}
    )
    sagemaker.create_transform_job(**request)
    assert transformed(sagemaker, "tried")["ExperimentConfig"] == request["ExperimentConfig"]
    filters = [{"Name": "Parents.ExperimentName", "Operator": "Equals", "Value": "wards"}]
    (found,) = sagemaker.search(Resource="ExperimentTrialComponent", SearchExpression={"Filters": filters})["Results"]
    component = found["TrialComponent"]
    assert (component["TrialComponentName"], component["DisplayName"]) == ("tried-aws-transform-job", "mine")
    assert component["Status"]["PrimaryStatus"] == "Completed"
    assert component["SourceDetail"]["TransformJob"]["TransformJobStatus"] == "Completed"
    assert component["InputArtifacts"]["SageMaker.TransformInput"] == {
        "MediaType": "text/csv",
        "Value": "s3://jobs/in/",
    }
    with pytest.raises(ClientError, match="none"):
        sagemaker.create_transform_job(**transform("untried", "adder", ExperimentConfig={"ExperimentName": "none"}))


def test_what_a_container_uses_is_in_cloudwatch(s3: Any, sagemaker: Any, boto: Boto) -> None:
    transforms.model(
        s3, sagemaker, "busy", "import time\ndef model_fn(d): time.sleep(2.5)\ndef predict_fn(x, m): return x"
    )
    sagemaker.create_transform_job(**transform("busy", "busy"))
    assert transformed(sagemaker, "busy")["TransformJobStatus"] == "Completed"
    found = boto("cloudwatch").list_metrics(Namespace=transforms.GROUP, MetricName="CPUUtilization")["Metrics"]
    hosts = [each["Dimensions"][0]["Value"] for each in found]
    assert any(host.startswith("busy/i-") for host in hosts), hosts


def test_records_go_alone_and_their_answers_stay_in_order(s3: Any, sagemaker: Any) -> None:
    rows = "".join(f"{n},1\n" for n in range(200))
    s3.put_object(Bucket=jobs.BUCKET, Key="many/rows.csv", Body=rows)
    request = transform("alone", "adder", uri="many/", BatchStrategy="SingleRecord", MaxConcurrentTransforms=4)
    sagemaker.create_transform_job(**request)
    assert transformed(sagemaker, "alone")["TransformJobStatus"] == "Completed"
    assert outputs(s3, "alone")["rows.csv.out"].decode().split() == [f"{n + 1}.0" for n in range(200)]


def test_columns_are_kept_from_the_model_and_joined_to_its_answers(s3: Any, sagemaker: Any) -> None:
    s3.put_object(Bucket=jobs.BUCKET, Key="named/rows.csv", Body="id-1,1,2\nid-2,3,4\n")
    processing = {"InputFilter": "$[1:]", "JoinSource": "Input", "OutputFilter": "$[0,-1]"}
    sagemaker.create_transform_job(**transform("joined", "adder", uri="named/", DataProcessing=processing))
    job = transformed(sagemaker, "joined")
    assert job["TransformJobStatus"] == "Completed", job.get("FailureReason")
    assert job["DataProcessing"] == processing
    assert outputs(s3, "joined") == {"rows.csv.out": b"id-1,3.0\nid-2,7.0\n"}


def test_json_lines_carry_their_answers(s3: Any, sagemaker: Any) -> None:
    s3.put_object(Bucket=jobs.BUCKET, Key="lines/a.jsonl", Body=b'{"id": 1, "x": [1, 2]}\n{"id": 2, "x": [3]}\n')
    processing = {"InputFilter": "$.x", "JoinSource": "Input", "OutputFilter": "$['id','SageMakerOutput']"}
    form = {"ContentType": "application/jsonlines", "SplitType": "Line"}
    request = transform(
        "lines",
        "echo",
        uri="lines/",
        given=form,
        accept="application/jsonlines",
        DataProcessing=processing,
        BatchStrategy="SingleRecord",
    )
    sagemaker.create_transform_job(**request)
    job = transformed(sagemaker, "lines")
    assert job["TransformJobStatus"] == "Completed", job.get("FailureReason")
    found = [json.loads(line) for line in outputs(s3, "lines")["a.jsonl.out"].splitlines()]
    kinds = ["application/jsonlines"] * 2
    assert found == [{"id": 1, "SageMakerOutput": [*kinds, "[1,2]"]}, {"id": 2, "SageMakerOutput": [*kinds, "[3]"]}]


def test_what_went_in_and_out_is_told_to_model_monitoring(s3: Any, sagemaker: Any) -> None:
    capture = {"DestinationS3Uri": f"s3://{jobs.BUCKET}/captured", "GenerateInferenceId": True}
    sagemaker.create_transform_job(**transform("captured", "adder", DataCaptureConfig=capture))
    job = transformed(sagemaker, "captured")
    assert job["TransformJobStatus"] == "Completed", job.get("FailureReason")
    rows = [row.split(",") for row in outputs(s3, "captured")["a.csv.out"].decode().split()]
    assert [row[0] for row in rows] == ["3.0", "7.0"]
    assert len({row[1] for row in rows}) == 2
    keys = [each["Key"] for each in s3.list_objects_v2(Bucket=jobs.BUCKET, Prefix="captured/")["Contents"]]
    hour = f"{job['TransformStartTime']:%Y/%m/%d/%H}"
    assert [key.rpartition("/")[0] for key in keys] == [f"captured/input/{hour}", f"captured/output/{hour}"]
    manifests = [json.loads(s3.get_object(Bucket=jobs.BUCKET, Key=key)["Body"].read()) for key in keys]
    assert manifests == [
        [{"prefix": "s3://jobs/"}, "in/a.csv", "in/deep/b.csv"],
        [{"prefix": "s3://jobs/out/captured/"}, "a.csv.out", "deep/b.csv.out"],
    ]


def test_zipped_files_of_a_manifest_are_unpacked_and_sent_whole(s3: Any, sagemaker: Any) -> None:
    s3.put_object(Bucket=jobs.BUCKET, Key="packed/x/one.txt.gz", Body=gzip.compress(b"one\nline"))
    s3.put_object(Bucket=jobs.BUCKET, Key="packed/two.txt.gz", Body=gzip.compress(b""))
    s3.put_object(Bucket=jobs.BUCKET, Key="packed/other.txt.gz", Body=gzip.compress(b"not named"))
    manifest = json.dumps([{"prefix": f"s3://{jobs.BUCKET}/packed/"}, "x/one.txt.gz", "two.txt.gz"])
    s3.put_object(Bucket=jobs.BUCKET, Key="list.manifest", Body=manifest)
    request = transform(
        "packed", "echo", uri="list.manifest", kind="ManifestFile", accept="text/x", assemble="None",
        given={"ContentType": "text/plain", "CompressionType": "Gzip", "SplitType": "None"}, MaxPayloadInMB=0,
    )  # fmt: skip
    sagemaker.create_transform_job(**request)
    job = transformed(sagemaker, "packed")
    assert job["TransformJobStatus"] == "Completed", job.get("FailureReason")
    one = json.dumps(["text/plain", "text/x", "one\nline"]).encode()
    assert outputs(s3, "packed") == {"x/one.txt.gz.out": one, "two.txt.gz.out": b""}
    assert s3.head_object(Bucket=jobs.BUCKET, Key="out/packed/two.txt.gz.out")["ContentType"] == "text/x"


@pytest.mark.parametrize(("split", "encode"), [("RecordIO", recordio.encode), ("TFRecord", tfrecord.encode)])
def test_framed_records_are_split(s3: Any, sagemaker: Any, split: str, encode: Callable[[bytes], bytes]) -> None:
    name = f"framed-{split.lower()}"
    s3.put_object(Bucket=jobs.BUCKET, Key=f"{name}/data", Body=b"".join(map(encode, [b"ab", b"cde"])))
    given = {"ContentType": "application/x-any", "SplitType": split}
    sagemaker.create_transform_job(**transform(name, "echo", uri=f"{name}/", given=given, BatchStrategy="SingleRecord"))
    job = transformed(sagemaker, name)
    assert job["TransformJobStatus"] == "Completed", job.get("FailureReason")
    found = [json.loads(line)[2] for line in outputs(s3, name)["data.out"].splitlines()]
    assert found == ["ab", "cde"]


def test_several_instances_share_the_files(s3: Any, sagemaker: Any, boto: Boto) -> None:
    for number in range(5):
        s3.put_object(Bucket=jobs.BUCKET, Key=f"five/{number}.csv", Body=f"{number},1\n")
    request = transform(
        "five", "adder", uri="five", TransformResources={"InstanceType": "ml.m5.large", "InstanceCount": 2}
    )
    sagemaker.create_transform_job(**request)
    assert transformed(sagemaker, "five")["TransformJobStatus"] == "Completed"
    assert outputs(s3, "five") == {f"{n}.csv.out": f"{n + 1}.0\n".encode() for n in range(5)}
    streams = boto("logs").describe_log_streams(
        logGroupName="/aws/sagemaker/TransformJobs", logStreamNamePrefix="five/"
    )["logStreams"]
    assert len(streams) == 4


def test_a_bad_record_fails_its_file_and_the_others_are_done(s3: Any, sagemaker: Any, boto: Boto) -> None:
    s3.put_object(Bucket=jobs.BUCKET, Key="mixed/bad.csv", Body="1,1\n-5,1\n2,2\n")
    s3.put_object(Bucket=jobs.BUCKET, Key="mixed/good.csv", Body="1,1\n")
    client = {"InvocationsMaxRetries": 0}
    request = transform("mixed", "adder", uri="mixed/", BatchStrategy="SingleRecord", ModelClientConfig=client)
    sagemaker.create_transform_job(**request)
    job = transformed(sagemaker, "mixed")
    assert job["TransformJobStatus"] == "Failed"
    assert job["FailureReason"] == (
        "AlgorithmError: jobs/mixed/bad.csv, record 2: Bad HTTP status received from algorithm: 500: a negative row. "
        "See job logs for more information"
    )
    assert outputs(s3, "mixed") == {"good.csv.out": b"2.0\n"}
    lines = [line.partition("[sagemaker logs]: ")[2] for line in transforms.data_log(boto("logs"), "mixed")]
    assert lines[1:5] == [
        "jobs/mixed/bad.csv: record 2: Bad HTTP status received from algorithm: 500",
        "jobs/mixed/bad.csv: ", "jobs/mixed/bad.csv: Message:", "jobs/mixed/bad.csv: a negative row",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "body", "given", "reason"),
    [
        ("type", b"1,2\n", {"ContentType": "image/png"}, "ClientError: jobs/fails-type/f, records 1 to 1: 415: Content type"),
        ("gzip", b"1,2\n", {"CompressionType": "Gzip"}, "it is no whole gzip file"),
        ("half", gzip.compress(b"1,2\n" * 9999, mtime=0)[:-20], {"CompressionType": "Gzip"}, "it is no whole gzip file"),
        ("io", b"1,2\n", {"SplitType": "RecordIO"}, "record 1: at byte 0 "),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_told_by_its_file(
    s3: Any, sagemaker: Any, name: str, body: bytes, given: dict[str, Any], reason: str
) -> None:
    s3.put_object(Bucket=jobs.BUCKET, Key=f"fails-{name}/f", Body=body)
    sagemaker.create_transform_job(**transform(f"fails-{name}", "adder", uri=f"fails-{name}/", given=given))
    job = transformed(sagemaker, f"fails-{name}")
    assert job["TransformJobStatus"] == "Failed"
    assert job["FailureReason"].startswith(f"ClientError: jobs/fails-{name}/f, ")
    assert reason.partition("records 1 to 1")[0] in job["FailureReason"]
    assert outputs(s3, f"fails-{name}") == {}


@pytest.mark.parametrize(
    ("name", "program", "reason"),
    [
        ("unloaded", "def model_fn(d): raise RuntimeError('no such weights')", "no such weights"),
        ("dying", "import os\ndef model_fn(d): pass\ndef predict_fn(x, m): os._exit(7)", "exit code 7"),
        ("slow", "import time\ndef model_fn(d): pass\ndef predict_fn(x, m): time.sleep(60)", "within 1 seconds"),
    ],
)  # fmt: skip
def test_a_container_that_does_not_do_its_work_fails_the_job(
    s3: Any, sagemaker: Any, name: str, program: str, reason: str
) -> None:
    transforms.model(s3, sagemaker, name, program)
    client = {"InvocationsTimeoutInSeconds": 1, "InvocationsMaxRetries": 1}
    sagemaker.create_transform_job(**transform(name, name, ModelClientConfig=client))
    job = transformed(sagemaker, name)
    assert job["TransformJobStatus"] == "Failed"
    assert job["FailureReason"].startswith("AlgorithmError: ")
    assert reason in job["FailureReason"]


def test_a_request_is_sent_again_after_a_failure(s3: Any, sagemaker: Any) -> None:
    program = (
        "seen = []\ndef model_fn(d): return None\n"
        "def predict_fn(x, m):\n    seen.append(1)\n    if len(seen) < 3: raise RuntimeError('not yet')\n    return x.sum(axis=1)\n"
    )
    transforms.model(s3, sagemaker, "moody", program)
    sagemaker.create_transform_job(**transform("moody", "moody", uri="in/a.csv"))
    job = transformed(sagemaker, "moody")
    assert job["TransformJobStatus"] == "Completed", job.get("FailureReason")
    assert outputs(s3, "moody") == {"a.csv.out": b"3.0\n7.0\n"}


def test_a_job_is_stopped_and_leaves_no_half_file(s3: Any, sagemaker: Any, studio: Studio) -> None:
    slow = "import time\ndef model_fn(d): pass\ndef predict_fn(x, m):\n    print('asked', flush=True)\n    time.sleep(0.2)\n"
    transforms.model(s3, sagemaker, "lasting", slow)
    s3.put_object(Bucket=jobs.BUCKET, Key="long/rows.csv", Body="1,1\n" * 1000)
    sagemaker.create_transform_job(**transform("long", "lasting", uri="long/", BatchStrategy="SingleRecord"))
    transforms.wait_for_request(studio.client("logs"), "long")
    sagemaker.stop_transform_job(TransformJobName="long")
    job = transformed(sagemaker, "long")
    assert job["TransformJobStatus"] == "Stopped"
    assert outputs(s3, "long") == {}
    with pytest.raises(ClientError, match="rejected because the transform job is in status Stopped"):
        sagemaker.stop_transform_job(TransformJobName="long")
    assert list((studio.data / "tasks/transform").rglob("task.json")) == []


def test_nothing_to_transform_is_told(s3: Any, sagemaker: Any) -> None:
    sagemaker.create_transform_job(**transform("empty", "adder", uri="none/"))
    job = transformed(sagemaker, "empty")
    assert job["TransformJobStatus"] == "Failed"
    assert "no object was found at s3://jobs/none/" in job["FailureReason"]


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"ModelName": "nobody"}, 'Could not find model "arn:aws:sagemaker:us-east-1:000000000000:model/nobody"'),
        ({"MaxPayloadInMB": 101}, "cannot be greater than 100"),
        ({"MaxPayloadInMB": 30, "MaxConcurrentTransforms": 4}, "is 120: it cannot exceed 100"),
        ({"DataProcessing": {"InputFilter": "$..x"}}, "InputFilter: '$..x' is not understood from '..x' on"),
        ({"DataProcessing": {"JoinSource": "Input"}, "TransformOutput": {**OUT, "Accept": "application/json"}},
         "joins answers of the form of the input"),
        ({"TransformOutput": {"S3OutputPath": "s3://not-there/o"}}, "which does not exist"),
        ({"TransformOutput": {**OUT, "KmsKeyId": "alias/none"}}, "alias/none"),
        ({"DataCaptureConfig": {"DestinationS3Uri": "s3://not-there/c"}}, "which does not exist"),
        ({"TransformResources": {**INSTANCE, "VolumeKmsKeyId": "k"}}, "VolumeKmsKeyId is not served"),
    ],
    ids=["model", "payload", "product", "filter", "join", "bucket", "key", "capture", "volume"],
)  # fmt: skip
def test_what_cannot_work_is_refused_at_once(s3: Any, sagemaker: Any, change: dict[str, Any], text: str) -> None:
    with pytest.raises(ClientError) as error:
        sagemaker.create_transform_job(**{**transform("refused", "adder"), **change})
    assert text in str(error.value)


def test_names_are_told_missing_and_taken(s3: Any, sagemaker: Any) -> None:
    sagemaker.create_transform_job(**transform("twice", "adder"))
    with pytest.raises(sagemaker.exceptions.ResourceInUse, match="Job name must be unique"):
        sagemaker.create_transform_job(**transform("twice", "adder"))
    transformed(sagemaker, "twice")
    for ask in (sagemaker.describe_transform_job, sagemaker.stop_transform_job):
        with pytest.raises(ClientError, match="Could not find requested job with name: none"):
            ask(TransformJobName="none")
    found = sagemaker.list_transform_jobs(NameContains="twic", StatusEquals="Completed")["TransformJobSummaries"]
    assert [(each["TransformJobName"], each["TransformJobStatus"]) for each in found] == [("twice", "Completed")]
