"""What a host of a processing job sees, and what is read of what it left."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from clary.context import Context
from clary.engines.base import Mount
from clary.guarded_buckets import GuardedBuckets
from clary.jobs import processing_files
from clary.jobs.instances import Host
from clary.store.base import Record

HOSTS = [Host("algo-1", "ml.m5.large"), Host("algo-2", "ml.m5.large")]


@pytest.fixture
def buckets(context: Context) -> GuardedBuckets:
    context.buckets.create_bucket("ward")
    for key in ("in/a", "in/b", "in/c", "code/sourcedir.tar.gz"):
        context.buckets.put_bytes(f"s3://ward/{key}", key.encode())
    return context.own_buckets


def source(name: str, uri: str, path: str, **given: Any) -> dict[str, Any]:
    defaults = {"S3DataType": "S3Prefix", "S3DataDistributionType": "FullyReplicated"}
    return {"InputName": name, "AppManaged": False, "S3Input": {"S3Uri": uri, "LocalPath": path, **defaults, **given}}


def output(path: str, mode: str = "EndOfJob", **given: Any) -> dict[str, Any]:
    target = {"S3Uri": "s3://ward/out/", "LocalPath": path, "S3UploadMode": mode}
    return {"OutputName": path, "AppManaged": False, "S3Output": target, **given}


def job(*inputs: dict[str, Any], outputs: list[dict[str, Any]] | None = None) -> Record:
    cluster = {"InstanceType": "ml.m5.large", "InstanceCount": 2, "VolumeSizeInGB": 1}
    body = {
        "ProcessingJobArn": "arn",
        "ProcessingInputs": list(inputs),
        "ProcessingOutputConfig": {"Outputs": outputs or []},
        "ProcessingResources": {"ClusterConfig": cluster},
        "AppSpecification": {"ImageUri": "image"},
        "RoleArn": "role",
        "StoppingCondition": {"MaxRuntimeInSeconds": 60},
    }
    return Record(kind="ProcessingJob", name="job", body=body)


def test_inputs_and_outputs_are_folders_of_their_own(buckets: GuardedBuckets, tmp_path: Path) -> None:
    base, host = "/opt/ml/processing", tmp_path / "algo-2"
    code = source("code", "s3://ward/code/sourcedir.tar.gz", f"{base}/in/code/")
    wanted = job(
        source("rows", "s3://ward/in/", f"{base}/in"), code, outputs=[output(f"{base}/out/"), output("/results")]
    )
    mounts = processing_files.lay_out(buckets, wanted, HOSTS, HOSTS[1], host)
    assert mounts == [
        Mount(host / "inputs/0/processing/in", f"{base}/in", writable=True),
        Mount(host / "inputs/1/processing/in/code", f"{base}/in/code", writable=True),
        Mount(host / "outputs/0", f"{base}/out", writable=True),
        Mount(host / "outputs/1", "/results", writable=True),
    ]
    assert sorted(path.name for path in mounts[0].source.iterdir()) == ["a", "b", "c"]
    assert (host / processing_files.SOURCE_ARCHIVE).read_bytes() == b"code/sourcedir.tar.gz"
    resources = json.loads((host / "ml/config/resourceconfig.json").read_text())
    assert resources == {"current_host": "algo-2", "hosts": ["algo-1", "algo-2"]}
    config = json.loads((host / "ml/config/processingjobconfig.json").read_text())
    assert config["AppSpecification"] == {"ContainerEntrypoint": None, "ContainerArguments": None, "ImageUri": "image"}
    processing_files.remove(host)
    assert sorted(path.name for path in host.iterdir()) == ["ml"]


def test_hosts_share_an_input_that_is_sharded(buckets: GuardedBuckets, tmp_path: Path) -> None:
    sharded = source("rows", "s3://ward/in/", "/opt/ml/processing/in", S3DataDistributionType="ShardedByS3Key")
    found = []
    for host in HOSTS:
        (mount,) = processing_files.lay_out(buckets, job(sharded), HOSTS, host, tmp_path / host.name)
        found.append(sorted(path.name for path in mount.source.iterdir()))
    assert found == [["a", "c"], ["b"]]


def test_what_the_program_manages_is_left_to_it(buckets: GuardedBuckets, tmp_path: Path) -> None:
    own = {**source("rows", "s3://ward/in/", "/opt/ml/processing/in"), "AppManaged": True}
    wanted = job(own, outputs=[output("/results", AppManaged=True)])
    assert processing_files.lay_out(buckets, wanted, HOSTS, HOSTS[0], tmp_path) == []
    assert processing_files.outputs(wanted) == []


def test_a_message_is_found_where_the_program_wrote_it(tmp_path: Path) -> None:
    """Below an output that takes the folder's place, too."""
    (tmp_path / "ml/output").mkdir(parents=True)
    (tmp_path / "ml/output/message").write_text("plain")
    assert processing_files.exit_message(job(), [tmp_path]) == "plain"
    (tmp_path / "outputs/0").mkdir(parents=True)
    (tmp_path / "outputs/0/message").write_text("kept")
    assert processing_files.exit_message(job(outputs=[output("/opt/ml/output")]), [tmp_path]) == "kept"
