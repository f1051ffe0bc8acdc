"""The command line as a person meets it: on a clean folder, with real processes."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest

from tests.conftest import Studio, clean_environment

ROOT = Path(__file__).parents[2]


@pytest.fixture
def person(tmp_path: Path, cache: Path) -> Iterator[Studio]:
    """A studio that is driven by commands alone."""
    studio = Studio(tmp_path / "data", cache, clean_environment(cache))
    yield studio
    studio.clary("down", "--data", str(studio.data))


def test_up_says_where_it_is_and_a_second_up_points_to_the_first(person: Studio) -> None:
    first = person.clary("up", "--detach", "--port", "0", "--data", str(person.data))
    assert first.returncode == 0, first.stderr
    assert first.stdout.startswith("ready http://127.0.0.1:")
    for flags in (["--detach"], []):
        second = person.clary("up", "--port", "0", "--data", str(person.data), *flags)
        assert second.returncode == 0
        assert "runs on" in second.stdout
        assert first.stdout.splitlines()[0] in second.stdout
        assert re.search(r"^open  http\S+/_/sign-in\?token=\S+$", second.stdout, re.MULTILINE)  # a link of its own
    status = person.clary("status", "--data", str(person.data))
    assert person.url in status.stdout
    assert "Sandbox: " in status.stdout
    down = person.clary("down", "--data", str(person.data))
    assert "is down" in down.stdout
    assert "No server runs" in person.clary("down", "--data", str(person.data)).stdout


def test_commands_without_a_server_say_how_to_start_one(person: Studio) -> None:
    for command in (["status"], ["env"], ["logs", "x"], ["run", "--", "true"]):
        name, *rest = command
        found = person.clary(name, "--data", str(person.data), *rest)
        assert found.returncode == 1
        assert f"clary up --detach --data {person.data}" in found.stderr


def test_a_shell_that_evaluates_env_reaches_the_server(person: Studio) -> None:
    person.clary("up", "--detach", "--port", "0", "--data", str(person.data))
    program = "import boto3; print(boto3.client('sts').get_caller_identity()['Arn'])"
    script = (
        f'eval "$({sys.executable} -m clary env --data {person.data})" && {sys.executable} -W ignore -c "{program}"'
    )
    found = subprocess.run(["sh", "-c", script], env=person.environment, capture_output=True, text=True, check=False)
    assert found.stdout.strip() == "arn:aws:sts::000000000000:assumed-role/ClaryExecutionRole/owner", found.stderr


def test_run_gives_a_command_the_way_and_keeps_its_exit_status(person: Studio) -> None:
    person.clary("up", "--detach", "--port", "0", "--data", str(person.data))
    found = person.clary("run", "--data", str(person.data), "--", "sh", "-c", "echo $AWS_ENDPOINT_URL; exit 7")
    assert (found.returncode, found.stdout.strip()) == (7, person.url)


def test_another_host_than_loopback_is_refused_with_the_way_out(person: Studio) -> None:
    found = person.clary("up", "--host", "0.0.0.0", "--data", str(person.data))
    assert found.returncode == 1
    assert "ssh -L" in found.stderr


def test_a_setting_that_cannot_be_read_is_named(person: Studio) -> None:
    person.environment["CLARY_PORT"] = "many"
    found = person.clary("up", "--data", str(person.data))
    assert found.returncode == 1
    assert "CLARY_PORT is 'many'" in found.stderr


def test_required_refuses_to_run_without_a_sandbox(person: Studio, tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    broken = tmp_path / "bin" / "bwrap"
    broken.write_text("#!/bin/sh\necho 'bwrap: No permissions to create new namespace' >&2\nexit 1\n")
    broken.chmod(0o755)
    person.environment["PATH"] = f"{tmp_path}/bin:{person.environment['PATH']}"
    person.environment["CLARY_SANDBOX"] = "required"
    found = person.clary("up", "--port", "0", "--data", str(person.data))
    assert found.returncode == 1
    assert "sandbox" in found.stderr
    assert "Traceback" not in found.stderr


def test_every_command_explains_itself(person: Studio) -> None:
    top = person.clary("--help").stdout
    for command in ("up", "down", "status", "logs", "env", "run", "images", "project", "autopilot"):
        assert command in top
        found = person.clary(command, "--help")
        assert found.returncode == 0
        assert "Usage: clary" in found.stdout.replace("python -m clary", "clary")


def test_served_operations_are_listed(person: Studio) -> None:
    lines = person.clary("status", "--operations").stdout.splitlines()
    served = {"sagemaker:CreateTrainingJob served", "s3:PutObject served", "sts:GetCallerIdentity served"}
    assert served <= set(lines)
    assert "s3:SelectObjectContent not served" in lines
    assert any(line.startswith("cloudwatch (smithy-rpc-v2-cbor, json, query): ") for line in lines)
    one = person.clary("status", "--operations", "--service", "logs").stdout.splitlines()
    assert all(line.startswith("logs") for line in one)
    told = json.loads(person.clary("status", "--operations", "--json").stdout)
    assert told["logs"]["protocols"] == ["json"]
    assert "PutLogEvents" in told["logs"]["served"]
    assert "StartQuery" in told["logs"]["not_served"]


def test_the_server_loads_no_machine_learning_library(person: Studio) -> None:
    program = (
        "import sys; import clary.app; from clary import services; services.discover();"
        "print([m for m in ('numpy', 'pandas', 'sklearn', 'torch', 'autogluon') if m in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


def test_keys_lie_where_only_the_owner_reads_them(person: Studio) -> None:
    person.clary("up", "--detach", "--port", "0", "--data", str(person.data))
    assert (person.data / "keys.json").stat().st_mode & 0o777 == 0o600
    keys = json.loads((person.data / "keys.json").read_text())
    client = boto3.client(
        "sts",
        endpoint_url=person.url,
        region_name="us-east-1",
        aws_access_key_id=keys["AccessKeyId"],
        aws_secret_access_key=keys["SecretAccessKey"],
    )
    assert client.get_caller_identity()["Account"] == "000000000000"
    client.close()
