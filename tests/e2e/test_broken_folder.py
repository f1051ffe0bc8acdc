"""A server whose data folder is broken, full or not its own: a clear message, and nothing is made worse."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from tests.conftest import Studio, clean_environment

KEYS = {"AccessKeyId": "AKIAABCDEFGHIJKLMNOP", "SecretAccessKey": "s" * 40}
_CAN_MOUNT = (
    sys.platform.startswith("linux")
    and subprocess.run(["bwrap", "--dev-bind", "/", "/", "--tmpfs", "/mnt", "true"], check=False).returncode == 0
    if Path("/usr/bin/bwrap").exists()
    else False
)
mounts = pytest.mark.skipif(not _CAN_MOUNT, reason="bubblewrap cannot mount here")


@pytest.fixture
def folder(tmp_path: Path, cache: Path) -> Studio:
    return Studio(tmp_path / "data", cache, clean_environment(cache))


def test_an_empty_database_is_not_taken_for_a_new_one(folder: Studio) -> None:
    folder.start()
    s3 = folder.client("s3")
    s3.create_bucket(Bucket="ward")
    s3.put_object(Bucket="ward", Key="scan", Body=b"of a patient")
    folder.stop()
    blobs = sorted(p for p in (folder.data / "objects").rglob("*") if p.is_file())
    (folder.data / "clary.db").rename(folder.data / "away")
    for make in (lambda: None, (folder.data / "clary.db").touch):
        make()
        found = folder.clary("up", "--port", "0", "--data", str(folder.data))
        assert found.returncode == 1
        assert "clary.db is gone or empty" in found.stderr
    (folder.data / "away").rename(folder.data / "clary.db")
    folder.start()
    assert folder.client("s3").get_object(Bucket="ward", Key="scan")["Body"].read() == b"of a patient"
    assert sorted(p for p in (folder.data / "objects").rglob("*") if p.is_file()) == blobs
    folder.stop()


def test_a_damaged_database_stops_the_start_with_the_way_out(folder: Studio) -> None:
    folder.data.mkdir()
    (folder.data / "clary.db").write_bytes(b"no database " * 1000)
    for flags in ([], ["--detach"]):
        found = folder.clary("up", "--port", "0", "--data", str(folder.data), *flags)
        assert found.returncode == 1
        assert "clary.db is damaged" in found.stderr
        assert "Traceback" not in found.stderr
    assert (folder.data / "clary.db").read_bytes() == b"no database " * 1000


def test_a_folder_of_an_older_clary_opens_and_keeps_its_objects(folder: Studio) -> None:
    import sqlite3

    blobs = {"0be83454e699d397a6628990464ed96a": b"of a patient", "0be83454a7d1b823852837329428562a": b"first"}
    for name, content in blobs.items():
        path = folder.data / "objects" / name[-2:] / name
        path.parent.mkdir(parents=True)
        path.write_bytes(content)
    database = sqlite3.connect(folder.data / "clary.db")
    database.executescript((Path(__file__).parents[1] / "unit/store/fixtures/schema_0002.sql").read_text())
    database.close()
    folder.start()
    s3 = folder.client("s3")
    found = s3.get_object(Bucket="ward", Key="scan")
    assert (found["Body"].read(), found["Metadata"]) == (b"of a patient", {"a": "b"})
    (upload,) = s3.list_multipart_uploads(Bucket="ward")["Uploads"]
    (part,) = s3.list_parts(Bucket="ward", Key="long", UploadId=upload["UploadId"])["Parts"]
    parts = {"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]}
    s3.complete_multipart_upload(Bucket="ward", Key="long", UploadId=upload["UploadId"], MultipartUpload=parts)
    assert s3.get_object(Bucket="ward", Key="long")["Body"].read() == b"first"
    assert folder.client("sagemaker").describe_model(ModelName="risk")["PrimaryContainer"]["ModelDataUrl"]
    folder.stop()


@contextmanager
def _mounted(folder: Studio, *mounts: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A server that sees other mounts than this test, and the first line that it says."""
    command = ["bwrap", "--die-with-parent", "--dev-bind", "/", "/", *mounts]
    command += [sys.executable, "-m", "clary", "up", "--port", "0", "--data", str(folder.data)]
    with (folder.data.parent / "log").open("wb") as log:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True, env=folder.environment)
    assert process.stdout is not None
    try:
        yield process, process.stdout.readline()
    finally:
        process.terminate()
        process.communicate(timeout=30)


@mounts
def test_a_read_only_folder_is_told(folder: Studio, tmp_path: Path) -> None:
    folder.data.mkdir()
    with _mounted(folder, "--ro-bind", str(folder.data), str(folder.data)) as (process, line):
        assert line == ""
        assert process.wait(30) == 1
    text = (tmp_path / "log").read_text()
    assert "Read-only file system" in text
    assert "Traceback" not in text


@mounts
def test_a_full_disk_refuses_what_is_new_and_keeps_what_was_acknowledged(folder: Studio, tmp_path: Path) -> None:
    folder.data.mkdir()
    keys = tmp_path / "keys.json"
    keys.write_text(json.dumps(KEYS))
    size = 24 << 20
    bind = ["--size", str(size), "--tmpfs", str(folder.data), "--bind", str(keys), str(folder.data / "keys.json")]
    with _mounted(folder, *bind) as (_, line):
        assert line.startswith("ready ")
        config = Config(retries={"max_attempts": 1}, proxies={})
        client = boto3.Session(KEYS["AccessKeyId"], KEYS["SecretAccessKey"], region_name="us-east-1").client
        url = line.split()[1]
        s3 = client("s3", endpoint_url=url, config=config)
        sagemaker = client("sagemaker", endpoint_url=url, config=config)
        s3.create_bucket(Bucket="ward")
        there = 0

        def put_large() -> None:
            nonlocal there
            for there in range(100):
                s3.put_object(Bucket="ward", Key=f"k{there:03}", Body=bytes([there]) * 1_000_000)

        def fill_the_database() -> None:
            for n in range(5000):
                sagemaker.create_model(
                    ModelName=f"m{n}",
                    ExecutionRoleArn="arn:aws:iam::000000000000:role/service-role/ClaryExecutionRole",
                    PrimaryContainer={
                        "Image": "sagemaker-scikit-learn:1.2-1",
                        "Environment": {f"x{i}": "y" * 1000 for i in range(40)},
                    },
                )

        for fill in (put_large, fill_the_database):
            with pytest.raises(ClientError) as full:
                fill()
            assert full.value.response["Error"]["Code"] == "InsufficientStorage"
            assert full.value.response["ResponseMetadata"]["HTTPStatusCode"] == 507
            assert "is full" in full.value.response["Error"]["Message"]
        for n in range(there):
            assert s3.get_object(Bucket="ward", Key=f"k{n:03}")["Body"].read() == bytes([n]) * 1_000_000
        assert len(s3.list_objects_v2(Bucket="ward", Prefix="k")["Contents"]) == there
