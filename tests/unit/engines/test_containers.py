"""The engine of Docker and Podman keeps the contract of engines, less what a container does otherwise."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from clary.engines import containers
from clary.engines.base import CannotIsolate, Engine, Task
from clary.engines.by_image import EngineByImage
from clary.engines.containers import ContainerEngine, NoSuchImage, Runner
from clary.engines.local import LocalEngine
from tests import containers as images
from tests.contracts.engine import PATH, EngineContract, grows, python, texts, wait


class InImage(ContainerEngine):
    """Runs what the contract's tests run, in the image that the tests made."""

    def start(self, task: Task) -> None:
        first, *rest = task.command
        super().start(replace(task, image=images.IMAGE, entrypoint=first, command=rest))


@pytest.fixture(scope="module")
def runner(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runner]:
    found = images.ready(tmp_path_factory.mktemp("image"))
    if isinstance(found, str):
        pytest.skip(found)
    yield found
    os.environ.pop("CONTAINERS_CONF", None)


@pytest.fixture
def tasks(tmp_path: Path) -> Path:
    return tmp_path / "data" / "tasks"


@pytest.mark.slow
class TestContainers(EngineContract):
    @pytest.fixture
    def engine(self, tasks: Path, runner: Runner) -> Iterator[InImage]:
        engine = InImage(tasks, runner)
        yield engine
        engine.close()

    # What a container does otherwise, by its init and by its image's variables.

    def test_a_program_that_is_not_there_ends_with_127_and_says_so(self, engine: Engine, task: Any) -> None:
        job = task(["no-such-program"])
        engine.start(job)
        assert wait(engine, job.directory).exit_code != 0
        assert "No such file" in texts(job.directory)[0]

    def test_the_environment_is_the_task_s_alone(self, engine: Engine, task: Any, monkeypatch: Any) -> None:
        monkeypatch.setenv("CLARY_SECRET_OF_THE_SERVER", "patient data")
        monkeypatch.setenv("OF_BOTH", "the server")
        given = {**PATH, "A": "b c\n\N{EURO SIGN}", "OF_BOTH": "the task"}
        job = task(python("import json, os; print(json.dumps(dict(os.environ)))"), environment=given)
        engine.start(job)
        wait(engine, job.directory)
        seen = json.loads(texts(job.directory)[0])
        assert given.items() <= seen.items()
        assert seen.keys() - given.keys() <= {"HOME", "HOSTNAME", "TERM", "container", "PWD", "LC_CTYPE"}

    def test_stop_reaches_the_program_and_its_children_as_sigterm(self, engine: Engine, task: Any) -> None:
        job = task(["bash", "-c", "trap 'echo stopped > stopped; exit 3' TERM; echo up; while :; do sleep 0.01; done"])
        engine.start(job)
        wait(engine, job.directory, lambda: texts(job.directory) == ["up"])
        engine.stop(job.directory)
        engine.stop(job.directory)
        assert wait(engine, job.directory).exit_code == 3
        assert (job.directory / "ml/stopped").read_text() == "stopped\n"

    def test_stop_is_told_once(self, engine: Engine, task: Any) -> None:
        job = task(["bash", "-c", "trap 'echo told' TERM; echo up; for i in {1..250}; do sleep 0.01; done"])
        engine.start(job)
        wait(engine, job.directory, lambda: texts(job.directory) == ["up"])
        engine.stop(job.directory)
        wait(engine, job.directory)
        assert texts(job.directory) == ["up", "told"]

    def test_signals_have_their_defaults(self, engine: Engine, task: Any) -> None:
        job = task(["bash", "-c", "yes | head -n 1; echo ${PIPESTATUS[0]}; grep SigIgn /proc/self/status"])
        engine.start(job)
        wait(engine, job.directory)
        *lines, ignored = texts(job.directory)
        assert lines == ["y", "141"]
        standard = (
            0x7FFFFFFF  # signals 1 to 31; the next ones are the C library's own, and the container's init has one
        )
        assert int(ignored.split()[1], 16) & standard == 0

    @pytest.mark.parametrize("network", [True])
    def test_the_listening_socket_answers(self, engine: Engine, task: Any, network: bool) -> None:
        code = "import socket; s = socket.create_server(('', 8080)); c, _ = s.accept(); c.sendall(b'from inside'); c.close()"
        job = task(python(f"{code}; print('answered')"), network=network, listen=True)
        engine.start(job)
        progress = engine.poll(job.directory)
        assert progress is not None
        assert progress.port
        said = b""
        while not said and (current := engine.poll(job.directory)) and current.ended is None:  # until it listens
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", progress.port), 20) as client:
                said = client.recv(100)
        assert said == b"from inside"
        assert wait(engine, job.directory).exit_code == 0

    # What only a container has.

    def test_one_without_a_network_has_none_and_may_not_listen(self, engine: Engine, task: Any) -> None:
        job = task(["ls", "/sys/class/net"], network=False)
        engine.start(job)
        wait(engine, job.directory)
        assert texts(job.directory) == ["lo"]
        for members in ({"listen": True}, {"doors": {8780: Path("/nowhere/api")}}):
            with pytest.raises(CannotIsolate, match="a container cannot be given the network"):
                engine.start(task(["true"], network=False, **members))

    def test_one_with_a_network_reaches_what_listens_on_this_machine(self, engine: Engine, task: Any) -> None:
        with socket.create_server(("127.0.0.1", 0)) as server:
            code = f"import socket; print(socket.create_connection(('127.0.0.1', {server.getsockname()[1]})).recv(9))"
            job = task(python(code))
            engine.start(job)
            client, _ = server.accept()
            client.sendall(b"hello")
            client.close()
        wait(engine, job.directory)
        assert texts(job.directory) == ["b'hello'"]

    def test_nothing_is_left_when_its_supervisor_was_killed(self, engine: Engine, task: Any, runner: Runner) -> None:
        job = task(["bash", "-c", "echo up; while :; do echo x >> beat; sleep 0.01; done"])
        engine.start(job)
        wait(engine, job.directory, lambda: texts(job.directory) == ["up"])
        os.kill(json.loads((job.directory / "started").read_text())["pid"], signal.SIGKILL)
        progress = wait(engine, job.directory)
        assert progress.lost
        assert not grows(job.directory / "ml/beat")

    def test_no_container_is_left(self, engine: Engine, task: Any, runner: Runner) -> None:
        job = task(["bash", "-c", "sleep 100 & exit 0"])
        engine.start(job)
        wait(engine, job.directory)
        name = containers.container_name(job.directory)
        assert (
            subprocess.run([runner.program, "container", "inspect", name], capture_output=True, check=False).returncode
            != 0
        )

    def test_an_image_that_is_nowhere_is_told(self, engine: InImage) -> None:
        assert engine.has(images.IMAGE)
        assert not engine.has("localhost/none:1")
        with pytest.raises(NoSuchImage):
            engine.pull("localhost/none:1")


