"""A project's programs run from a page: its checkpoints, its solution, its cleaning; and what they print.

Each is a process of its own, ``clary project check NAME`` and its like, that goes on when the server ends. Its log's lock says
whether it runs: the process has it through its standard output, so no pid file can be wrong.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Literal

from clary.learning.projects import Project

What = Literal["check", "run", "clean"]

_CHECKPOINT = re.compile(r"^  (yes|no )  (.*)$")


@dataclass(frozen=True)
class Checkpoint:
    """``said``: what holds, or what to do."""

    holds: bool
    title: str
    said: str


@dataclass(frozen=True)
class Run:
    """``age``: seconds since its log was last written to."""

    running: bool
    lines: Sequence[str]
    age: float


class Runs:
    """The runs of one data folder."""

    def __init__(self, data: Path) -> None:
        self._data = data

    def start(self, project: Project, what: What, *arguments: str) -> bool:
        """Begin; False if it runs already."""
        log = self._log(project, what)
        log.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with log.open("ab") as out:
            while not _lock(out, fcntl.LOCK_EX):
                if not _lock(out, fcntl.LOCK_SH):
                    return False
                # Nothing runs: a page was just looking whether something does, which takes the lock for a moment.
            out.truncate(0)
            command = [
                sys.executable,
                "-m",
                "clary",
                "project",
                what,
                project.name,
                "--data",
                str(self._data),
                *arguments,
            ]
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                env={**os.environ, "COLUMNS": "110", "PYTHONUNBUFFERED": "1"},
                start_new_session=True,
            )
            log.with_suffix(".pid").write_text(str(process.pid))
        threading.Thread(target=process.wait, name=f"{what}-{project.name}", daemon=True).start()
        return True

    def of(self, project: Project, what: What, lines: int = 400) -> Run | None:
        """The last run, its last lines; None if there was none."""
        log = self._log(project, what)
        try:
            text = log.read_text(encoding="utf-8", errors="replace")
            return Run(_is_locked(log), text.splitlines()[-lines:], time.time() - log.stat().st_mtime)
        except FileNotFoundError:
            return None

    def stop(self, project: Project, what: What) -> None:
        """End a run that goes on."""
        log = self._log(project, what)
        if log.exists() and _is_locked(log):
            with contextlib.suppress(ProcessLookupError, FileNotFoundError, ValueError):
                os.killpg(int(log.with_suffix(".pid").read_text()), signal.SIGTERM)

    def _log(self, project: Project, what: What) -> Path:
        return self._data / "projects" / ".runs" / f"{project.name}.{what}.log"


def checkpoints(lines: Sequence[str]) -> list[Checkpoint]:
    """What ``check.py`` printed: a line for each checkpoint."""
    found = []
    for line in lines:
        if match := _CHECKPOINT.match(line):
            title, _, said = match[2].partition(": ")
            found.append(Checkpoint(match[1] == "yes", title, said))
    return found


def _is_locked(log: Path) -> bool:
    with log.open("rb") as file:
        return not _lock(file, fcntl.LOCK_SH)


def _lock(file: IO[bytes], how: int) -> bool:
    """Whether it was free."""
    try:
        fcntl.flock(file, how | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
