"""What a job saves for SageMaker Debugger and TensorBoard: in S3 while it runs, in order, and its end in every end."""

from __future__ import annotations

import contextlib
import json
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests import jobs
from tests.api.test_rights import TRUST, allow, document
from tests.conftest import Studio, clean_environment
from tests.waiting import until

Boto = Callable[..., Any]

SAVE = """
import json, os, pathlib, sys, time
from clary.formats.tensors import values
from clary.formats.tensors.collections import Collection
from clary.formats.tensors.layout import Mode
from clary.formats.tensors.writer import Step, write_collections

told = json.load(open(os.environ["SMDEBUG_CONFIG_FILE_PATH"]))
folder = pathlib.Path(told["LocalPath"])
worker = "worker_" + str(int(os.environ["SM_CURRENT_HOST"][5:]) - 1)
def save(number):
    step = Step(folder, worker, number, Mode.TRAIN, number)
    step.add("loss", values.scalar(1 / (1 + number)), time.time())
    step.close()
    write_collections(folder, worker, [Collection("losses", ("loss",))], len(json.loads(os.environ["SM_HOSTS"])))
save(0)
board = pathlib.Path(json.load(open(os.environ["TENSORBOARD_CONFIG_FILE_PATH"]))["LocalPath"])
open(board / "events.out.tfevents.1", "wb", buffering=0).write(b"first")
(folder / "claim.smd").touch()
print("config", sorted(os.listdir("/opt/ml/input/config")) if os.path.exists("/opt/ml/input") else "")
print("saved", sorted(told), folder, board, flush=True)
"""
STEP = [
    "collections/000000000/worker_0_collections.json",
    "events/000000000000/000000000000_worker_0.tfevents",
    "index/000000000/000000000000_worker_0.json",
]
END = "training_job_end.ts"


def saving(s3: Any, name: str, script: str, **given: Any) -> dict[str, Any]:
    hook = {"S3OutputPath": f"s3://{jobs.BUCKET}/out/", **given.pop("hook", {})}
    board = {"S3OutputPath": f"s3://{jobs.BUCKET}/out", **given.pop("board", {})}
    return jobs.training(s3, name, script, **{"DebugHookConfig": hook, "TensorBoardOutputConfig": board, **given})


def keys(s3: Any, name: str, below: str = "debug-output") -> list[str]:
    prefix = f"out/{name}/{below}/"
    found = s3.list_objects_v2(Bucket=jobs.BUCKET, Prefix=prefix).get("Contents", [])
    return [item["Key"].removeprefix(prefix) for item in found]


@pytest.mark.slow
def test_it_is_there_while_the_job_runs_and_the_end_when_it_ended(s3: Any, sagemaker: Any, boto: Boto) -> None:
    script = (
        SAVE + "\nimport signal\nsignal.signal(signal.SIGTERM, lambda *_: (save(1), sys.exit(0)))\ntime.sleep(100)\n"
    )
    collections = [{"CollectionName": "weights", "CollectionParameters": {"save_interval": "3"}}]
    hook = {"CollectionConfigurations": collections, "HookParameters": {"save_interval": "7"}}
    profiler = {"S3OutputPath": f"s3://{jobs.BUCKET}/out", "DisableProfiler": False}
    sagemaker.create_training_job(**saving(s3, "tensors", script, hook=hook, ProfilerConfig=profiler))
    jobs.wait_for_line(boto("logs"), "tensors", "saved")
    until(lambda: keys(s3, "tensors") == STEP)
    until(lambda: keys(s3, "tensors", "tensorboard-output") == ["events.out.tfevents.1"])
    sagemaker.stop_training_job(TrainingJobName="tensors")
    job = jobs.ended(sagemaker, "tensors")
    assert job["TrainingJobStatus"] == "Stopped"
    assert job["DebugHookConfig"] == {"S3OutputPath": "s3://jobs/out/", **hook}
    assert job["TensorBoardOutputConfig"] == {"S3OutputPath": "s3://jobs/out"}
    second = [name.replace("000000000000", "000000000001") for name in STEP[1:]]
    assert keys(s3, "tensors") == sorted([*STEP, *second, END])
    told = "['CollectionConfigurations', 'HookParameters', 'LocalPath', 'S3OutputPath']"
    line = f"saved {told} /opt/ml/output/tensors /opt/ml/output/tensorboard"
    assert line in jobs.log_lines(boto("logs"), "tensors")
    files = (
        "debughookconfig hyperparameters inputdataconfig profilerconfig resourceconfig tensorboardoutputconfig".split()
    )
    assert f"config {[f'{name}.json' for name in files]}" in jobs.log_lines(boto("logs"), "tensors")
    component = sagemaker.describe_trial_component(TrialComponentName="tensors-aws-training-job")
    assert component["OutputArtifacts"]["SageMaker.DebugHookOutput"]["Value"] == "s3://jobs/out/"


@pytest.mark.slow
@pytest.mark.parametrize("end", ["Completed", "Failed"])
def test_every_end_is_told_last(s3: Any, sagemaker: Any, end: str) -> None:
    script = SAVE + ("sys.exit(3)" if end == "Failed" else "")
    name = f"ends-{end.lower()}"
    local = {"hook": {"LocalPath": "/data/mine"}, "board": {"LocalPath": "/data/board"}}
    sagemaker.create_training_job(**saving(s3, name, script, **local))
    assert jobs.ended(sagemaker, name)["TrainingJobStatus"] == end
    assert keys(s3, name) == [*STEP, END]
    times = {
        key: s3.head_object(Bucket=jobs.BUCKET, Key=f"out/{name}/debug-output/{key}")["LastModified"]
        for key in [*STEP, END]
    }
    assert times[END] == max(times.values())


