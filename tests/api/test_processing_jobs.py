"""Processing jobs by boto3: they really run, and what they leave is where the request says."""

from __future__ import annotations

import io
import json
import time
import zipfile
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests import jobs, processing
from tests.conftest import Studio
from tests.refusals import refused

pytestmark = pytest.mark.slow

Boto = Callable[..., Any]


def run(sagemaker: Any, request: dict[str, Any]) -> dict[str, Any]:
    sagemaker.create_processing_job(**request)
    return processing.ended(sagemaker, request["ProcessingJobName"])


def keys(s3: Any, prefix: str) -> dict[str, bytes]:
    found = s3.list_objects_v2(Bucket=jobs.BUCKET, Prefix=prefix).get("Contents", [])
    return {
        each["Key"].removeprefix(prefix): s3.get_object(Bucket=jobs.BUCKET, Key=each["Key"])["Body"].read()
        for each in found
    }


SCRIPT = """
import json, os, pathlib, sys
print("arguments", sys.argv[1:], os.environ["MODE"])
base = pathlib.Path("/opt/ml/processing")
print("files", sorted(str(path.relative_to(base)) for path in base.rglob("*") if path.is_file()))
out = base / "output/train"
(out / "deep").mkdir()
(out / "rows.csv").write_text((base / "input/data/a.csv").read_text().upper())
(out / "deep/empty").write_text("")
(out / "link").symlink_to("/etc/passwd")
pathlib.Path("/results/own.txt").write_text("elsewhere")
for name in ("processingjobconfig", "resourceconfig"):
    print(name, json.dumps(json.load(open(f"/opt/ml/config/{name}.json"))))
pathlib.Path("/opt/ml/output/message").write_text("two rows é")
"""


def test_a_job_reads_its_inputs_and_leaves_its_outputs(s3: Any, sagemaker: Any, boto: Boto) -> None:
    request = processing.request(
        s3,
        "whole",
        SCRIPT,
        inputs=[
            processing.s3_input("data", "s3://jobs/in/", "/opt/ml/processing/input/data"),
            processing.s3_input("large", "s3://jobs/large/", "/opt/ml/processing/input"),  # around the others
        ],
        outputs=[
            processing.output("train", "s3://jobs/whole/train/", "/opt/ml/processing/output/train"),
            processing.output("own", "s3://jobs/whole/own", "/results"),
        ],
        Environment={"MODE": "fast"},
        app={"ContainerArguments": ["--ratio", "0.2"]},
        Tags=[{"Key": "team", "Value": "ward"}],
    )
    s3.put_object(Bucket=jobs.BUCKET, Key="large/x.bin", Body=bytes(2 << 20))
    arn = "arn:aws:sagemaker:us-east-1:000000000000:processing-job/whole"
    assert sagemaker.create_processing_job(**request)["ProcessingJobArn"] == arn
    job = processing.ended(sagemaker, "whole")
    assert job["ProcessingJobStatus"] == "Completed", job.get("FailureReason")
    assert job["ExitMessage"] == "two rows é"
    assert job["ProcessingEndTime"] >= job["ProcessingStartTime"] >= job["CreationTime"]
    assert job["ProcessingInputs"][1]["S3Input"]["S3DataDistributionType"] == "FullyReplicated"
    assert keys(s3, "whole/") == {"train/rows.csv": b"1,2\n3,4\n", "train/deep/empty": b"", "own/own.txt": b"elsewhere"}
    lines = processing.lines(boto("logs"), "whole")
    assert "arguments ['--ratio', '0.2'] fast" in lines
    assert "files ['input/code/script.py', 'input/data/a.csv', 'input/data/deep/b.csv', 'input/x.bin']" in lines
    told = {line.split()[0]: json.loads(line.split(" ", 1)[1]) for line in lines if "config {" in line}
    assert told["resourceconfig"] == {"current_host": "algo-1", "hosts": ["algo-1"]}
    config = told["processingjobconfig"]
    assert (config["ProcessingJobArn"], config["ProcessingJobName"]) == (arn, "whole")
    assert config["ProcessingInputs"][0]["S3Input"]["S3DownloadMode"] == "StartOfJob"
    assert config["ProcessingOutputConfig"]["KmsKeyId"] is None
    assert sagemaker.list_tags(ResourceArn=arn)["Tags"] == [{"Key": "team", "Value": "ward"}]


