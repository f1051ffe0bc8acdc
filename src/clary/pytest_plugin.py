"""A pytest plugin: one real server for a run of tests, and for each test an account of its own on it.

``pip install`` of Clary is enough, pytest finds it. Nothing is started, and nothing but this page loaded, until a test asks
for a fixture. ``docs/guides/testing.md`` shows how to use it.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

_REGION = "us-east-1"
_WAIT = 60  # seconds that a server may take to end


@dataclass(frozen=True)
class Account:
    """A world of one's own: records, buckets, roles and jobs that no other test sees.

    ``environment``: the variables by which any client reaches it, as ``clary env`` sets them; None is one to unset.
    """

    number: str
    url: str
    access_key: str
    secret_key: str
    environment: dict[str, str | None]
    region: str = _REGION

    def session(self, **given: Any) -> Any:
        """A ``boto3.Session`` of this account; ``given`` wins over its keys and region."""
        import boto3  # noqa: PLC0415 - not every test has it

        keys = {"aws_access_key_id": self.access_key, "aws_secret_access_key": self.secret_key}
        return boto3.Session(**{**keys, "region_name": self.region, **given})

    def client(self, service: str, **given: Any) -> Any:
        """A boto3 client of this account: ``clary_account.client("s3")``."""
        return self.session().client(service, **{"endpoint_url": self.url, **given})


class Server:
    """A throw-away server in a process of its own, which ends with this one; ``log`` is the file that it writes to."""

    def __init__(self, log: Path) -> None:
        self.log = log
        self.folder = Path(tempfile.mkdtemp(prefix="clary-pytest-"))
        command = [sys.executable, "-m", "clary", "up", "--ephemeral", "--commands", "--port", "0"]
        with log.open("wb") as stream:
            self._process = subprocess.Popen(
                [*command, "--data", str(self.folder)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=stream,
                text=True,
            )
        word, _, self.url = self._read().partition(" ")
        if word != "ready":
            self._process.wait(_WAIT)
            raise RuntimeError(f"Clary did not start: {log.read_text(errors='replace')}")

    def new_account(self) -> Account:
        found = self._ask("new")
        keys = {"AWS_ACCESS_KEY_ID": found["AccessKeyId"], "AWS_SECRET_ACCESS_KEY": found["SecretAccessKey"]}
        return Account(
            found["account"],
            self.url,
            found["AccessKeyId"],
            found["SecretAccessKey"],
            {**self._environment(), **keys},
        )

    def end_account(self, account: Account) -> None:
        """Stop its jobs and remove all of it."""
        self._ask(f"end {account.number}")

    def close(self) -> None:
        """End the server; its folder goes with it."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        try:
            self._process.wait(_WAIT)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()

    def _environment(self) -> dict[str, str | None]:
        from clary.cli.environment import changes  # noqa: PLC0415 - pytest loads this module in every run

        return changes(self.folder, os.environ)

    def _ask(self, command: str) -> dict[str, str]:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{command}\n")
        self._process.stdin.flush()
        answer: dict[str, str] = json.loads(self._read() or "{}")
        if "error" in answer or not answer:
            raise RuntimeError(f"Clary answers {answer.get('error', 'nothing')!r} to {command!r}; its log: {self.log}")
        return answer

    def _read(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()


@pytest.fixture(scope="session")
def clary_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server for the whole run (with pytest-xdist: one a worker), in a folder that is gone at the end."""
    server = Server(tmp_path_factory.mktemp("clary") / "server.log")
    yield server
    server.close()


@pytest.fixture
def clary_account(clary_server: Server) -> Iterator[Account]:
    """An account of the test's own: ``clary_account.client("s3")``. Its jobs end with the test."""
    account = clary_server.new_account()
    yield account
    clary_server.end_account(account)


@pytest.fixture
def clary_env(clary_account: Account, monkeypatch: pytest.MonkeyPatch) -> Account:
    """The same, and this process's variables lead to it: code that calls ``boto3.client("s3")`` needs no change."""
    for name, value in clary_account.environment.items():
        if value is None:
            monkeypatch.delenv(name, raising=False)
        else:
            monkeypatch.setenv(name, value)
    if boto3 := sys.modules.get("boto3"):  # its default session keeps the keys that it found first
        monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)
    return clary_account
