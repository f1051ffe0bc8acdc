"""Tasks that reach each other by name: on this machine's network, or on one that nobody else is on."""

from __future__ import annotations

import fcntl
import os
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from clary.engines import limits, sandbox
from clary.engines.base import CannotIsolate, Task
from clary.engines.local import LocalEngine
from tests.contracts.engine import PATH, python, texts, wait

NAMES = ("algo-1", "algo-2")

TALK = """
import socket, sys
own, other, port = sys.argv[1], sys.argv[2], 4711
assert socket.gethostname() == own
if own == "algo-1":
    with socket.create_server((own, port)) as server:  # the other has the same port of its own address
        open("ready", "w").close()
        connection, _ = server.accept()
        print(connection.recv(100).decode())
else:
    with socket.create_server((own, port)):
        while True:
            try:
                connection = socket.create_connection((other, port), 5)
                break
            except ConnectionRefusedError:
                pass
        connection.sendall(b"hello from " + own.encode())
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "data" / "tasks"


@pytest.fixture
def engine(root: Path) -> Iterator[LocalEngine]:
    engine = LocalEngine(root)
    if not sandbox.find().network:
        pytest.skip(sandbox.find().complaint)
    yield engine
    engine.close()


Pair = Callable[..., list[Task]]


@pytest.fixture
def pair(engine: LocalEngine, root: Path) -> Iterator[Pair]:
    """Starts two hosts of one job: ``pair(code, **members of both tasks)``."""
    started: list[Task] = []

    def start(code: str, job: str = "job", **members: Any) -> list[Task]:
        tasks = [
            Task(
                directory=root / job / name,
                command=[*python(code), name, other],
                environment=PATH,
                hostname=name,
                hosts={"algo-1": "127.77.7.1", "algo-2": "127.77.7.2"},
                meeting=root / job / "network",
                grace=1.0,
                **members,
            )
            for name, other in (NAMES, NAMES[::-1])
        ]
        for task in tasks:
            engine.start(task)
        started.extend(tasks)
        return tasks

    yield start
    for task in started:
        engine.stop(task.directory)
        wait(engine, task.directory)


@pytest.mark.parametrize("network", [True, False])
def test_hosts_reach_each_other_by_name(engine: LocalEngine, pair: Pair, network: bool) -> None:
    tasks = pair(TALK, network=network)
    assert [wait(engine, task.directory).exit_code for task in tasks] == [0, 0], [texts(t.directory) for t in tasks]
    assert texts(tasks[0].directory) == ["hello from algo-2"]


def test_a_shared_network_is_the_hosts_alone(engine: LocalEngine, pair: Pair) -> None:
    with socket.create_server(("127.0.0.1", 0)) as outside:
        code = (
            "import socket; print([name for _, name in socket.if_nameindex()])\n"
            f"print(socket.socket().connect_ex(('127.0.0.1', {outside.getsockname()[1]})) != 0)\n"
            "try: socket.create_connection(('192.0.2.1', 53), 2)\nexcept OSError as error: print(error.strerror)\n"
        )
        tasks = pair(code, network=False)
        for task in tasks:
            wait(engine, task.directory)
            assert texts(task.directory) == ["['lo']", "True", "Network is unreachable"]


def test_two_jobs_do_not_meet(engine: LocalEngine, pair: Pair) -> None:
    code = (
        "import socket, sys, time\nserver = socket.create_server(('127.0.0.1', 4712 + (sys.argv[1] == 'algo-2')))\n"
        "print('mine', flush=True)\ntime.sleep(600)\n"
    )
    for job in ("one", "two"):
        for task in pair(code, job=job, network=False):
            assert wait(engine, task.directory, lambda t=task: bool(texts(t.directory))).ended is None
            assert texts(task.directory) == ["mine"]


def test_the_network_goes_when_its_last_task_has(engine: LocalEngine, pair: Pair, root: Path) -> None:
    tasks = pair("import time; time.sleep(600)", network=False, memory_bytes=1 << 30)
    holder = root / "job/network/holder"
    wait(engine, tasks[1].directory, lambda: holder.exists() and bool(holder.read_text()))
    process = int(holder.read_text())
    os.kill(process, 0)
    for task in tasks:
        engine.stop(task.directory)
        wait(engine, task.directory)
        for group in limits.groups(task.directory, 1 << 30, 0):
            assert not Path(group["folder"]).exists()
    with holder.open() as file:
        fcntl.flock(file, fcntl.LOCK_EX)  # it lets go of it as it ends
    again = pair(TALK, job="job-again", network=False)
    assert [wait(engine, task.directory).exit_code for task in again] == [0, 0]


def test_hosts_share_the_doors_to_the_server(engine: LocalEngine, pair: Pair, tmp_path: Path) -> None:
    path = tmp_path / "doors" / "api"
    path.parent.mkdir()
    server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    server.bind(str(path))
    server.listen()

    def answer() -> None:
        for _ in NAMES:
            connection, _ = server.accept()
            with connection:
                connection.sendall(b"from the server")

    thread = threading.Thread(target=answer)
    thread.start()
    code = "import socket; print(socket.create_connection(('127.0.0.1', 8780), 5).recv(100).decode())"
    tasks = pair(code, network=False, doors={8780: path})
    for task in tasks:
        wait(engine, task.directory)
        assert texts(task.directory) == ["from the server"]
    thread.join(10)
    server.close()


def test_without_a_sandbox_hosts_without_names_are_refused_with_the_way_out(root: Path) -> None:
    engine = LocalEngine(root, sandbox="off")
    hosts = {"no-such-host-1": "127.77.7.1", "no-such-host-2": "127.77.7.2"}
    task = Task(directory=root / "job/a", command=["true"], hosts=hosts)
    with pytest.raises(CannotIsolate, match=r"127.0.0.1 no-such-host-1 no-such-host-2"):
        engine.start(task)
    named = Task(directory=root / "job/b", command=["true"], environment=PATH, hosts={"localhost": "", "127.0.0.1": ""})
    engine.start(named)
    assert wait(engine, named.directory).exit_code == 0
    engine.close()
