"""The engine of one machine: each task is a program in a sandbox of its own, watched over by a supervisor process.

All truth is in the tasks' directories (see ``supervisor.py``), so a fresh engine over the same folder finds every task
again. Where no sandbox works, tasks are plain processes; ``isolation`` says so, and what is then not covered.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from clary.engines import limits, plain, sandbox
from clary.engines.base import LOG, CannotIsolate, Isolation, Progress, Task
from clary.engines.durable import replace
from clary.engines.events import Events, Listener
from clary.engines.sandbox import Sandbox
from clary.engines.supervision import LISTEN_FD

_SUPERVISOR = Path(__file__).with_name("supervisor.py")


class LocalEngine:
    """``root``: where tasks' directories are, the data folder's ``tasks``. ``close`` leaves the tasks running.

    ``sandbox_wanted``: "auto" uses bubblewrap where it works, "required" raises ``CannotIsolate`` where it does not,
    "off" runs plain processes.
    """

    def __init__(self, root: Path, *, sandbox: str = "auto") -> None:
        if sandbox not in {"auto", "required", "off"}:
            raise ValueError(f"sandbox is {sandbox!r}; it takes 'auto', 'required' or 'off'")
        root.mkdir(parents=True, exist_ok=True)
        self._root = root.absolute()
        self._sandbox = _choose(sandbox)
        self._events = Events(self._root / "events")

    def isolation(self) -> Isolation:
        uncovered = []
        works = bool(self._sandbox.program)
        if not works:
            uncovered.append(
                "Tasks run as plain processes: they can read and write whatever you can, your home and Clary's data "
                f"included, and find their files by the SM_* variables, not at /opt/ml. {self._sandbox.complaint}."
            )
        elif not self._sandbox.network:
            uncovered.append(f"{self._sandbox.complaint}.")
        if works and os.getuid() == 0:
            uncovered.append(
                "Clary runs as root, and so do its tasks, though without root's powers: run it as an ordinary user."
            )
        if not limits.works():
            uncovered.append(
                "The limits of instance types are not kept: this user may not make control groups (root may, where "
                "/sys/fs/cgroup is writable). When memory runs out, the kernel ends tasks before it ends Clary."
            )
        level = "bubblewrap" if works else "process"
        return Isolation(level, works, self._sandbox.network, uncovered, limits=limits.works())

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

    def where(self, task: Task, target: str) -> str:
        return target if self._sandbox.program else plain.where(task, target)

    def close(self) -> None:
        """Stop listening. The tasks go on."""
        self._events.close()

    def _write(self, task: Task, directory: Path) -> None:
        """Lay the task out and write ``task.json``, from which its supervisor reads what to do."""
        if not task.network and not self._sandbox.network:
            wanted = (
                "CLARY_JOB_NETWORK=off lets jobs reach Clary alone" if task.doors else "the task asks for no network"
            )
            raise CannotIsolate(f"{wanted}, and this machine cannot give that: {self._complaint()}")
        if len(task.hosts) > 1 and not self._sandbox.program:
            plain.check_names(task.hosts, self._complaint())
        for folder in ("ml", "tmp"):
            (directory / folder).mkdir(parents=True, exist_ok=True)
        if not self._sandbox.program:
            plain.clear(task)
        sandbox.check(task.mounts, directory / "ml")
        environment = dict(task.environment)
        if task.listen:
            environment["CLARY_LISTEN_FD"] = str(LISTEN_FD)
        spec: dict[str, Any] = {
            "command": task.command,
            # bubblewrap itself runs on an empty one: LD_PRELOAD and its like must act inside only.
            "environment": {} if self._sandbox.program else environment,
            "working_directory": "/",
            "handed": {},
            "sandboxed": bool(self._sandbox.program),
            "listen": task.listen,
            "grace": task.grace,
            "events": str(self._events.path),
            "groups": limits.groups(directory, task.memory_bytes, task.cpus),
            "meeting": str(task.meeting) if task.meeting and not task.network else "",
            "holder": sandbox.shared(task) if self._sandbox.program else [],
            "companion": task.companion,
            "usage": {"every": task.sampling, "memory": task.memory_bytes} if task.sampling else None,
        }
        if self._sandbox.program:
            spec["command"], spec["handed"] = sandbox.command(self._sandbox, task, environment, self._root.parent)
        else:
            plain.lay_out(task)
            spec["working_directory"] = plain.where(task, task.working_directory)
        replace(str(directory / "task.json"), json.dumps(spec))

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

    def _complaint(self) -> str:
        return self._sandbox.complaint or "bubblewrap does not work here"


def _choose(wanted: str) -> Sandbox:
    if wanted == "off":
        return Sandbox("", complaint="The sandbox is switched off; CLARY_SANDBOX=auto switches it on")
    found = sandbox.find()
    if wanted == "required" and not (found.program and found.network):
        raise CannotIsolate(f"a sandbox is required (CLARY_SANDBOX=required), but {found.complaint}")
    return found


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
