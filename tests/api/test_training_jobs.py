"""Training jobs by boto3: they really run, and every mistake is told by its name."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests import jobs
from tests.conftest import Studio
from tests.waiting import until

pytestmark = pytest.mark.slow

Boto = Callable[..., Any]


SCRIPT = """
import json, os, sys
print("arguments", sys.argv[1:])
print("files", sorted(os.path.relpath(os.path.join(d, f), os.environ["SM_CHANNEL_TRAIN"])
                      for d, _, fs in os.walk(os.environ["SM_CHANNEL_TRAIN"]) for f in fs))
for step in range(3):
    print(f"loss={1 / (step + 1):.3f}")
open(os.path.join(os.environ["SM_MODEL_DIR"], "model.json"), "w").write(os.environ["SM_HPS"])
open(os.path.join(os.environ["SM_OUTPUT_DATA_DIR"], "extra.txt"), "w").write("more")
"""


def test_a_job_runs_to_its_end_and_leaves_all_that_it_made(s3: Any, sagemaker: Any, boto: Boto) -> None:
    request = jobs.training(s3, "whole", SCRIPT, hyperparameters={"eta": "0.1", "layers": "[1, 2]", "m-x": '"a b"'})
    request["AlgorithmSpecification"]["MetricDefinitions"] = [{"Name": "loss", "Regex": "loss=([0-9.]+)"}]
    arn = sagemaker.create_training_job(**request)["TrainingJobArn"]
    job = jobs.ended(sagemaker, "whole")
    assert (job["TrainingJobStatus"], job["SecondaryStatus"]) == ("Completed", "Completed"), job.get("FailureReason")
    assert job["TrainingJobArn"] == arn == "arn:aws:sagemaker:us-east-1:000000000000:training-job/whole"
    assert [t["Status"] for t in job["SecondaryStatusTransitions"]] == [
        "Starting", "Downloading", "Training", "Uploading", "Completed",
    ]  # fmt: skip
    assert job["TrainingEndTime"] >= job["TrainingStartTime"] >= job["CreationTime"]
    assert [(m["MetricName"], m["Value"]) for m in job["FinalMetricDataList"]] == [("loss", pytest.approx(0.333))]
    uri = job["ModelArtifacts"]["S3ModelArtifacts"]
    assert uri == "s3://jobs/out/whole/output/model.tar.gz"
    model = s3.get_object(Bucket="jobs", Key="out/whole/output/model.tar.gz")["Body"].read()
    with tarfile.open(fileobj=io.BytesIO(model)) as tar:
        content = tar.extractfile("model.json")
        assert content is not None
        assert content.read() == b'{"eta":0.1,"layers":[1,2],"m-x":"a b"}'
    assert s3.head_object(Bucket="jobs", Key="out/whole/output/output.tar.gz")["ContentLength"] > 0
    lines = jobs.log_lines(boto("logs"), "whole")
    assert "arguments ['--eta', '0.1', '--layers', '[1, 2]', '--m-x', 'a b']" in lines
    assert "files ['a.csv', 'deep/b.csv']" in lines


def test_a_script_that_fails_tells_its_last_words(s3: Any, sagemaker: Any) -> None:
    script = "import sys\nprint('about to fail', file=sys.stderr)\nsys.exit(3)\n"
    sagemaker.create_training_job(**jobs.training(s3, "fails", script))
    job = jobs.ended(sagemaker, "fails")
    assert job["TrainingJobStatus"] == "Failed"
    assert job["FailureReason"].startswith("AlgorithmError: ExecuteUserScriptError:\nExitCode 3")
    assert "about to fail" in job["FailureReason"]
    assert job["FailureReason"].endswith("exit code: 3")


def test_binary_output_is_kept_as_text(s3: Any, sagemaker: Any, boto: Boto) -> None:
    script = "import sys\nsys.stdout.buffer.write(bytes(range(256)) + b'\\nafter\\n')\n"
    sagemaker.create_training_job(**jobs.training(s3, "binary", script))
    assert jobs.ended(sagemaker, "binary")["TrainingJobStatus"] == "Completed"
    assert "after" in jobs.log_lines(boto("logs"), "binary")


def test_a_member_outside_the_archive_is_refused_by_name(s3: Any, sagemaker: Any) -> None:
    evil = jobs.archive({"train.py": "print('no')", "../evil.txt": "x"})
    sagemaker.create_training_job(**jobs.training(s3, "evil", evil))
    job = jobs.ended(sagemaker, "evil")
    assert job["TrainingJobStatus"] == "Failed"
    assert job["FailureReason"].startswith("ClientError")
    assert "../evil.txt" in job["FailureReason"]


def test_a_stopped_job_keeps_its_model(s3: Any, sagemaker: Any, boto: Boto) -> None:
    script = (
        "import os, signal, sys, time\n"
        "def leave(*_):\n"
        "    open(os.path.join(os.environ['SM_MODEL_DIR'], 'late.txt'), 'w').write('saved on SIGTERM')\n"
        "    sys.exit(0)\n"
        "signal.signal(signal.SIGTERM, leave)\n"
        "print('running', flush=True)\n"
        "while True: time.sleep(0.1)\n"
    )
    sagemaker.create_training_job(**jobs.training(s3, "stopped", script))
    jobs.wait_for_line(boto("logs"), "stopped", "running")
    sagemaker.stop_training_job(TrainingJobName="stopped")
    job = jobs.ended(sagemaker, "stopped")
    assert (job["TrainingJobStatus"], job["SecondaryStatus"]) == ("Stopped", "Stopped")
    model = s3.get_object(Bucket="jobs", Key="out/stopped/output/model.tar.gz")["Body"].read()
    with tarfile.open(fileobj=io.BytesIO(model)) as tar:
        assert tar.getnames() == ["late.txt"]
    with pytest.raises(ClientError, match="rejected because the training job is in status Stopped"):
        sagemaker.stop_training_job(TrainingJobName="stopped")


def test_a_job_that_runs_too_long_is_stopped_and_says_so(s3: Any, sagemaker: Any) -> None:
    request = jobs.training(
        s3, "overdue", "import time\ntime.sleep(60)\n", StoppingCondition={"MaxRuntimeInSeconds": 1}
    )
    sagemaker.create_training_job(**request)
    job = jobs.ended(sagemaker, "overdue")
    assert (job["TrainingJobStatus"], job["SecondaryStatus"]) == ("Stopped", "MaxRuntimeExceeded")


def test_a_job_without_network_reaches_nothing(s3: Any, sagemaker: Any, boto: Boto, studio: Studio) -> None:
    port = studio.url.rpartition(":")[2]
    script = (
        "import socket\n"
        "try:\n"
        f"    socket.create_connection(('127.0.0.1', {port}), 2)\n"
        "    print('reached')\n"
        "except OSError as error:\n"
        "    print('refused')\n"
    )
    request = jobs.training(s3, "isolated", script, EnableNetworkIsolation=True)
    sagemaker.create_training_job(**request)
    job = jobs.ended(sagemaker, "isolated")
    if job["TrainingJobStatus"] == "Failed":  # no sandbox on this machine: then it says so, with the way out
        assert "isolat" in job["FailureReason"]
        assert "bubblewrap" in job["FailureReason"]
    else:
        assert "refused" in jobs.log_lines(boto("logs"), "isolated")


def test_a_script_has_the_rights_of_its_role_while_it_runs(s3: Any, sagemaker: Any, boto: Boto) -> None:
    script = (
        "import json, os, urllib.request\n"
        "request = urllib.request.Request(os.environ['AWS_CONTAINER_CREDENTIALS_FULL_URI'],\n"
        "    headers={'Authorization': os.environ['AWS_CONTAINER_AUTHORIZATION_TOKEN']})\n"
        "print(json.dumps(json.load(urllib.request.urlopen(request))))\n"
    )
    sagemaker.create_training_job(**jobs.training(s3, "rights", script))
    assert jobs.ended(sagemaker, "rights")["TrainingJobStatus"] == "Completed"
    line = next(text for text in jobs.log_lines(boto("logs"), "rights") if text.startswith("{"))
    import json

    keys = json.loads(line)
    assert keys["RoleArn"] == jobs.ROLE
    after = boto(
        "sts",
        aws_access_key_id=keys["AccessKeyId"],
        aws_secret_access_key=keys["SecretAccessKey"],
        aws_session_token=keys["Token"],
    )
    with pytest.raises(ClientError, match="InvalidClientTokenId"):  # void: the task has ended
        after.get_caller_identity()


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"RoleArn": "arn:aws:iam::000000000000:role/nobody"}, "nobody"),
        ({"OutputDataConfig": {"S3OutputPath": "s3://not-there/out"}}, "not-there"),
        ({"TrainingJobName": "bad_name"}, "Member must satisfy regular expression pattern"),
        (
            {"AlgorithmSpecification": {"TrainingImage": "me/unknown:1", "TrainingInputMode": "File"}},
            "no image of the repository 'me/unknown'; it has: autogluon-training, ",
        ),
        (
            {
                "InputDataConfig": [
                    {
                        "ChannelName": "x",
                        "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": "s3://jobs/none/"}},
                    }
                ]
            },
            "No S3 objects found under S3 URL",
        ),
        ({"RemoteDebugConfig": {"EnableRemoteDebug": True}}, "RemoteDebugConfig is not served yet"),
    ],
    ids=["role", "bucket", "name", "image", "channel", "debug"],
)
def test_what_cannot_work_is_refused_at_once(s3: Any, sagemaker: Any, change: dict[str, Any], text: str) -> None:
    with pytest.raises(ClientError) as error:
        sagemaker.create_training_job(**{**jobs.training(s3, "refused", SCRIPT), **change})
    assert text in str(error.value)


def test_a_name_is_used_once_and_free_after_deletion(s3: Any, sagemaker: Any, studio: Studio) -> None:
    request = jobs.training(s3, "twice", "print('x')")
    sagemaker.create_training_job(**request)
    with pytest.raises(sagemaker.exceptions.ResourceInUse, match="must be unique"):
        sagemaker.create_training_job(**request)
    jobs.ended(sagemaker, "twice")
    sagemaker.delete_training_job(TrainingJobName="twice")
    with pytest.raises(ClientError, match="Requested resource not found"):
        sagemaker.describe_training_job(TrainingJobName="twice")
    until(lambda: not list((studio.data / "tasks/training").glob("*/twice-*")))  # its code goes with it


def test_lists_join_to_the_whole(s3: Any, sagemaker: Any) -> None:
    for number in range(3):
        sagemaker.create_training_job(**jobs.training(s3, f"listed-{number}", "print('x')"))
    pages = sagemaker.get_paginator("list_training_jobs").paginate(
        NameContains="LISTED", SortBy="Name", SortOrder="Ascending", PaginationConfig={"PageSize": 2}
    )
    names = [[job["TrainingJobName"] for job in page["TrainingJobSummaries"]] for page in pages]
    assert names == [["listed-0", "listed-1"], ["listed-2"]]
    for number in range(3):
        jobs.ended(sagemaker, f"listed-{number}")
