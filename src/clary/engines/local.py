"""The engine of one machine: each task is a program in a sandbox of its own, watched over by a supervisor process.

Where no sandbox works, tasks are plain processes; ``isolation`` says so, and what is then not covered.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from clary.engines import limits, plain, sandbox
from clary.engines.base import CannotIsolate, Isolation, Task
from clary.engines.durable import replace
from clary.engines.sandbox import Sandbox
from clary.engines.supervised import SupervisedTasks
from clary.engines.supervision import LISTEN_FD


class LocalEngine(SupervisedTasks):
    """``root``: where tasks' directories are, the data folder's ``tasks``. ``close`` leaves the tasks running.

    ``sandbox``: "auto" uses bubblewrap where it works, "required" raises ``CannotIsolate`` where it does not,
    "off" runs plain processes.
    """

    def __init__(self, root: Path, *, sandbox: str = "auto") -> None:
        if sandbox not in {"auto", "required", "off"}:
            raise ValueError(f"sandbox is {sandbox!r}; it takes 'auto', 'required' or 'off'")
        super().__init__(root)
        self._sandbox = _choose(sandbox)

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

    def where(self, task: Task, target: str) -> str:
        return target if self._sandbox.program else plain.where(task, target)

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

    def _complaint(self) -> str:
        return self._sandbox.complaint or "bubblewrap does not work here"


def _choose(wanted: str) -> Sandbox:
    if wanted == "off":
        return Sandbox("", complaint="The sandbox is switched off; CLARY_SANDBOX=auto switches it on")
    found = sandbox.find()
    if wanted == "required" and not (found.program and found.network):
        raise CannotIsolate(f"a sandbox is required (CLARY_SANDBOX=required), but {found.complaint}")
    return found