@pytest.mark.slow
def test_a_job_that_never_ran_has_its_end_too(s3: Any, sagemaker: Any) -> None:
    request = saving(s3, "unbegun", SAVE)
    s3.delete_object(Bucket=jobs.BUCKET, Key="code/unbegun.tar.gz")
    sagemaker.create_training_job(**request)
    assert jobs.ended(sagemaker, "unbegun")["TrainingJobStatus"] == "Failed"
    assert keys(s3, "unbegun") == [END]


@pytest.mark.slow
def test_each_host_writes_its_own_files(s3: Any, sagemaker: Any) -> None:
    resources = {"InstanceType": "ml.m5.large", "InstanceCount": 2, "VolumeSizeInGB": 1}
    sagemaker.create_training_job(**saving(s3, "pair", SAVE, ResourceConfig=resources))
    job = jobs.ended(sagemaker, "pair")
    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
    assert keys(s3, "pair") == sorted([*STEP, *(name.replace("worker_0", "worker_1") for name in STEP), END])


@pytest.mark.slow
def test_a_role_that_may_not_write_it_is_told_and_the_job_goes_on(
    studio: Studio, s3: Any, sagemaker: Any, boto: Boto
) -> None:
    iam = studio.client("iam")
    arn = str(iam.create_role(RoleName="no-tensors", AssumeRolePolicyDocument=document(TRUST))["Role"]["Arn"])
    rights = [
        allow(["s3:GetObject", "s3:ListBucket"], ["arn:aws:s3:::jobs", "arn:aws:s3:::jobs/*"]),
        allow("s3:PutObject", "arn:aws:s3:::jobs/out/*/output/*"),
    ]
    iam.put_role_policy(RoleName="no-tensors", PolicyName="own", PolicyDocument=document(*rights))
    sagemaker.create_training_job(**saving(s3, "unkept", SAVE, RoleArn=arn))
    assert jobs.ended(sagemaker, "unkept")["TrainingJobStatus"] == "Completed"
    assert keys(s3, "unkept") == []
    lines = jobs.log_lines(boto("logs"), "unkept")
    assert any("Debugger output upload to s3://jobs/out/unkept/debug-output failed: User: " in line for line in lines)
    assert any("training_job_end.ts of the debugger's output is not written" in line for line in lines)
    until(lambda: not marks(studio, "unkept"))  # that each line was told once need be known no longer


def marks(studio: Studio, name: str) -> list[str]:
    """What the store notes of the files and folders of a job."""
    with contextlib.closing(sqlite3.connect(studio.data / "clary.db")) as database:
        return [row[0] for row in database.execute("SELECT name FROM sources") if f"/{name}-" in row[0]]


@pytest.fixture
def open_studio(tmp_path: Path, cache: Path) -> Iterator[Studio]:
    """Without a sandbox."""
    studio = Studio(tmp_path / "data", cache, {**clean_environment(cache), "CLARY_SANDBOX": "off"})
    studio.start()
    yield studio
    studio.stop()


@pytest.mark.slow
def test_without_a_sandbox_the_files_say_where_the_folders_are(open_studio: Studio) -> None:
    s3, sagemaker = open_studio.client("s3"), open_studio.client("sagemaker")
    jobs.prepare(s3)
    sagemaker.create_training_job(**saving(s3, "open", SAVE))
    assert jobs.ended(sagemaker, "open")["TrainingJobStatus"] == "Completed"
    assert keys(s3, "open") == [*STEP, END]
    assert json.dumps(keys(s3, "open", "tensorboard-output")) == '["events.out.tfevents.1"]'


@pytest.mark.parametrize(
    ("hook", "board", "text"),
    [
        (
            {"S3OutputPath": "s3://not-there/x"},
            {},
            "The S3OutputPath s3://not-there/x of DebugHookConfig names the bucket",
        ),
        ({}, {"S3OutputPath": "s3://not-there/x"}, "of TensorBoardOutputConfig names the bucket 'not-there'"),
        ({"LocalPath": "tensors"}, {}, "Invalid LocalPath 'tensors' of DebugHookConfig: it takes an absolute path"),
        (
            {"LocalPath": "/opt/ml/model/x"},
            {},
            "the job needs that folder for something else. Use /opt/ml/output/tensors",
        ),
        ({}, {"LocalPath": "/opt/ml/output"}, "Use /opt/ml/output/tensorboard, or a folder of your own"),
        ({"LocalPath": "/opt/ml/output/data"}, {}, "Use /opt/ml/output/tensors, or a folder of your own"),
        ({}, {"LocalPath": "/opt/ml/output/tensors/board/"}, "lies in that of DebugHookConfig, /opt/ml/output/tensors"),
    ],
)
def test_what_cannot_work_is_refused(
    s3: Any, sagemaker: Any, hook: dict[str, Any], board: dict[str, Any], text: str
) -> None:
    with pytest.raises(ClientError) as error:
        sagemaker.create_training_job(**saving(s3, "refused", SAVE, hook=hook, board=board))
    assert text in str(error.value)
    assert error.value.response["Error"]["Code"] == "ValidationException"
