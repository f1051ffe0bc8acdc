"""Crashes: of the server, of a supervisor, between two steps of a start. All with real processes and kill -9."""

from __future__ import annotations

import fcntl
import json
import os
import queue
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from clary.engines.base import Task
from clary.engines.local import LocalEngine
from tests.contracts.engine import PATH, grows, texts, wait

SOURCE = Path(__file__).parents[3] / "src"

SERVER = """
import sys
from pathlib import Path
from clary.engines.base import Task
from clary.engines.local import LocalEngine

root, mode, code = Path(sys.argv[1]), sys.argv[2], sys.argv[3]
engine = LocalEngine(root, sandbox=mode)
engine.subscribe(lambda directory: None)
engine.start(Task(directory=root / "job", command=["bash", "-c", code], environment={"PATH": "/usr/bin:/bin"}, grace=5))
print("started", flush=True)
sys.stdin.read()
"""


@pytest.fixture(params=["auto", "off"])
def mode(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    mode = str(request.param)
    engine = LocalEngine(tmp_path / "probe", sandbox=mode)
    if mode == "auto" and engine.isolation().level != "bubblewrap":
        pytest.skip(engine.isolation().uncovered[0])
    return mode


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "data" / "tasks"


@pytest.fixture
def engine(root: Path, mode: str) -> Iterator[LocalEngine]:
    engine = LocalEngine(root, sandbox=mode)
    yield engine
    engine.close()


def job(root: Path, code: str) -> Task:
    return Task(directory=root / "job", command=["bash", "-c", code], environment=PATH, grace=5)


def started(directory: Path) -> int:
    return int(json.loads((directory / "started").read_text())["pid"])


def killed_server(root: Path, mode: str, code: str) -> None:
    """Start the task from a server process of its own, and kill that."""
    server = subprocess.Popen(
        [sys.executable, "-c", SERVER, str(root), mode, code],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(SOURCE)},
    )
    with server:
        assert server.stdout is not None
        assert server.stdout.readline() == b"started\n"
        server.kill()


def test_a_task_outlives_a_killed_server_and_is_found_again(root: Path, mode: str) -> None:
    fifo = root / "job/ml/go"
    fifo.parent.mkdir(parents=True)
    os.mkfifo(fifo)
    killed_server(root, mode, "echo before; read line < go; echo after $line; exit 7")
    engine = LocalEngine(root, sandbox=mode)
    try:
        progress = wait(engine, root / "job", lambda: texts(root / "job") == ["before"])
        assert progress.ended is None
        engine.start(job(root, "echo never"))
        fifo.write_text("restart\n")
        assert wait(engine, root / "job").exit_code == 7
    finally:
        engine.close()
    assert texts(root / "job") == ["before", "after restart"]


def test_a_task_that_ended_while_no_server_was_there_is_told_later(root: Path, mode: str) -> None:
    killed_server(root, mode, "echo done; exit 9")
    supervisor = root / "job/lock"
    with supervisor.open() as lock:
        fcntl.flock(lock, fcntl.LOCK_SH)  # returns when the supervisor is gone
    engine = LocalEngine(root, sandbox=mode)
    progress = engine.poll(root / "job")
    assert progress is not None
    assert progress.exit_code == 9
    assert texts(root / "job") == ["done"]


def test_a_task_of_a_killed_server_can_be_stopped(root: Path, mode: str) -> None:
    killed_server(root, mode, "echo up; sleep 60")
    engine = LocalEngine(root, sandbox=mode)
    try:
        engine.stop(root / "job")
        assert wait(engine, root / "job").exit_code == 143
    finally:
        engine.close()


def test_the_task_of_a_killed_supervisor_is_lost_and_dies_with_it(engine: LocalEngine, root: Path) -> None:
    task = job(
        root, "touch beat; (while :; do echo x >> beat; sleep 0.01; done) & echo up; while :; do sleep 0.01; done"
    )
    engine.start(task)
    wait(engine, task.directory, lambda: texts(task.directory) == ["up"])
    os.kill(started(task.directory), signal.SIGKILL)
    progress = wait(engine, task.directory)
    assert progress.lost
    assert progress.exit_code is None
    assert progress == engine.poll(task.directory)
    engine.stop(task.directory)  # harmless
    engine.start(task)  # it ran once: not again
    assert engine.poll(task.directory) == progress
    with (task.directory / "lock").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_SH)
    deadline = time.monotonic() + 90
    while grows(task.directory / "ml/beat"):  # the kernel ends a sandbox's processes a moment later
        assert time.monotonic() < deadline


def test_the_companion_of_a_killed_supervisor_ends_with_it(engine: LocalEngine, root: Path, tmp_path: Path) -> None:
    over = tmp_path / "over"
    os.mkfifo(over)
    companion = [sys.executable, "-I", "-S", "-c", f"import os; os.read(0, 1); open({str(over)!r}, 'w').write('ended')"]
    task = replace(job(root, "echo up; sleep 60"), companion=companion)
    engine.start(task)
    wait(engine, task.directory, lambda: texts(task.directory) == ["up"])
    os.kill(started(task.directory), signal.SIGKILL)
    assert over.read_text() == "ended"


def test_a_start_that_broke_off_before_the_supervisor_is_made_good(engine: LocalEngine, root: Path) -> None:
    task = job(root, "echo ran")
    other = LocalEngine(root, sandbox="off" if not engine.isolation().opt_ml else "auto")
    task.directory.mkdir(parents=True)
    other._write(task, task.directory)  # as far as a server got that died here
    assert engine.poll(task.directory) is None
    engine.stop(task.directory)
    engine.start(task)
    assert wait(engine, task.directory).exit_code == 0
    assert texts(task.directory) == ["ran"]


def test_a_supervisor_whose_first_process_dies_runs_nothing_it_did_not_record(engine: LocalEngine, root: Path) -> None:
    """``started`` cannot be written: a folder is in its way. Nothing runs, and the next start is told so too."""
    task = job(root, "echo ran > ran")
    (task.directory / "started.new").mkdir(parents=True)
    with pytest.raises(OSError, match="did not start"):
        engine.start(task)
    assert engine.poll(task.directory) is None
    (task.directory / "started.new").rmdir()
    engine.start(task)
    assert wait(engine, task.directory).exit_code == 0


def open_files() -> int:
    return len(list(Path("/dev/fd").iterdir()))


def test_neither_zombies_nor_descriptors_are_left(engine: LocalEngine, root: Path) -> None:
    before = None
    for number in range(5):
        task = Task(directory=root / f"job-{number}", command=["true"], environment=PATH)
        engine.start(task)
        wait(engine, task.directory)
        with (task.directory / "lock").open() as lock:
            fcntl.flock(lock, fcntl.LOCK_SH)
        before = open_files() if before is None else before
        deadline = time.monotonic() + 90
        while open_files() > before:  # fewer: what other tests left is collected
            assert time.monotonic() < deadline  # that which waits for the supervisor's end is closed in a moment
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)


def test_the_end_of_a_killed_supervisor_is_told_at_once(engine: LocalEngine, root: Path) -> None:
    told: queue.SimpleQueue[Path] = queue.SimpleQueue()
    task = job(root, "sleep 60")
    engine.subscribe(told.put)
    engine.start(task)
    running = engine.poll(task.directory)
    assert running is not None
    assert running.ended is None
    os.kill(started(task.directory), signal.SIGKILL)
    while told.get(timeout=60) == task.directory:  # without a sandbox its guardian may end a moment later
        progress = engine.poll(task.directory)
        assert progress is not None
        if progress.lost:
            return
