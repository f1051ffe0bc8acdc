"""A job's channels by boto3: what cannot go together is refused at once, what can is what the script sees."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from clary.engines import sandbox
from clary.jobs.dealing import deal
from tests import jobs
from tests.conftest import Studio

Boto = Callable[..., Any]
MANIFEST = {"S3DataType": "ManifestFile", "S3Uri": "s3://jobs/lists/list.manifest"}
AUGMENTED = {
    "S3DataType": "AugmentedManifestFile",
    "S3Uri": "s3://jobs/lists/augmented.manifest",
    "AttributeNames": ["source-ref", "class"],
}


@pytest.fixture(scope="module")
def s3(studio: Studio) -> Any:
    client = studio.client("s3")
    jobs.prepare(client)
    lines = [
        {"class": number, "source-ref": f"s3://jobs/{key}"} for number, key in enumerate(["in/deep/b.csv", "in/a.csv"])
    ]
    bodies: dict[str, bytes] = {
        "lists/list.manifest": json.dumps([{"prefix": "s3://jobs/in/"}, "deep/b.csv", "a.csv"]).encode(),
        "lists/augmented.manifest": "\n".join(map(json.dumps, lines)).encode(),
        "lists/broken.manifest": b'[{"prefix": "s3://jobs/in/"}, "a.csv", "gone.csv"]',
        "lists/broken-augmented.manifest": b'\n{"source-ref": "s3://jobs/in/gone.csv", "class": 1}\n',
        "packed/1.csv.gz": gzip.compress(b"1,2\n"),
        "packed/2.csv.gz": gzip.compress(b"3,4\n"),
        "torn/1.csv.gz": gzip.compress(bytes(range(256)) * 1000)[:-200],
        "clash/a": b"",
        "clash/a/b": b"",
        "large/one.bin": b"x" * (17 << 20),
        "large/few/two.txt": b"two",
        **{f"many/{number:02}": f"{number:02} ".encode() for number in range(20)},
    }
    for key, body in bodies.items():
        client.put_object(Bucket="jobs", Key=key, Body=body)
    client.put_object(Bucket="jobs", Key="secret/1.csv", Body=b"of a patient\n", ServerSideEncryption="AES256")
    return client


def channel(source: dict[str, Any] | str, name: str = "train", **members: Any) -> dict[str, Any]:
    """``source``: an S3DataSource, or the key prefix of an S3Prefix."""
    if isinstance(source, str):
        source = {"S3DataType": "S3Prefix", "S3Uri": f"s3://jobs/{source}"}
    return {"ChannelName": name, "DataSource": {"S3DataSource": source}, **members}


def request(s3: Any, name: str, script: str, mode: str, *channels: dict[str, Any], **given: Any) -> dict[str, Any]:
    algorithm = {"TrainingImage": jobs.IMAGE, "TrainingInputMode": mode}
    return jobs.training(s3, name, script, AlgorithmSpecification=algorithm, InputDataConfig=list(channels), **given)


FILE_SYSTEM = {
    "FileSystemId": "fs-01234567890",
    "FileSystemAccessMode": "ro",
    "FileSystemType": "EFS",
    "DirectoryPath": "/data",
}
HUB = {"DatasetArn": "arn:aws:sagemaker:us-east-1:000000000000:hub-content/hub/DataSet/name/1.0.0"}


@pytest.mark.parametrize(
    ("mode", "given", "text"),
    [
        (
            "File",
            [channel("in/", CompressionType="Gzip")],
            "Invalid compression type for channel train: File mode only supports NONE, got Gzip instead",
        ),
        ("FastFile", [channel("in/", CompressionType="Gzip")], "FastFile mode only supports NONE, got Gzip instead"),
        ("File", [channel("in/", RecordWrapperType="RecordIO")], "Invalid record wrapper type for channel train: File"),
        ("File", [channel(AUGMENTED)], "AugmentedManifestFile is only supported in Pipe mode, got File instead"),
        ("Pipe", [channel(AUGMENTED, InputMode="File")], "only supported in Pipe mode, got File instead"),
        ("FastFile", [channel(MANIFEST)], "FastFile mode only supports S3Prefix, got ManifestFile instead"),
        ("FastFile", [channel("in/dee")], "FastFile mode needs a folder, and s3://jobs/in/dee is also the beginning of"),
        ("Pipe", [channel({**AUGMENTED, "AttributeNames": []})], "Invalid AttributeNames for channel train"),
        ("Pipe", [channel({**MANIFEST, "AttributeNames": ["a"]})], "Invalid AttributeNames for channel train"),
        ("Pipe", [channel(AUGMENTED, CompressionType="Gzip")], "AugmentedManifestFile only supports NONE, got Gzip"),
        ("File", [channel("none/")], 'No S3 objects found under S3 URL "s3://jobs/none/" given in input data source'),
        ("File", [channel({**MANIFEST, "S3Uri": "s3://jobs/none.manifest"})], "No S3 objects found under S3 URL"),
        ("File", [channel({**MANIFEST, "S3Uri": "s3://jobs"})], "names no manifest"),
        ("File", [channel("in/"), channel("in/")], "The channel name 'train' is given 2 times"),
        ("File", [channel("in/", InputMode="Pipe"), channel("in/", "train_7")], "'train_7' is taken by an epoch of the"),
        ("File", [channel("in/", "..")], "The channel name '..' cannot be a folder's name"),
        ("File", [{"ChannelName": "train", "DataSource": {}}], "The channel 'train' has no data source"),
        (
            "File",
            [{"ChannelName": "train", "DataSource": {"FileSystemDataSource": FILE_SYSTEM}}],
            "FileSystemDataSource is not served, there is no EFS or FSx for Lustre on this machine",
        ),
        ("File", [{"ChannelName": "train", "DataSource": {"DatasetSource": HUB}}], "DatasetSource is not served"),
        ("File", [channel({"S3DataType": "Converse", "S3Uri": "s3://jobs/in/"})], "S3DataType Converse is not served"),
    ],
)  # fmt: skip
def test_what_does_not_go_together_is_refused_at_once(
    s3: Any, sagemaker: Any, mode: str, given: list[dict[str, Any]], text: str
) -> None:
    with pytest.raises(ClientError) as error:
        sagemaker.create_training_job(**request(s3, "refused", "", mode, *given))
    assert text in str(error.value)
    expected = "NotImplemented" if "not served" in text else "ValidationException"
    assert error.value.response["Error"]["Code"] == expected


def run(s3: Any, boto: Boto, name: str, script: str, mode: str, *channels: dict[str, Any]) -> list[str]:
    """The lines of the script of a job that completes."""
    sagemaker = boto("sagemaker")
    sagemaker.create_training_job(**request(s3, name, script, mode, *channels))
    job = jobs.ended(sagemaker, name)
    assert job["TrainingJobStatus"] == "Completed", job["FailureReason"]
    return jobs.log_lines(boto("logs"), name)


READ = """
import os
for epoch in range({epochs}):
    with open(f"{{os.environ['SM_CHANNEL_TRAIN']}}_{{epoch}}", "rb") as file:
        print("read", file.read())
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "given", "expected"),
    [
        ("prefix", channel("in/"), b"1,2\n3,4\n5,6\n"),
        ("manifest", channel(MANIFEST), b"5,6\n1,2\n3,4\n"),
        ("gzip", channel("packed/", CompressionType="Gzip"), b"1,2\n3,4\n"),
        ("encrypted", channel("secret/"), b"of a patient\n"),
        ("augmented", channel(AUGMENTED), b"5,6\n01,2\n3,4\n1"),
        (
            "wrapped",
            channel(AUGMENTED, RecordWrapperType="RecordIO"),
            b"".join(b"\x0a\x23\xd7\xce" + record for record in (
                b"\4\0\0\0005,6\n", b"\1\0\0\0000\0\0\0", b"\x08\0\0\0001,2\n3,4\n", b"\1\0\0\0001\0\0\0",
            )),
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)  # fmt: skip
def test_a_script_reads_epoch_after_epoch_from_a_pipe(
    s3: Any, boto: Boto, name: str, given: dict[str, Any], expected: bytes
) -> None:
    lines = run(s3, boto, f"pipe-{name}", READ.format(epochs=2), "Pipe", given)
    assert [line for line in lines if line.startswith("read ")] == [f"read {expected!r}"] * 2


@pytest.mark.slow
def test_pipes_and_folders_of_one_job_go_together_and_are_told_in_its_config(s3: Any, boto: Boto) -> None:
    script = READ.format(epochs=3) + (
        "print(sorted(os.listdir('/opt/ml/input/data/list')))\n"
        "print(open(os.environ['SM_INPUT_CONFIG_DIR'] + '/inputdataconfig.json').read())\n"
    )
    shuffled = channel("many/", InputMode="Pipe", ShuffleConfig={"Seed": 4}, ContentType="text/plain")
    lines = run(s3, boto, "together", script, "File", shuffled, channel(MANIFEST, "list"))
    parts = [f"{number:02} " for number in range(20)]
    orders = ["".join(deal(parts, seed=4, epoch=epoch)) for epoch in range(3)]
    assert [line for line in lines if line.startswith("read ")] == [f"read {order.encode()!r}" for order in orders]
    assert "['a.csv', 'deep']" in lines
    assert json.loads(lines[-1] or lines[-2]) == {
        "train": {
            "TrainingInputMode": "Pipe",
            "S3DistributionType": "FullyReplicated",
            "RecordWrapperType": "None",
            "ContentType": "text/plain",
        },
        "list": {"TrainingInputMode": "File", "S3DistributionType": "FullyReplicated", "RecordWrapperType": "None"},
    }


CHANGE = """
import os
folder = os.environ["SM_CHANNEL_TRAIN"]
def attempt(what, change):
    try:
        change()
        print(what, "done")
    except OSError as error:
        print(what, error.strerror)
print(sorted(os.path.join(at, name)[len(folder) + 1:] for at, _, names in os.walk(folder) for name in names))
attempt("chmod", lambda: os.chmod(f"{folder}/one.bin", 0o644))
attempt("write", lambda: open(f"{folder}/one.bin", "r+b").write(b"changed"))
attempt("add", lambda: open(f"{folder}/few/new", "w"))
attempt("remove", lambda: os.unlink(f"{folder}/few/two.txt"))
"""


@pytest.mark.slow
def test_a_fast_file_channel_is_a_folder_to_read_only(s3: Any, boto: Boto) -> None:
    lines = run(s3, boto, "fast-file", CHANGE, "FastFile", channel("large/"))
    assert "['few/two.txt', 'one.bin']" in lines
    if sandbox.find().program:  # else it is a copy
        assert {f"{what} Read-only file system" for what in ("chmod", "add", "remove")} <= set(lines)
        assert "write Permission denied" in lines
    assert s3.get_object(Bucket="jobs", Key="large/one.bin")["Body"].read(8) == b"x" * 8


@pytest.mark.slow
def test_what_a_job_changes_in_a_large_channel_is_its_own(s3: Any, boto: Boto) -> None:
    for name in ("change-1", "change-2"):
        lines = run(s3, boto, name, CHANGE, "File", channel("large"))
        assert "['few/two.txt', 'one.bin']" in lines
        assert {f"{what} done" for what in ("chmod", "write", "add", "remove")} <= set(lines)
    assert s3.get_object(Bucket="jobs", Key="large/one.bin")["Body"].read(8) == b"x" * 8


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "mode", "given", "reason"),
    [
        (
            "gone",
            "File",
            channel({**MANIFEST, "S3Uri": "s3://jobs/lists/broken.manifest"}),
            "ClientError: Data download failed: the manifest s3://jobs/lists/broken.manifest names in its entry 3 the object "
            "s3://jobs/in/gone.csv, which does not exist",
        ),
        (
            "gone-line",
            "Pipe",
            channel({**AUGMENTED, "S3Uri": "s3://jobs/lists/broken-augmented.manifest"}),
            "ClientError: Data download failed: the manifest s3://jobs/lists/broken-augmented.manifest, line 2, names in "
            "'source-ref' the object s3://jobs/in/gone.csv, which does not exist",
        ),
        (
            "torn",
            "Pipe",
            channel("torn/", CompressionType="Gzip"),
            "ClientError: Data download failed: the channel 'train': s3://jobs/torn/1.csv.gz is a gzip file that ends too early",
        ),
        ("clash", "File", channel("clash/"), "s3://jobs/clash/a and s3://jobs/clash/a/b cannot both be files"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_wrong_with_the_data_is_the_job_s_reason(
    s3: Any, boto: Boto, name: str, mode: str, given: dict[str, Any], reason: str
) -> None:
    """The script ignores SIGTERM and would take a pipe that ends for the whole of its data."""
    script = "import signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n" + READ.format(epochs=1)
    boto("sagemaker").create_training_job(**request(s3, name, script, mode, given))
    job = jobs.ended(boto("sagemaker"), name)
    assert job["TrainingJobStatus"] == "Failed"
    assert reason in job["FailureReason"]
    assert len(job["FailureReason"]) <= 1024


@pytest.mark.slow
def test_a_pipe_that_nobody_reads_does_not_keep_a_job(s3: Any, boto: Boto) -> None:
    lines = run(s3, boto, "unread", "print('done')", "Pipe", channel("in/"))
    assert "done" in lines
