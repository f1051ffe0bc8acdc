"""The pytest plugin as a project uses it: its own pytest, its own tests."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import clean_environment

TESTS = """
import os, subprocess, sys
import boto3, pytest

def test_plain_boto3_finds_it(clary_env):
    boto3.client("s3").create_bucket(Bucket="ward")
    assert [b["Name"] for b in boto3.client("s3").list_buckets()["Buckets"]] == ["ward"]

def test_another_test_sees_nothing_of_that(clary_env):
    assert boto3.client("s3").list_buckets()["Buckets"] == []
    assert boto3.client("sagemaker").list_models()["Models"] == []

def test_a_program_that_it_starts_finds_it_too(clary_env):
    program = "import boto3; print(boto3.client('sts').get_caller_identity()['Account'])"
    assert subprocess.check_output([sys.executable, "-c", program], text=True).strip() == "000000000000"

def test_an_account_leaves_the_variables_alone(clary_account):
    assert "AWS_ENDPOINT_URL" not in os.environ
    clary_account.client("s3").create_bucket(Bucket="ward")

@pytest.mark.parametrize("n", range(3))
def test_all_are_on_one_server(clary_account, clary_server, n):
    assert clary_account.url == clary_server.url
"""


def _pytest(folder: Path, cache: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**clean_environment(cache), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "clary.pytest_plugin", "-p", "no:cacheprovider", *arguments]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


@pytest.mark.slow
def test_each_test_has_an_account_of_its_own(tmp_path: Path, cache: Path) -> None:
    (tmp_path / "test_it.py").write_text(TESTS)
    found = _pytest(tmp_path, cache)
    assert found.returncode == 0, found.stdout + found.stderr
    assert "7 passed" in found.stdout


@pytest.mark.slow
def test_the_guides_example_runs_as_it_is_printed(tmp_path: Path, cache: Path) -> None:
    guide = (Path(__file__).parents[2] / "docs/guides/testing.md").read_text()
    for block in re.findall(r"```python\n(.*?)```", guide, re.DOTALL):
        path = tmp_path / block.partition("\n")[0].removeprefix("# ")
        path.parent.mkdir(parents=True)
        path.write_text(block)
    (tmp_path / "pytest.ini").write_text("[pytest]\npythonpath = src/ward/..\n")
    (tmp_path / "src/ward/__init__.py").touch()
    found = _pytest(tmp_path, cache, "--deselect", "tests/test_reports.py::test_a_job_trains")
    assert "2 passed, 1 deselected" in found.stdout, found.stdout


def test_a_run_that_does_not_use_it_starts_and_loads_nothing(tmp_path: Path, cache: Path) -> None:
    (tmp_path / "test_it.py").write_text(
        "import sys\ndef test_it():\n    assert not {'click', 'botocore', 'clary.cli', 'uvicorn'} & set(sys.modules)\n"
    )
    found = _pytest(tmp_path, cache)
    assert found.returncode == 0, found.stdout


def test_a_server_that_does_not_start_says_why(tmp_path: Path, cache: Path) -> None:
    (tmp_path / "test_it.py").write_text("def test_it(clary_account):\n    pass\n")
    environment = {**clean_environment(cache), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "CLARY_JOBS": "many"}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "clary.pytest_plugin", "-p", "no:cacheprovider"]
    found = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert found.returncode == 1
    assert "CLARY_JOBS is 'many'" in found.stdout
