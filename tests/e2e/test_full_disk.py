"""A disk that is full when a job's model is to be stored: a small file system of its own, really full."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests import jobs
from tests.conftest import Studio, clean_environment

pytestmark = pytest.mark.slow

SCRIPT = """
import os
for number in range(3):
    with open(f"{os.environ['SM_MODEL_DIR']}/weights-{number}.bin", "wb") as file:
        file.write(os.urandom(14 << 20))
"""


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory, cache: Path) -> Iterator[Studio]:
    """A server on a disk of 64 MiB: a model of 42 MiB lies there once, and not twice."""
    folder = tmp_path_factory.mktemp("small")
    (folder / "data").mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64m", "small", str(folder / "data")], check=False)
    if mounted.returncode:
        pytest.skip("only root may mount a small file system")
    studio = Studio(folder / "data", cache, clean_environment(cache))
    studio.start()
    jobs.prepare(studio.client("s3"))
    yield studio
    studio.stop()
    subprocess.run(["umount", "--lazy", str(folder / "data")], check=True)


@pytest.mark.parametrize(
    ("name", "compression", "key"), [("packed", "GZIP", "model.tar.gz"), ("plain", "NONE", "model")]
)
def test_nothing_of_a_model_is_stored_and_the_reason_names_the_disk(
    small: Studio, name: str, compression: str, key: str
) -> None:
    sagemaker, s3 = small.client("sagemaker"), small.client("s3")
    output = {"S3OutputPath": "s3://jobs/out", "CompressionType": compression}
    sagemaker.create_training_job(**jobs.training(s3, name, SCRIPT, OutputDataConfig=output))
    job: dict[str, Any] = jobs.ended(sagemaker, name)
    assert job["TrainingJobStatus"] == "Failed"
    assert job["FailureReason"].startswith(f"ClientError: Artifact upload failed: s3://jobs/out/{name}/output/{key}")
    assert "is full" in job["FailureReason"]
    assert s3.list_objects_v2(Bucket="jobs", Prefix=f"out/{name}/").get("Contents", []) == []
    s3.put_object(Bucket="jobs", Key=f"after-{name}", Body=b"there is room again")
    task = next((small.data / "tasks/training").rglob(f"{name}-*"))
    subprocess.run(["rm", "-rf", str(task)], check=True)  # for the next one
