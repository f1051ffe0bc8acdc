"""Tasks under supervisor processes: started, found again, stopped. Engines say what a supervisor is to run.

All truth is in the tasks' directories (see ``supervisor.py``), so a fresh engine over the same folder finds every task
again.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import signal
import subprocess
import sys
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from clary.engines.base import LOG, Progress, Task
from clary.engines.events import Events, Listener
from clary.engines.processes import run_quietly

_SUPERVISOR = Path(__file__).with_name("supervisor.py")


class SupervisedTasks(ABC):
    """``root``: where tasks' directories are, the data folder's ``tasks``. ``close`` leaves the tasks running."""

    def __init__(self, root: Path) -> None:
        root.mkdir(parents=True, exist_ok=True)
        self._root = root.absolute()
        self._events = Events(self._root / "events")

    @abstractmethod
    def _write(self, task: Task, directory: Path) -> None:
        """Lay the task out and write ``task.json``, from which its supervisor reads what to do."""

    def start(self, task: Task) -> None:
        directory = task.directory
        if (directory / "started").exists():
            return
        directory.mkdir(parents=True, exist_ok=True)
        with _alone(directory):
            if not (directory / "task.json").exists():
                self._write(task, directory)
            self._launch(directory)

    def poll(self, directory: Path) -> Progress | None:
        started = _read(directory / "started")
        if started is None:
            return Progress() if _is_alive(directory) else None
        end = _read(directory / "exit.json")
        if end is None:
            if _is_alive(directory):
                self._events.watch(directory, started["pid"])
                return Progress(started=started["started"], port=started["port"])
            end = _read(directory / "exit.json")  # it may have ended between the two looks
        if end is None:
            _kill_container(directory)
            return Progress(started=started["started"], ended=_last_sign(directory), lost=True, port=started["port"])
        return Progress(
            started=started["started"],
            ended=end["ended"],
            exit_code=end["exit_code"],
            out_of_memory=end["out_of_memory"],
            port=started["port"],
            abandoned=end.get("abandoned", False),
        )

    def stop(self, directory: Path) -> None:
        started = _read(directory / "started")
        if started is None:
            return
        with contextlib.suppress(OSError), _process(started["pid"]) as send:
            if _is_alive(directory):  # looked at with the process in hand: the pid is its own, not a later one's
                send(signal.SIGTERM)

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        return self._events.subscribe(listener)

    def close(self) -> None:
        """Stop listening. The tasks go on."""
        self._events.close()

    def _launch(self, directory: Path) -> None:
        """Start the supervisor; it returns once the task is certain to be found, and goes on in the background."""
        complaints = directory / "supervisor.log"
        with complaints.open("ab") as stderr:
            done = subprocess.run(
                [sys.executable, "-I", "-S", str(_SUPERVISOR), str(directory)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=stderr,
                start_new_session=True,
                cwd="/",
                check=False,
            )
        if done.returncode:
            raise OSError(
                f"the supervisor of {directory} did not start: {complaints.read_text(errors='replace')[-2000:]}"
            )


def _read(path: Path) -> dict[str, Any] | None:
    try:
        document: dict[str, Any] = json.loads(path.read_bytes())
    except FileNotFoundError:
        return None
    return document


def _is_alive(directory: Path) -> bool:
    """Whether the task's supervisor lives: it holds the lock for its whole life."""
    try:
        lock = os.open(directory / "lock", os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(lock)
    return False


@contextlib.contextmanager
def _alone(directory: Path) -> Iterator[None]:
    """One start of a task at a time, whoever asks."""
    folder = os.open(directory, os.O_RDONLY | os.O_CLOEXEC)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        yield
    finally:
        os.close(folder)


def _kill_container(directory: Path) -> None:
    """A container does not end with the supervisor that is gone."""
    specification = _read(directory / "task.json") or {}
    if command := specification.get("kill"):
        run_quietly(command, specification["environment"])


def _last_sign(directory: Path) -> float:
    """When a task whose supervisor died was last seen."""
    return max(path.stat().st_mtime for name in ("started", LOG) if (path := directory / name).exists())


@contextlib.contextmanager
def _process(pid: int) -> Iterator[Callable[[int], None]]:
    """A way to signal a process that can never reach another one of that number (on Linux)."""
    if not hasattr(os, "pidfd_open"):
        yield lambda number: os.kill(pid, number)
        return
    fd = os.pidfd_open(pid)
    try:
        yield lambda number: signal.pidfd_send_signal(fd, number)
    finally:
        os.close(fd)
