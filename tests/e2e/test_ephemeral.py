"""``clary up --ephemeral``: gone at the end, however the end comes; and the accounts that its starter makes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from clary.pytest_plugin import Account, Server
from tests.conftest import Studio, clean_environment

TRUST = {"Effect": "Allow", "Principal": {"AWS": "000000000000"}, "Action": "sts:AssumeRole"}


@pytest.fixture
def person(tmp_path: Path, cache: Path) -> Studio:
    (tmp_path / "tmp").mkdir()
    return Studio(tmp_path / "data", cache, {**clean_environment(cache), "TMPDIR": str(tmp_path / "tmp")})


@pytest.mark.parametrize("number", [signal.SIGTERM, pytest.param(signal.SIGINT, marks=pytest.mark.slow)])
def test_nothing_is_left_of_it(person: Studio, number: signal.Signals) -> None:
    command = [sys.executable, "-m", "clary", "up", "--ephemeral"]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=person.environment
    )
    assert process.stdout is not None
    assert process.stderr is not None
    said = process.stderr.readline()
    assert "is removed when this server ends" in said
    assert process.stdout.readline().startswith("ready http://127.0.0.1:")
    (folder,) = Path(person.environment["TMPDIR"]).glob("clary-*")
    assert str(folder) in said
    assert (folder / "clary.db").exists()
    process.send_signal(number)
    process.communicate(timeout=30)
    assert process.returncode == 0
    assert not list(Path(person.environment["TMPDIR"]).glob("clary-*"))


def test_it_runs_in_the_background_until_down(person: Studio) -> None:
    up = person.clary("up", "--ephemeral", "--detach", "--data", str(person.data))
    assert up.returncode == 0, up.stderr
    assert person.client("s3").list_buckets()["Buckets"] == []
    assert "is down" in person.clary("down", "--data", str(person.data)).stdout
    assert not person.data.exists()


def test_a_folder_that_holds_something_is_not_taken(person: Studio) -> None:
    person.data.mkdir()
    (person.data / "thesis.txt").write_text("three years")
    up = person.clary("up", "--ephemeral", "--data", str(person.data))
    assert up.returncode == 1
    assert "is not empty" in up.stderr
    assert (person.data / "thesis.txt").read_text() == "three years"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, cache: Path) -> Iterator[Server]:
    server = Server(tmp_path_factory.mktemp("clary") / "server.log")
    yield server
    server.close()
    assert not server.folder.exists()


def test_accounts_see_nothing_of_each_other(server: Server) -> None:
    one, other = server.new_account(), server.new_account()
    for account in (one, other):  # the same names, each for the first time
        s3, iam = account.client("s3"), account.client("iam")
        assert s3.list_buckets()["Buckets"] == []
        s3.create_bucket(Bucket="ward")
        s3.put_object(Bucket="ward", Key="scan", Body=account.access_key.encode())
        iam.create_role(RoleName="nurse", AssumeRolePolicyDocument=json.dumps({"Statement": [TRUST]}))
    for account in (one, other):
        s3 = account.client("s3")
        assert s3.get_object(Bucket="ward", Key="scan")["Body"].read() == account.access_key.encode()
        url = s3.generate_presigned_url("get_object", Params={"Bucket": "ward", "Key": "scan"})
        assert urllib.request.urlopen(url).read() == account.access_key.encode()
    given = one.client("sts").assume_role(RoleArn="arn:aws:iam::000000000000:role/nurse", RoleSessionName="visitor")[
        "Credentials"
    ]
    visitor = one.session(
        aws_access_key_id=given["AccessKeyId"],
        aws_secret_access_key=given["SecretAccessKey"],
        aws_session_token=given["SessionToken"],
    )
    assert visitor.client("sts", endpoint_url=one.url).get_caller_identity()["Arn"].endswith("nurse/visitor")
    server.end_account(one)
    with pytest.raises(ClientError, match="InvalidAccessKeyId"):
        one.client("s3").list_buckets()
    assert not (server.folder / "accounts" / one.number).exists()
    assert other.client("s3").list_buckets()["Buckets"][0]["Name"] == "ward"


def test_a_command_that_is_none_is_told(server: Server) -> None:
    with pytest.raises(RuntimeError, match="no command"):
        server.end_account(Account("99", "", "", "", {}))


def test_it_ends_with_whoever_started_it(tmp_path: Path) -> None:
    """Also when that is killed: its end of the pipe is closed then."""
    program = (
        "import os, pathlib; from clary.pytest_plugin import Server;"
        f"server = Server(pathlib.Path({str(tmp_path / 'log')!r}));"
        "print(server.folder, server._process.pid, flush=True); os.kill(os.getpid(), 9)"
    )
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    folder, pid = found.stdout.split()
    descriptor = os.pidfd_open(int(pid)) if hasattr(os, "pidfd_open") and Path(f"/proc/{pid}").exists() else None
    if descriptor is not None:
        import select

        assert select.select([descriptor], [], [], 30)[0]
        os.close(descriptor)
        assert not Path(folder).exists()
