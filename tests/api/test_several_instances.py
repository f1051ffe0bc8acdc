"""Training on several instances: hosts that reach each other by name, each with its share, and one result."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests import jobs
from tests.conftest import Studio

pytestmark = pytest.mark.slow

Boto = Callable[..., Any]


@pytest.fixture(scope="module")
def s3(studio: Studio) -> Any:
    client = studio.client("s3")
    jobs.prepare(client)
    for number in range(5):
        client.put_object(Bucket=jobs.BUCKET, Key=f"parts/{number}.csv", Body=b"1\n")
    return client


def on(count: int) -> dict[str, Any]:
    return {"ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": count, "VolumeSizeInGB": 1}}


def channel(name: str, prefix: str, **source: Any) -> dict[str, Any]:
    place = {"S3DataType": "S3Prefix", "S3Uri": f"s3://{jobs.BUCKET}/{prefix}", **source}
    return {"ChannelName": name, "DataSource": {"S3DataSource": place}}


def lines_of(logs: Any, name: str) -> dict[str, list[str]]:
    """What each host wrote."""
    group = "/aws/sagemaker/TrainingJobs"
    found = {}
    for stream in logs.describe_log_streams(logGroupName=group, logStreamNamePrefix=f"{name}/")["logStreams"]:
        page = logs.get_log_events(logGroupName=group, logStreamName=stream["logStreamName"], startFromHead=True)
        host = stream["logStreamName"].removeprefix(f"{name}/").rpartition("-")[0]
        found[host] = [event["message"] for event in page["events"]]
    return found


def said(logs: Any, name: str) -> dict[str, Any]:
    """The JSON object that each host printed."""
    return {
        host: json.loads(next(line for line in lines if line.startswith("{")))
        for host, lines in lines_of(logs, name).items()
    }


def members(s3: Any, key: str) -> dict[str, bytes]:
    content = s3.get_object(Bucket=jobs.BUCKET, Key=key)["Body"].read()
    with tarfile.open(fileobj=io.BytesIO(content)) as tar:
        return {m.name: tar.extractfile(m).read() for m in tar if m.isfile()}  # type: ignore[union-attr]


RING = """
import json, os, socket, threading
hosts, own = json.loads(os.environ["SM_HOSTS"]), os.environ["SM_CURRENT_HOST"]
server = socket.create_server((own, 4700))
heard = []
def listen():
    for _ in hosts[1:]:
        connection, _ = server.accept()
        heard.append(connection.makefile().readline().strip())
thread = threading.Thread(target=listen)
thread.start()
for other in hosts:
    while other != own:
        try:
            socket.create_connection((other, 4700), 5).sendall(own.encode() + b"\\n")
            break
        except ConnectionRefusedError:
            pass
thread.join()
print(json.dumps({"heard": sorted(heard), "name": socket.gethostname()}))
open(os.environ["SM_MODEL_DIR"] + "/" + own, "w").write(own)
open(os.environ["SM_MODEL_DIR"] + "/same", "w").write(own)
open(os.environ["SM_OUTPUT_DATA_DIR"] + "/" + own + ".txt", "w").write(own)
"""


@pytest.mark.parametrize("isolated", [False, True])
def test_hosts_reach_each_other_and_make_one_model(
    studio: Studio, s3: Any, sagemaker: Any, boto: Boto, isolated: bool
) -> None:
    name = f"ring-{isolated}".lower()
    sagemaker.create_training_job(**jobs.training(s3, name, RING, EnableNetworkIsolation=isolated, **on(3)))
    job = jobs.ended(sagemaker, name)
    if job["TrainingJobStatus"] == "Failed" and "sandbox" in job["FailureReason"]:
        pytest.skip(job["FailureReason"])
    assert job["TrainingJobStatus"] == "Completed", job["FailureReason"]
    assert said(boto("logs"), name) == {
        "algo-1": {"heard": ["algo-2", "algo-3"], "name": "algo-1"},
        "algo-2": {"heard": ["algo-1", "algo-3"], "name": "algo-2"},
        "algo-3": {"heard": ["algo-1", "algo-2"], "name": "algo-3"},
    }
    told = studio.clary("logs", name, "--data", str(studio.data)).stdout.splitlines()
    assert sum(line.startswith("algo-2: {") for line in told) == 1
    model = members(s3, f"out/{name}/output/model.tar.gz")
    assert model.keys() == {"algo-1", "algo-2", "algo-3", "same"}
    assert members(s3, f"out/{name}/output/output.tar.gz").keys() == {"algo-1.txt", "algo-2.txt", "algo-3.txt"}


SEEN = """
import json, os
channels = {name: sorted(os.listdir(os.environ["SM_CHANNEL_" + name.upper()]))
            for name in json.loads(os.environ["SM_CHANNELS"])}