def test_a_script_that_fails_tells_its_last_words_and_leaves_no_output(s3: Any, sagemaker: Any) -> None:
    script = (
        "import pathlib, sys\n"
        "pathlib.Path('/opt/ml/processing/out/half.csv').write_text('half')\n"
        "pathlib.Path('/opt/ml/output/message').write_text('bad rows')\n"
        "sys.exit('no such column: dose')\n"
    )
    outputs = [processing.output("out", "s3://jobs/fails", "/opt/ml/processing/out")]
    job = run(sagemaker, processing.request(s3, "fails", script, outputs=outputs))
    assert job["ProcessingJobStatus"] == "Failed"
    assert job["FailureReason"] == "AlgorithmError: no such column: dose, exit code: 1"
    assert job["ExitMessage"] == "bad rows"
    assert keys(s3, "fails/") == {}


def test_continuous_outputs_are_there_while_the_job_runs(s3: Any, sagemaker: Any, boto: Boto) -> None:
    script = (
        "import pathlib, time\n"
        "out = pathlib.Path('/opt/ml/processing/out')\n"
        "(out / 'first.txt').write_text('first')\n"
        "go = pathlib.Path('/opt/ml/processing/out/first.txt')\n"
        "print('written', flush=True)\n"
        "time.sleep(4)\n"
        "(out / 'first.txt').write_text('first, again')\n"
        "(out / 'last.txt').write_text('last')\n"
        "raise SystemExit(1)\n"
    )
    outputs = [processing.output("out", "s3://jobs/flow", "/opt/ml/processing/out", "Continuous")]
    sagemaker.create_processing_job(**processing.request(s3, "flow", script, outputs=outputs))
    deadline = time.monotonic() + 90
    while not (there := keys(s3, "flow/")) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert there == {"first.txt": b"first"}
    assert sagemaker.describe_processing_job(ProcessingJobName="flow")["ProcessingJobStatus"] == "InProgress"
    assert processing.ended(sagemaker, "flow")["ProcessingJobStatus"] == "Failed"
    assert keys(s3, "flow/") == {"first.txt": b"first, again", "last.txt": b"last"}


def test_outputs_are_encrypted_under_the_key_that_is_named(s3: Any, sagemaker: Any) -> None:
    config = {
        "Outputs": [processing.output("out", "s3://jobs/sealed", "/opt/ml/processing/out")],
        "KmsKeyId": "alias/aws/s3",
    }
    script = "open('/opt/ml/processing/out/x', 'w').write('secret')"
    job = run(sagemaker, processing.request(s3, "sealed", script, ProcessingOutputConfig=config))
    assert job["ProcessingJobStatus"] == "Completed", job.get("FailureReason")
    head = s3.head_object(Bucket=jobs.BUCKET, Key="sealed/x")
    assert head["ServerSideEncryption"] == "aws:kms"
    assert keys(s3, "sealed/") == {"x": b"secret"}


def test_a_message_that_is_no_text_fails_the_job(s3: Any, sagemaker: Any) -> None:
    script = "open('/opt/ml/output/message', 'wb').write(b'caf\\xe9 closed')"
    job = run(sagemaker, processing.request(s3, "latin", script))
    assert job["ProcessingJobStatus"] == "Failed"
    assert job["FailureReason"].startswith("ClientError: /opt/ml/output/message is not UTF-8: the byte 0xe9 at 3")


def test_a_message_is_cut_to_a_kilobyte_between_characters(s3: Any, sagemaker: Any) -> None:
    script = "open('/opt/ml/output/message', 'w', encoding='utf-8').write('a' + 'é' * 5000)"
    job = run(sagemaker, processing.request(s3, "longmessage", script))
    assert job["ExitMessage"] == "a" + "é" * 511


def test_a_message_that_leads_out_of_the_job_is_none(s3: Any, sagemaker: Any) -> None:
    script = "import os; os.symlink('/etc/passwd', '/opt/ml/output/message')"
    assert "ExitMessage" not in run(sagemaker, processing.request(s3, "linked", script))


def test_a_stopped_job_gets_its_signal_and_stores_nothing_at_its_end(s3: Any, sagemaker: Any, boto: Boto) -> None:
    script = (
        "import pathlib, signal, sys, time\n"
        "def leave(*_):\n"
        "    pathlib.Path('/opt/ml/output/message').write_text('stopped in time')\n"
        "    sys.exit(0)\n"
        "signal.signal(signal.SIGTERM, leave)\n"
        "pathlib.Path('/opt/ml/processing/out/half').write_text('half')\n"
        "print('running', flush=True)\n"
        "while True: time.sleep(0.1)\n"
    )
    outputs = [processing.output("out", "s3://jobs/stopped", "/opt/ml/processing/out")]
    sagemaker.create_processing_job(**processing.request(s3, "stopped", script, outputs=outputs))
    jobs.wait_for_line(boto("logs"), "stopped", "running", processing.GROUP)
    sagemaker.stop_processing_job(ProcessingJobName="stopped")
    job = processing.ended(sagemaker, "stopped")
    assert (job["ProcessingJobStatus"], job["ExitMessage"]) == ("Stopped", "stopped in time")
    assert keys(s3, "stopped/") == {}
    with pytest.raises(ClientError, match="rejected because the processing job is in status Stopped"):
        sagemaker.stop_processing_job(ProcessingJobName="stopped")