def test_where_nothing_runs_containers_the_way_out_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    containers.find.cache_clear()
    engine = EngineByImage(LocalEngine(tmp_path / "tasks", sandbox="off"), tmp_path / "tasks")
    with pytest.raises(CannotIsolate, match="install Docker or Podman"):
        engine.start(Task(directory=tmp_path / "tasks/job", command=["train"], image="mine:1"))
    docker = tmp_path / "docker"
    docker.write_text("#!/bin/sh\necho 'Cannot connect to the Docker daemon' >&2; exit 1\n")
    docker.chmod(0o755)
    containers.find.cache_clear()
    with pytest.raises(CannotIsolate, match="docker is installed, but does not answer: Cannot connect"):
        engine.containers()
    containers.find.cache_clear()
    with pytest.raises(CannotIsolate, match="CLARY_CONTAINERS=auto"):
        EngineByImage(LocalEngine(tmp_path / "tasks", sandbox="off"), tmp_path / "tasks", "off").containers()
    engine.close()


def test_a_task_without_an_image_is_run_on_this_machine(tmp_path: Path) -> None:
    root = tmp_path / "tasks"
    engine = EngineByImage(LocalEngine(root, sandbox="off"), root, "off")
    task = Task(directory=root / "job", command=["echo", "here"], environment=PATH)
    engine.start(task)
    assert wait(engine, task.directory).exit_code == 0
    assert texts(task.directory) == ["here"]
    engine.close()