print(json.dumps({"channels": channels, **{name: json.loads(os.environ["SM_" + name]) for name in
      ("INSTANCE_GROUPS", "INSTANCE_GROUPS_DICT", "CURRENT_INSTANCE_GROUP_HOSTS", "HOSTS", "IS_HETERO")},
      "group": os.environ["SM_CURRENT_INSTANCE_GROUP"], "type": os.environ["SM_CURRENT_INSTANCE_TYPE"]}))
"""


def test_sharded_data_is_dealt_and_some_hosts_may_get_none(s3: Any, sagemaker: Any, boto: Boto) -> None:
    sharded = channel("parts", "parts/", S3DataDistributionType="ShardedByS3Key")
    few = channel("few", "parts/0.csv", S3DataDistributionType="ShardedByS3Key")
    whole = channel("whole", "parts/")
    request = jobs.training(s3, "sharded", SEEN, InputDataConfig=[sharded, few, whole], **on(2))
    sagemaker.create_training_job(**request)
    job = jobs.ended(sagemaker, "sharded")
    assert job["TrainingJobStatus"] == "Completed", job["FailureReason"]
    seen = {host: found["channels"] for host, found in said(boto("logs"), "sharded").items()}
    everything = [f"{number}.csv" for number in range(5)]
    assert sorted(seen["algo-1"]["parts"] + seen["algo-2"]["parts"]) == everything
    assert {len(found["parts"]) for found in seen.values()} == {2, 3}
    assert [found["few"] for found in seen.values()] == [["0.csv"], []]
    assert [found["whole"] for found in seen.values()] == [everything, everything]


PIPED = """
import json
print(json.dumps({"epochs": [open(f"/opt/ml/input/data/parts_{epoch}").read().split() for epoch in range(4)]}))
"""


def test_a_shuffled_pipe_is_dealt_anew_for_each_epoch(s3: Any, sagemaker: Any, boto: Boto) -> None:
    names = [f"part-{number}" for number in range(7)]
    for name in names:
        s3.put_object(Bucket=jobs.BUCKET, Key=f"dealt/{name}", Body=f"{name}\n".encode())
    sharded = channel("parts", "dealt/", S3DataDistributionType="ShardedByS3Key")
    sharded |= {"InputMode": "Pipe", "ShuffleConfig": {"Seed": 11}}
    sagemaker.create_training_job(**jobs.training(s3, "dealt", PIPED, InputDataConfig=[sharded], **on(2)))
    job = jobs.ended(sagemaker, "dealt")
    assert job["TrainingJobStatus"] == "Completed", job["FailureReason"]
    one, two = (found["epochs"] for found in said(boto("logs"), "dealt").values())
    assert all(sorted(a + b) == names for a, b in zip(one, two, strict=True))
    assert len({tuple(sorted(epoch)) for epoch in one}) > 1


GROUPS = [
    {"InstanceGroupName": "small", "InstanceType": "ml.c5.xlarge", "InstanceCount": 2},
    {"InstanceGroupName": "large", "InstanceType": "ml.m5.2xlarge", "InstanceCount": 1},
]


def test_groups_have_types_and_channels_of_their_own(s3: Any, sagemaker: Any, boto: Boto) -> None:
    mine = channel("mine", "parts/", InstanceGroupNames=["small"], S3DataDistributionType="ShardedByS3Key")
    both = channel("both", "in/a", InstanceGroupNames=["small", "large"])
    resources = {"ResourceConfig": {"InstanceGroups": GROUPS, "VolumeSizeInGB": 1}}
    sagemaker.create_training_job(**jobs.training(s3, "groups", SEEN, InputDataConfig=[mine, both], **resources))
    job = jobs.ended(sagemaker, "groups")
    assert job["TrainingJobStatus"] == "Completed", job["FailureReason"]
    assert job["ResourceConfig"]["InstanceGroups"] == GROUPS
    seen = said(boto("logs"), "groups")
    assert {host: (found["group"], found["type"]) for host, found in seen.items()} == {
        "algo-1": ("small", "ml.c5.xlarge"),
        "algo-2": ("small", "ml.c5.xlarge"),
        "algo-3": ("large", "ml.m5.2xlarge"),
    }
    assert [found["CURRENT_INSTANCE_GROUP_HOSTS"] for found in seen.values()] == [
        ["algo-1", "algo-2"],
        ["algo-1", "algo-2"],
        ["algo-3"],
    ]
    assert all(found["HOSTS"] == ["algo-1", "algo-2", "algo-3"] and found["IS_HETERO"] for found in seen.values())
    assert [sorted(found["channels"]) for found in seen.values()] == [["both", "mine"], ["both", "mine"], ["both"]]
    assert sorted(len(found["channels"].get("mine", [])) for found in seen.values()) == [0, 2, 3]


def test_one_host_that_fails_ends_the_job_and_is_named(s3: Any, sagemaker: Any, boto: Boto) -> None:
    script = (
        "import os, sys, time\nif os.environ['SM_CURRENT_HOST'] == 'algo-2':\n    sys.exit('the second one is broken')\n"
        "print('waits', flush=True)\ntime.sleep(600)\n"
    )
    sagemaker.create_training_job(**jobs.training(s3, "one-fails", script, **on(2)))
    job = jobs.ended(sagemaker, "one-fails")
    assert job["TrainingJobStatus"] == "Failed"
    assert "the second one is broken" in job["FailureReason"]
    assert job["FailureReason"].endswith("exit code: 1, on algo-2")


def test_stopping_stops_every_host(s3: Any, sagemaker: Any, boto: Boto) -> None:
    script = (
        "import os, signal, sys, time\nown = os.environ['SM_CURRENT_HOST']\n"
        "def leave(*_):\n    open(os.environ['SM_MODEL_DIR'] + '/' + own, 'w').close()\n    sys.exit(0)\n"
        "signal.signal(signal.SIGTERM, leave)\nprint('{}', flush=True)\nwhile True: time.sleep(0.1)\n"
    )
    sagemaker.create_training_job(**jobs.training(s3, "all-stop", script, **on(2)))
    logs = boto("logs")
    while True:
        try:
            if len(said(logs, "all-stop")) == 2:
                break
        except (ClientError, StopIteration):
            pass
    sagemaker.stop_training_job(TrainingJobName="all-stop")
    assert jobs.ended(sagemaker, "all-stop")["TrainingJobStatus"] == "Stopped"
    assert members(s3, "out/all-stop/output/model.tar.gz").keys() == {"algo-1", "algo-2"}


@pytest.mark.parametrize(
    ("resources", "text"),
    [
        ({"InstanceType": "ml.m5.large", "InstanceCount": 0}, "InstanceCount must be at least 1"),
        ({"InstanceType": "ml.m5.large", "InstanceCount": 21}, "CLARY_INSTANCES raises it"),
        ({"InstanceType": "ml.m5.large"}, "needs InstanceType and InstanceCount"),
        ({"InstanceGroups": GROUPS, "InstanceType": "ml.m5.large"}, "has InstanceGroups and InstanceType"),
        ({"InstanceGroups": [GROUPS[0], GROUPS[0]]}, "same InstanceGroupName"),
    ],
)
def test_instances_that_cannot_be_are_refused(s3: Any, sagemaker: Any, resources: dict[str, Any], text: str) -> None:
    request = jobs.training(s3, "refused", SEEN, ResourceConfig={"VolumeSizeInGB": 1, **resources})
    with pytest.raises(ClientError, match=text):
        sagemaker.create_training_job(**request)


def test_a_launcher_that_is_not_there_is_refused_by_its_name(s3: Any, sagemaker: Any) -> None:
    request = jobs.training(s3, "refused", SEEN, hyperparameters={"sagemaker_mpi_enabled": "true"})
    with pytest.raises(ClientError, match=r"distribution mpi .* is not served yet: torch_distributed is"):
        sagemaker.create_training_job(**request)


def test_a_channel_of_a_group_that_is_not_there_is_refused(s3: Any, sagemaker: Any) -> None:
    bound = channel("x", "parts/", InstanceGroupNames=["nobody"])
    with pytest.raises(ClientError, match="names the instance group 'nobody'"):
        sagemaker.create_training_job(**jobs.training(s3, "refused", SEEN, InputDataConfig=[bound]))