def test_a_job_that_runs_too_long_is_stopped_and_says_so(s3: Any, sagemaker: Any) -> None:
    request = processing.request(
        s3, "overdue", "import time\ntime.sleep(60)\n", StoppingCondition={"MaxRuntimeInSeconds": 1}
    )
    job = run(sagemaker, request)
    assert job["ProcessingJobStatus"] == "Stopped"
    assert "MaxRuntimeInSeconds, 1" in job["FailureReason"]


def test_the_command_line_shows_jobs_and_their_logs(s3: Any, sagemaker: Any, studio: Studio) -> None:
    run(sagemaker, processing.request(s3, "shown", "print('to be seen')\nraise SystemExit('no luck')"))
    data = ("--data", str(studio.data))
    assert "to be seen" in studio.clary("logs", "shown", "--follow", *data).stdout.splitlines()
    status = studio.clary("status", *data).stdout
    assert "Processing jobs" in status
    assert "no luck" in " ".join(status.split())


def test_arguments_alone_are_the_program_of_an_image_without_one(s3: Any, sagemaker: Any, boto: Boto) -> None:
    request = processing.request(s3, "words", "")
    request["AppSpecification"] = {"ImageUri": jobs.IMAGE, "ContainerArguments": ["/bin/echo", "by arguments"]}
    del request["ProcessingResources"]["ClusterConfig"]["InstanceCount"]  # it is 1 then
    job = run(sagemaker, request)
    assert (job["ProcessingJobStatus"], job["ProcessingResources"]["ClusterConfig"]["InstanceCount"]) == (
        "Completed",
        1,
    )
    assert processing.lines(boto("logs"), "words")[-1] == "by arguments"


def test_a_program_that_is_not_there_is_named(s3: Any, sagemaker: Any) -> None:
    job = run(sagemaker, processing.request(s3, "nothing", "", app={"ContainerEntrypoint": ["spark-submit"]}))
    assert job["ProcessingJobStatus"] == "Failed"
    assert "the entrypoint 'spark-submit' cannot be run: No such file or directory" in job["FailureReason"]


def test_the_search_path_of_the_job_stands_before_the_images(s3: Any, sagemaker: Any, boto: Boto) -> None:
    s3.put_object(Bucket=jobs.BUCKET, Key="own/mine.py", Body=b"WORD = 'mine'")
    folder = "/opt/ml/processing/input/own"
    request = processing.request(
        s3,
        "paths",
        "import mine, sklearn; print(mine.WORD)",
        inputs=[processing.s3_input("own", "s3://jobs/own/", folder)],
        Environment={"PYTHONPATH": folder},
    )
    assert run(sagemaker, request)["ProcessingJobStatus"] == "Completed"
    assert "mine" in processing.lines(boto("logs"), "paths")


def test_a_script_may_install_packages(s3: Any, sagemaker: Any, boto: Boto) -> None:
    wheel = io.BytesIO()
    with zipfile.ZipFile(wheel, "w") as file:
        file.writestr("beds.py", "COUNT = 12")
        file.writestr("beds-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: beds\nVersion: 1.0\n")
        file.writestr("beds-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        file.writestr(
            "beds-1.0.dist-info/RECORD", "beds.py,,\nbeds-1.0.dist-info/METADATA,,\nbeds-1.0.dist-info/WHEEL,,\n"
        )
    s3.put_object(Bucket=jobs.BUCKET, Key="wheels/beds-1.0-py3-none-any.whl", Body=wheel.getvalue())
    script = (
        "import subprocess, sys\n"
        "wheel = '/opt/ml/processing/wheels/beds-1.0-py3-none-any.whl'\n"
        "subprocess.run([sys.executable, '-m', 'pip', 'install', '--no-index', wheel], check=True)\n"
        "subprocess.run(['pip', 'install', '--no-index', 'beds', 'scikit-learn'], check=True)\n"
        "import beds; print('beds', beds.COUNT)\n"
    )
    wheels = processing.s3_input("wheels", "s3://jobs/wheels/", "/opt/ml/processing/wheels")
    job = run(sagemaker, processing.request(s3, "installs", script, inputs=[wheels]))
    assert job["ProcessingJobStatus"] == "Completed", job.get("FailureReason")
    assert "beds 12" in processing.lines(boto("logs"), "installs")


