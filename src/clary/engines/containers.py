"""The engine of container images: each task is a container that Docker or Podman runs, watched over by a supervisor.

A container sees its own files, the task's folder as ``/opt/ml`` and the task's mounts, nothing else of this machine. Its
first process is a small init (``--init``), which hands SIGTERM to the program; what the program started gets none. One
that does not listen is on this machine's network, so that it reaches Clary where every task does. One that listens has a
network of its own, from which the port 8080 leads to a loopback port; it reaches other hosts, but not Clary.

Not covered: a task that reaches Clary and nothing else, or listens without a network: ``CannotIsolate``.
Options: https://docs.docker.com/reference/cli/docker/container/run/, podman-run(1).
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import socket
import subprocess
import sys
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from clary.engines import sandbox
from clary.engines.base import CannotIsolate, Isolation, Task
from clary.engines.durable import replace
from clary.engines.supervised import SupervisedTasks

_PORT = 8080  # where SageMaker's containers answer
_KINDS = ("docker", "podman")


class NoSuchImage(Exception):
    """Neither here nor to be had; the message is what the program said."""


@dataclass(frozen=True)
class Runner:
    """``program``: the path of Docker's or Podman's command, "" if neither works; ``complaint``: why, and the way out."""

    program: str
    complaint: str = ""

    @property
    def name(self) -> str:
        return Path(self.program).name


def check(wanted: str) -> None:
    """``ValueError`` if ``find`` does not know it."""
    if wanted not in {"auto", "off", *_KINDS}:
        raise ValueError(f"containers is {wanted!r}; it takes 'auto', 'docker', 'podman' or 'off'")


@lru_cache
def find(wanted: str = "auto") -> Runner:
    """What runs containers here: "auto" takes Docker or Podman, whichever answers; found out once per process."""
    if wanted == "off":
        return Runner("", "containers are switched off; CLARY_CONTAINERS=auto switches them on")
    complaints = []
    for name in _KINDS if wanted == "auto" else (wanted,):
        if not (program := shutil.which(name)):
            continue
        if not (complaint := _complaint(program)):
            return Runner(program)
        complaints.append(f"{name} is installed, but does not answer: {complaint}")
    return Runner("", "; ".join(complaints) or "install Docker or Podman (as administrator, `apt install podman`)")


def _complaint(program: str) -> str:
    done = _run(program, "info", timeout=30)
    return "" if done.returncode == 0 else _last_line(done)


def _run(*command: str, timeout: float | None = None) -> subprocess.CompletedProcess[str]:
    """``timeout``: in seconds; what takes longer has failed, and says so."""
    try:
        return subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=timeout, check=False
        )
    except subprocess.TimeoutExpired:
        return subprocess.CompletedProcess(command, 1, "", f"no answer within {timeout:g} seconds")


def _last_line(done: subprocess.CompletedProcess[str]) -> str:
    return (done.stderr.strip() or done.stdout.strip()).rpartition("\n")[2]


class ContainerEngine(SupervisedTasks):
    """``runner``: its program is that of Docker or Podman."""

    def __init__(self, root: Path, runner: Runner) -> None:
        super().__init__(root)
        self._runner = runner
        # Without them where an ordinary user has none to give: control groups of the first version.
        self._limits = runner.name == "docker" or os.getuid() == 0 or Path("/sys/fs/cgroup/cgroup.controllers").exists()

    def isolation(self) -> Isolation:
        return Isolation(self._runner.name, True, True, limits=self._limits)

    def where(self, _: Task, target: str) -> str:
        return target

    def has(self, image: str) -> bool:
        return _run(self._runner.program, "image", "inspect", image).returncode == 0

    def pull(self, image: str) -> None:
        """Fetch an image that is not here; takes minutes. ``NoSuchImage`` if it cannot be had."""
        done = _run(self._runner.program, "pull", "--quiet", image)
        if done.returncode:
            raise NoSuchImage(_last_line(done))

    def _write(self, task: Task, directory: Path) -> None:
        if not task.network and (wanted := _wanted(task)):
            raise CannotIsolate(f"a container cannot be given the network that it should have: {wanted}")
        for folder in ("ml", "tmp"):
            (directory / folder).mkdir(parents=True, exist_ok=True)
        sandbox.check(task.mounts, directory / "ml")
        port = _free_port() if task.listen else None
        given, own = dict(os.environ), task.environment
        spec = {
            "command": [self._runner.program, *self._words(task, port, given)],
            "environment": {**own, **given},
            "working_directory": "/",
            "handed": {},
            "sandboxed": False,
            "listen": False,
            "port": port,
            "grace": task.grace,
            "events": str(self._events.path),
            "top": [self._runner.program, "top", container_name(directory)],
            "stop": [self._runner.program, "kill", "--signal", "TERM", container_name(directory)],
            "kill": self._kill(directory),
            "companion": task.companion,
        }
        replace(str(directory / "task.json"), json.dumps(spec))

    def _words(self, task: Task, port: int | None, given: dict[str, str]) -> list[str]:
        """The options, the image and the command. Values of variables are handed on by name: they may be secret."""
        words = ["run", "--rm", "--init", "--pull", "never", "--name", container_name(task.directory)]
        words += ["--security-opt", "label=disable", "--volume", f"{task.directory}/ml:/opt/ml"]
        for mount in task.mounts:
            words += ["--volume", f"{mount.source}:{mount.target}{'' if mount.writable else ':ro'}"]
        for name, value in task.environment.items():
            # The client's own variables stay as they are.
            words += ["--env", name if name not in given else f"{name}={value}"]
        if port:
            words += ["--publish", f"127.0.0.1:{port}:{_PORT}"]
        else:
            words += ["--network", "host" if task.network else "none"]
        words += ["--hostname", task.hostname]
        for name, address in task.hosts.items():
            words += ["--add-host", f"{name}:{address}"]
        if self._limits:
            words += ["--memory", f"{task.memory_bytes}b"] if task.memory_bytes else []
            words += ["--cpus", str(min(task.cpus, os.cpu_count() or 1))] if task.cpus else []
        if task.working_directory:
            words += ["--workdir", task.working_directory]
        words += self._of_the_kind()
        if task.entrypoint:
            words += ["--entrypoint", task.entrypoint]
        return [*words, task.image, *task.command]

    def _of_the_kind(self) -> list[str]:
        """What Docker and Podman spell differently: the output goes straight to the supervisor, GPUs are shown."""
        has_gpus = next(Path("/dev").glob("nvidia[0-9]*"), None) is not None
        if self._runner.name == "docker":
            return ["--log-driver", "none", *(["--gpus", "all"] if has_gpus else [])]
        # Podman in a virtual machine (macOS) cannot hand its own output on.
        driver = "passthrough" if sys.platform == "linux" else "none"
        return ["--log-driver", driver, *(["--device", "nvidia.com/gpu=all"] if has_gpus else [])]

    def _kill(self, directory: Path) -> list[str]:
        """Remove it in whatever state it is; Podman would first ask it to end, and wait."""
        at_once = ["--time", "0"] if self._runner.name == "podman" else []
        return [self._runner.program, "rm", "--force", *at_once, container_name(directory)]


def _wanted(task: Task) -> str:
    """What of a network a task without one asks for all the same; "" if nothing."""
    if task.doors:
        return "CLARY_JOB_NETWORK=off lets it reach Clary alone"
    if task.listen:
        return "it is to answer without one"
    return "its hosts are to reach each other alone" if len(task.hosts) > 1 else ""


def container_name(directory: Path) -> str:
    """Of the container that is, or was, the task of a directory."""
    return f"clary-{hashlib.sha256(os.fsencode(directory)).hexdigest()[:24]}"


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])
