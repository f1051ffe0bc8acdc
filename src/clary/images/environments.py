"""Building the Python environments of images and projects, each once per user, from a lock with hashes.

An environment is named by what it is made of: the lock's content, the Python, the machine. What differs by machine is
installed last (``builds.py``). A mark is set when all of it is there, so one that has it works; a lock file keeps two
builders apart.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import uv

import clary
from clary.images import builds
from clary.images.index_settings import uv_environment

Progress = Callable[[str], None]
"""Called with each line that uv says while it works."""

_PACKAGE = Path(clary.__file__).parent
_IN_TASKS = ("__init__.py", "runtime", "formats", "images")  # what of Clary a task sees


class CannotBuild(Exception):
    """An environment cannot be had; the message says why and what to do."""


class Environments:
    """``cache`` is the user's cache folder (``settings.cache``)."""

    def __init__(self, cache: Path) -> None:
        self._cache = cache

    def python(self, lock: Path) -> Path | None:
        """The Python of the lock's environment, if it is built."""
        python = self._folder(lock) / "bin" / "python"
        return python if (python.parent.parent / "built").exists() else None

    def build(self, lock: Path, on_progress: Progress | None = None) -> Path:
        """The Python of the lock's environment, built now if it is not there. ``CannotBuild`` if it cannot be."""
        if (python := self.python(lock)) is not None:
            return python
        folder = self._folder(lock)
        with self._alone(folder):
            if (python := self.python(lock)) is not None:  # another process was quicker
                return python
            shutil.rmtree(folder, ignore_errors=True)
            self._uv(["venv", "--quiet", "--no-config", "--python", _base_python(), str(folder)], on_progress)
            python = folder / "bin" / "python"
            install = ["pip", "install", "--no-config", "--python", str(python), "--require-hashes", "-r", str(lock)]
            self._uv(install, on_progress)
            self._add_builds(python, builds.of(lock), on_progress)
            (folder / "built").touch()
        return python

    def layer(self, lock: Path, requirements: Path) -> Path:
        """A folder with what a script's ``requirements.txt`` asks for and the lock's environment has not; kept by content.

        What the environment has in a version that will do stays as it is, and what was installed by machine stays
        whatever is asked: ``CannotBuild`` if another version of that is.
        """
        python = self.build(lock)
        key = hashlib.sha256(requirements.read_bytes() + str(python).encode()).hexdigest()[:24]
        folder = self._cache / "layers" / key
        with self._alone(folder):
            if not (folder / ".built").exists():
                shutil.rmtree(folder, ignore_errors=True)
                folder.mkdir()
                if missing := self._missing(python, builds.of(lock), requirements):
                    install = ["pip", "install", "--no-config", "--python", str(python), "--target", str(folder)]
                    self._uv([*install, "--no-deps", *missing], None)
                (folder / ".built").touch()
        return folder

    def _missing(self, python: Path, fixed: list[str], requirements: Path) -> list[str]:
        """What would have to be added to an environment, each with its version, to have all that is required."""
        with tempfile.TemporaryDirectory() as scratch:
            constraints = Path(scratch) / "constraints.txt"
            constraints.write_text("\n".join(fixed))
            plan = ["pip", "install", "--no-config", "--python", str(python), "--dry-run", "--color", "never"]
            try:
                lines = self._uv([*plan, "--constraints", str(constraints), "-r", str(requirements)], None)
            except CannotBuild as error:
                if not any(pin in str(error) for pin in fixed):
                    raise
                raise CannotBuild(
                    f"requirements.txt asks for another version of what the image brings, {', '.join(fixed)}: leave the "
                    f"version out. {error}"
                ) from error
        return [line.removeprefix(" + ") for line in lines if line.startswith(" + ")]

    def runtime(self) -> Path:
        """A copy of what of Clary runs inside tasks; its parent is never on a task's path, so nothing else leaks in."""
        files = [path for name in _IN_TASKS for path in _files(_PACKAGE / name)]
        digest = hashlib.sha256()
        for path in files:
            digest.update(str(path.relative_to(_PACKAGE)).encode() + b"\0" + path.read_bytes())
        folder = self._cache / "runtime" / digest.hexdigest()[:24]
        if not folder.exists():
            with self._alone(folder):
                aside = folder.with_suffix(".new")
                shutil.rmtree(aside, ignore_errors=True)
                for path in files:
                    target = aside / "clary" / path.relative_to(_PACKAGE)
                    target.parent.mkdir(parents=True, exist_ok=True)
                    shutil.copyfile(path, target)
                if not folder.exists():
                    aside.rename(folder)
        return folder

    def key(self, lock: Path) -> str:
        """What the lock's environment is made of, as a short word: it changes when any of that does."""
        return self._folder(lock).name

    def _folder(self, lock: Path) -> Path:
        what = [lock.read_text(), sys.version.split()[0], platform.machine(), platform.system(), _base_python()]
        if by_machine := builds.of(lock):
            what += [*by_machine, builds.kind()]
        key = hashlib.sha256("\0".join(what).encode()).hexdigest()[:16]
        return self._cache / "environments" / f"{lock.parent.name}-{key}"

    def _add_builds(self, python: Path, requirements: list[str], on_progress: Progress | None) -> None:
        """Install what is not in the lock, in the build of this machine."""
        *first, last = builds.attempts(requirements, builds.kind())
        if not requirements:
            return
        install = ["pip", "install", "--no-config", "--python", str(python)]
        for attempt in first:
            try:
                self._uv([*install, *attempt], on_progress)
            except CannotBuild:
                continue
            return
        self._uv([*install, *last], on_progress)

    @contextmanager
    def _alone(self, folder: Path) -> Iterator[None]:
        try:
            folder.parent.mkdir(parents=True, exist_ok=True)
            with folder.with_name(f".{folder.name}.lock").open("ab") as file:
                fcntl.flock(file, fcntl.LOCK_EX)
                yield
        except OSError as error:
            raise CannotBuild(
                f"{folder} cannot be written: {error.strerror}. Free some room, or set CLARY_CACHE."
            ) from error

    @staticmethod
    def _uv(arguments: list[str], on_progress: Progress | None) -> list[str]:
        """What uv said, line by line; ``CannotBuild`` if it failed."""
        command = [uv.find_uv_bin(), *arguments]
        environment = {**os.environ, **uv_environment(), "UV_NO_PROGRESS": "1"}
        environment.pop("VIRTUAL_ENV", None)
        lines: list[str] = []
        with subprocess.Popen(
            command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace"
        ) as process:
            for line in process.stdout or ():
                lines.append(line.rstrip())
                if on_progress is not None:
                    on_progress(lines[-1])
        if process.returncode != 0:
            raise CannotBuild(_explained(lines))
        return lines


def _explained(lines: list[str]) -> str:
    text = " ".join(line.strip(" ×├╰─▶│") for line in lines[-12:])
    hint = ""
    if re.search(r"dns error|connect|timed out|error sending request", text, re.IGNORECASE):
        hint = " The package index cannot be reached: check the network, or pip's index-url, proxy and cert settings."
    elif "No space left" in text:
        hint = " The disk is full: free some room, or set CLARY_CACHE to a folder elsewhere."
    elif "hash" in text.lower():
        hint = " A package is not what the lock says: the index may serve changed files."
    return f"uv could not install the packages: {text[-700:]}{hint}"


def _base_python() -> str:
    """The interpreter behind this process, not that of its virtual environment."""
    return str(getattr(sys, "_base_executable", "") or sys.executable)


def _files(path: Path) -> list[Path]:
    if path.is_file():
        return [path]
    return sorted(p for p in path.rglob("*") if p.is_file() and "__pycache__" not in p.parts)