def test_a_job_without_network_reaches_nothing(s3: Any, sagemaker: Any, boto: Boto, studio: Studio) -> None:
    port = studio.url.rpartition(":")[2]
    script = (
        "import socket\n"
        "try:\n"
        f"    socket.create_connection(('127.0.0.1', {port}), 2)\n"
        "    print('reached')\n"
        "except OSError:\n"
        "    print('refused')\n"
    )
    request = processing.request(s3, "isolated", script, NetworkConfig={"EnableNetworkIsolation": True})
    job = run(sagemaker, request)
    if job["ProcessingJobStatus"] == "Failed":  # no sandbox on this machine: then it says so, with the way out
        assert "bubblewrap" in job["FailureReason"]
    else:
        assert "refused" in processing.lines(boto("logs"), "isolated")


MEETING = """
import json, pathlib, socket, time
config = json.load(open("/opt/ml/config/resourceconfig.json"))
own, first = config["current_host"], config["hosts"][0]
if own == first:
    server = socket.create_server((own, 4800))
    greetings = sorted(server.accept()[0].makefile().readline() for _ in config["hosts"][1:])
    print("met", greetings)
else:
    while True:
        try:
            socket.create_connection((first, 4800)).sendall(own.encode())
            break
        except ConnectionRefusedError:
            time.sleep(0.05)
files = sorted(path.name for path in pathlib.Path("/opt/ml/processing/input/parts").iterdir())
print("files", files)
pathlib.Path(f"/opt/ml/processing/out/{own}.txt").write_text(" ".join(files))
pathlib.Path("/opt/ml/output/message").write_text(f"{own};")
"""


def test_several_instances_meet_share_the_input_and_store_together(s3: Any, sagemaker: Any, boto: Boto) -> None:
    for number in range(5):
        s3.put_object(Bucket=jobs.BUCKET, Key=f"parts/{number}", Body=b"x")
    sharded = {"S3DataDistributionType": "ShardedByS3Key"}
    request = processing.request(
        s3,
        "several",
        MEETING,
        instances=3,
        inputs=[processing.s3_input("parts", "s3://jobs/parts/", "/opt/ml/processing/input/parts", **sharded)],
        outputs=[processing.output("out", "s3://jobs/several", "/opt/ml/processing/out")],
    )
    job = run(sagemaker, request)
    assert job["ProcessingJobStatus"] == "Completed", job.get("FailureReason")
    assert job["ExitMessage"] == "algo-1;algo-2;algo-3;"
    stored = keys(s3, "several/")
    assert sorted(stored) == ["algo-1.txt", "algo-2.txt", "algo-3.txt"]
    assert sorted(b" ".join(stored.values()).split()) == [b"0", b"1", b"2", b"3", b"4"]
    lines = processing.lines_of_hosts(boto("logs"), "several")
    assert "met ['algo-2', 'algo-3']" in lines["algo-1"]
    assert set(lines) == {"algo-1", "algo-2", "algo-3"}


def test_a_manifest_names_the_files_of_an_input(s3: Any, sagemaker: Any, boto: Boto) -> None:
    names = [{"prefix": "s3://jobs/in/"}, "deep/b.csv"]
    s3.put_object(Bucket=jobs.BUCKET, Key="lists/one.json", Body=json.dumps(names).encode())
    s3.put_object(Bucket=jobs.BUCKET, Key="lists/bad.json", Body=json.dumps([*names, "gone.csv"]).encode())
    script = "import pathlib; print([str(p) for p in pathlib.Path('/opt/ml/processing/data').rglob('*.csv')])"

    def listed(name: str, key: str) -> dict[str, Any]:
        uri = f"s3://jobs/lists/{key}"
        manifest = processing.s3_input("data", uri, "/opt/ml/processing/data", S3DataType="ManifestFile")
        return run(sagemaker, processing.request(s3, name, script, inputs=[manifest]))

    assert listed("by-list", "one.json")["ProcessingJobStatus"] == "Completed"
    assert "['/opt/ml/processing/data/deep/b.csv']" in processing.lines(boto("logs"), "by-list")
    reason = listed("by-bad-list", "bad.json")["FailureReason"]
    assert reason.startswith(
        "ClientError: Data download failed: the manifest s3://jobs/lists/bad.json names in its entry 3"
    )
    assert "s3://jobs/in/gone.csv" in reason


