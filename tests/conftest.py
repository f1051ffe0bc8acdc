"""What tests share: a running server in a folder of its own, clients of it, real data where it is."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config
from hypothesis import settings
from xdist.scheduler import LoadFileScheduling

from clary.engines.local import LocalEngine

ROOT = Path(__file__).parent.parent

# How long an example takes tells how busy the machine is.
settings.register_profile("clary", deadline=None)
settings.load_profile("clary")

# Pages are lost when the machine's network changes, which containers with a network of their own do: never both at once.
_ONE_AT_A_TIME = ("tests/browser/", "tests/api/test_own_images.py", "tests/unit/engines/test_containers.py")


class _ByServer(LoadFileScheduling):
    """A file's tests share a server, so they stay on one worker."""

    def _split_scope(self, nodeid: str) -> str:
        return "pages" if nodeid.startswith(_ONE_AT_A_TIME) else super()._split_scope(nodeid)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> _ByServer:
    return _ByServer(config, log)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest row of files begins first."""
    items.sort(key=lambda item: not item.nodeid.startswith(_ONE_AT_A_TIME))


@dataclass
class Studio:
    """A real server process on a data folder."""

    data: Path
    cache: Path
    environment: dict[str, str]

    def start(self, *flags: str) -> None:
        command = [sys.executable, "-m", "clary", "up", "--data", str(self.data), "--port", "0", *flags]
        self._log = (self.data.parent / "up.log").open("ab")
        self._process = subprocess.Popen(
            command, stdout=self._log, stderr=self._log, env=self.environment, start_new_session=True
        )
        deadline = time.monotonic() + 90
        while not (self.data / "server.json").exists():
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError((self.data.parent / "up.log").read_text())
            time.sleep(0.01)

    def kill(self) -> None:
        """kill -9, as a power cut would."""
        self._process.kill()
        self._process.wait()
        self._log.close()
        (self.data / "server.json").unlink(missing_ok=True)

    def stop(self) -> None:
        """End the server, and the tasks that outlive it."""
        self._process.terminate()
        self._process.wait(30)
        self._log.close()
        engine = LocalEngine(self.data / "tasks", sandbox="off")
        for specification in (self.data / "tasks").rglob("task.json"):
            engine.stop(specification.parent)
        engine.close()

    @property
    def url(self) -> str:
        return str(json.loads((self.data / "server.json").read_text())["url"])

    def client(self, service: str, **given: Any) -> Any:
        keys = json.loads((self.data / "keys.json").read_text())
        return boto3.client(
            service,
            **{
                "endpoint_url": self.url,
                "region_name": "us-east-1",
                "aws_access_key_id": keys["AccessKeyId"],
                "aws_secret_access_key": keys["SecretAccessKey"],
                "config": Config(retries={"max_attempts": 1}, proxies={}),
                **given,
            },
        )

    def clary(self, *arguments: str, **given: Any) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "clary", *arguments]
        return subprocess.run(
            command, check=False, capture_output=True, text=True, **{"env": self.environment, **given}
        )


def clean_environment(cache: Path) -> dict[str, str]:
    """This process's variables without what a shell that uses Clary or AWS may hold."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "CLARY_", "SAGEMAKER_"))}
    # What runs containers is no matter of most tests: an image that Clary has not is one that nothing can run.
    return {**kept, "CLARY_CACHE": str(cache), "CLARY_CONTAINERS": "off", "PYTHONWARNINGS": "default"}


@pytest.fixture(scope="session")
def cache() -> Path:
    """Image environments are kept between runs, as a user's are."""
    return Path(os.environ.get("CLARY_CACHE", "~/.cache/clary")).expanduser()


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory, cache: Path) -> Iterator[Studio]:
    """A server for a module's tests."""
    folder = tmp_path_factory.mktemp("studio")
    studio = Studio(folder / "data", cache, clean_environment(cache))
    studio.start()
    yield studio
    studio.stop()


@pytest.fixture
def fresh_studio(tmp_path: Path, cache: Path) -> Iterator[Studio]:
    """A server of the test's own, to kill."""
    studio = Studio(tmp_path / "data", cache, clean_environment(cache))
    studio.start()
    yield studio
    studio.stop()


@pytest.fixture
def boto(studio: Studio) -> Iterator[Callable[[str], Any]]:
    """boto3 clients of the module's server: ``boto("s3")``."""
    made: list[Any] = []

    def client(service: str, **given: Any) -> Any:
        made.append(studio.client(service, **given))
        return made[-1]

    yield client
    for each in made:
        each.close()


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real data; tests that need it are skipped where it is not."""
    folder = Path(os.environ.get("CLARY_REAL_DATA", ROOT / "../shared/data")).resolve()
    if not folder.is_dir():
        pytest.skip(f"no real data at {folder}; name the folder in CLARY_REAL_DATA")
    return folder
