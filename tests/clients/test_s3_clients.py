"""Real clients of S3, nothing patched, each in its own environment: odd names, large files, whole trees both ways."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.clients import programs, trees
from tests.conftest import Studio

pytestmark = pytest.mark.slow


def python_of(variable: str) -> Path:
    found = os.environ.get(variable)
    if not found:
        pytest.skip(f"{variable} names no Python of these clients; `make test` makes one")
    return Path(found)


@pytest.fixture
def run(studio: Studio) -> Callable[..., str]:
    """Run a client after ``clary env``; what it printed."""

    def call(*command: str | Path, flags: tuple[str, ...] = (), **variables: str) -> str:
        environment = {k: v for k, v in studio.environment.items() if k != "PYTHONWARNINGS"}
        whole = [sys.executable, "-m", "clary", "run", "--data", studio.data, *flags, "--", *command]
        done = subprocess.run(
            whole, capture_output=True, text=True, env={**environment, **variables}, timeout=250, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout + done.stderr

    return call


@pytest.fixture
def program(run: Callable[..., str], tree: Path, tmp_path: Path) -> Callable[..., Path]:
    """Run a program with the tree and an empty folder; the folder."""

    def call(text: str, variable: str = "CLARY_TEST_CLIENTS_PYTHON") -> Path:
        script, back = tmp_path / "program.py", tmp_path / "back"
        script.write_text(text)
        back.mkdir()
        run(python_of(variable), script, tree, back)
        return back

    return call


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return trees.make(tmp_path_factory.mktemp("trees") / "tree")


def test_aws_s3_sync_goes_both_ways(run: Callable[..., str], tree: Path, tmp_path: Path) -> None:
    aws = python_of("CLARY_TEST_CLIENTS_PYTHON").with_name("aws")
    here, back = tmp_path / "here", tmp_path / "back"
    shutil.copytree(tree, here)
    run(aws, "s3", "mb", "s3://synced")
    run(aws, "s3", "sync", here, "s3://synced/a")
    assert run(aws, "s3", "sync", here, "s3://synced/a") == ""  # it finds all in place
    run(aws, "s3", "sync", "s3://synced/a", back)
    assert trees.content(back) == trees.content(here)
    (here / "plain.txt").unlink()
    (here / "with space.txt").write_text("longer than it was before " * 90)
    assert run(aws, "s3", "sync", "--delete", "--no-progress", here, "s3://synced/a").count("\n") == 2
    run(aws, "s3", "sync", "--delete", "s3://synced/a", back)
    assert trees.content(back) == trees.content(here)
    run(aws, "s3", "mv", "--recursive", "s3://synced/a", "s3://synced/b +ä")
    assert f"Total Objects: {len(trees.content(here))}" in run(
        aws, "s3", "ls", "--recursive", "--summarize", "s3://synced/"
    )
    run(aws, "s3", "rb", "--force", "s3://synced")


def test_pandas_and_s3fs(program: Callable[..., Path], tree: Path) -> None:
    assert trees.content(program(programs.PANDAS)) == trees.content(tree)


def test_boto3_transfers_in_parts_of_64_mib(program: Callable[..., Path]) -> None:
    program(programs.TRANSFERS)


def test_pyarrows_file_system(program: Callable[..., Path], tree: Path) -> None:
    assert trees.content(program(programs.ARROW)) == trees.content(tree)


def test_the_sagemaker_sdk_up_and_down(program: Callable[..., Path], tree: Path) -> None:
    assert trees.content(program(programs.SAGEMAKER, "CLARY_TEST_SDK2_PYTHON")) == trees.content(tree)


def test_rclone_copies_and_checks(run: Callable[..., str], studio: Studio, tree: Path, tmp_path: Path) -> None:
    if shutil.which("rclone") is None:
        pytest.skip("rclone is not installed: apt install rclone")
    settings = {"TYPE": "s3", "PROVIDER": "Other", "ENV_AUTH": "true", "ENDPOINT": studio.url, "REGION": "us-east-1"}
    variables = {f"RCLONE_CONFIG_CLARY_{name}": value for name, value in settings.items()}
    variables |= {"RCLONE_CONFIG": os.devnull, "RCLONE_RETRIES": "1", "RCLONE_LOW_LEVEL_RETRIES": "1"}

    def rclone(*arguments: str | Path) -> str:
        # Its AWS SDK takes no CA file beside a transport of its own, so it gets no tunnel.
        return run("rclone", *arguments, flags=("--no-proxy",), **variables)

    back = tmp_path / "back"
    rclone("mkdir", "clary:rcloned")
    rclone("copy", tree, "clary:rcloned/tree")
    rclone("copy", "--s3-upload-cutoff", "5M", "--s3-chunk-size", "5M", tree / "big.bin", "clary:rcloned/parts")
    assert "0 differences found" in rclone("check", tree, "clary:rcloned/tree")
    assert "0 differences found" in rclone("check", "--download", tree, "clary:rcloned/tree")
    assert "0 differences found" in rclone("check", "--include", "big.bin", tree, "clary:rcloned/parts")
    rclone("sync", "clary:rcloned/tree", back)
    assert trees.content(back) == trees.content(tree)
    rclone("moveto", "clary:rcloned/tree/plain.txt", "clary:rcloned/moved +.txt")
    assert rclone("cat", "--offset", "3", "--count", "2", "clary:rcloned/moved +.txt") == "in"
    rclone("purge", "clary:rcloned")