def test_a_job_leaves_a_component_in_its_trial_and_its_lineage(s3: Any, sagemaker: Any) -> None:
    sagemaker.create_experiment(ExperimentName="stays")
    sagemaker.create_trial(TrialName="first-look", ExperimentName="stays")
    config = {"ExperimentName": "stays", "TrialName": "first-look", "TrialComponentDisplayName": "cleaning"}
    outputs = [processing.output("rows", "s3://jobs/traced", "/opt/ml/processing/out")]
    script = "open('/opt/ml/output/message', 'w').write('all read')"
    job = run(sagemaker, processing.request(s3, "traced", script, outputs=outputs, ExperimentConfig=config))
    assert job["ExperimentConfig"] == config
    component = sagemaker.describe_trial_component(TrialComponentName="traced-aws-processing-job")
    assert component["DisplayName"] == "cleaning"
    assert component["Status"]["Message"] == "Status: Completed, exit message: all read, failure reason: null"
    assert component["Parameters"]["SageMaker.InstanceCount"] == {"NumberValue": 1.0}
    assert component["OutputArtifacts"]["rows"]["Value"] == "s3://jobs/traced"
    filters = [{"Name": "Source.SourceArn", "Operator": "Equals", "Value": job["ProcessingJobArn"]}]
    search = sagemaker.search(Resource="ExperimentTrialComponent", SearchExpression={"Filters": filters})
    (found,) = [each["TrialComponent"] for each in search["Results"]]
    assert found["Parents"] == [{"TrialName": "first-look", "ExperimentName": "stays"}]
    assert found["SourceDetail"]["ProcessingJob"]["ProcessingJobName"] == "traced"


def test_one_host_that_fails_ends_all_and_is_named(s3: Any, sagemaker: Any) -> None:
    script = (
        "import json, sys, time\n"
        "if json.load(open('/opt/ml/config/resourceconfig.json'))['current_host'] == 'algo-2': sys.exit('no rows')\n"
        "time.sleep(600)\n"
    )
    job = run(sagemaker, processing.request(s3, "onebad", script, instances=2))
    assert job["ProcessingJobStatus"] == "Failed"
    assert job["FailureReason"] == "AlgorithmError: no rows, exit code: 1, on algo-2"


def test_a_bucket_that_went_away_fails_the_job_by_its_name(s3: Any, sagemaker: Any, boto: Boto) -> None:
    s3.create_bucket(Bucket="shortlived")
    script = (
        "import pathlib, time\n"
        "pathlib.Path('/opt/ml/processing/out/x').write_text('x')\n"
        "print('ready', flush=True)\n"
        "time.sleep(1)\n"
    )
    outputs = [processing.output("out", "s3://shortlived/x", "/opt/ml/processing/out")]
    sagemaker.create_processing_job(**processing.request(s3, "orphan", script, outputs=outputs))
    jobs.wait_for_line(boto("logs"), "orphan", "ready", processing.GROUP)
    s3.delete_bucket(Bucket="shortlived")
    job = processing.ended(sagemaker, "orphan")
    assert job["ProcessingJobStatus"] == "Failed"
    assert job["FailureReason"].startswith("ClientError: Output upload failed:")
    assert "shortlived" in job["FailureReason"]


def test_a_name_is_used_once_and_free_after_deletion(s3: Any, sagemaker: Any) -> None:
    request = processing.request(s3, "twice", "print('x')")
    sagemaker.create_processing_job(**request)
    code, text = refused(sagemaker.create_processing_job, **request)
    assert (code, text.startswith("Job name must be unique")) == ("ResourceInUse", True)
    assert refused(sagemaker.delete_processing_job, ProcessingJobName="twice")[0] == "ResourceInUse"
    processing.ended(sagemaker, "twice")
    sagemaker.delete_processing_job(ProcessingJobName="twice")
    assert refused(sagemaker.describe_processing_job, ProcessingJobName="twice") == (
        "ValidationException",
        "Could not find requested job with name: twice",
    )
    for number in range(2):
        run(sagemaker, processing.request(s3, f"listed-{number}", "print('x')"))
    listed = sagemaker.list_processing_jobs(NameContains="listed", SortBy="Name", SortOrder="Ascending")
    shown = [(job["ProcessingJobName"], job["ProcessingJobStatus"]) for job in listed["ProcessingJobSummaries"]]
    assert shown == [("listed-0", "Completed"), ("listed-1", "Completed")]
