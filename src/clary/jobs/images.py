"""From an image to what a task needs of it: the Python to run, what to mount, what to set.

An image's environment, the runtime and a script's requirements are shown to the task at the very paths they have on
this machine, so that the command line of a task is the same inside and outside a sandbox.
"""

from __future__ import annotations

import tarfile
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

from clary.engines.base import Engine, Mount, Task
from clary.images.catalog import Image
from clary.images.environments import CannotBuild, Environments


class CannotPrepare(Exception):
    """The image's environment, or a script's requirements, cannot be had; the message says why and the way out."""


@dataclass(frozen=True)
class Layout:
    python: str
    mounts: list[Mount]
    environment: dict[str, str]


class Images:
    def __init__(self, environments: Environments) -> None:
        self._environments = environments

    def is_ready(self, image: Image) -> bool:
        return self._environments.python(image.lock) is not None

    def prepare(self, image: Image) -> None:
        """Build the image's environment if it is not there; takes minutes. ``CannotPrepare`` if it fails."""
        try:
            self._environments.build(image.lock)
        except CannotBuild as error:
            raise CannotPrepare(f"the image {image.name} cannot be built: {error}") from error

    def runtime(self) -> Path:
        """The folder of what of Clary runs inside tasks: the path of programs that need no library. ``CannotPrepare``."""
        try:
            return self._environments.runtime()
        except CannotBuild as error:
            raise CannotPrepare(str(error)) from error

    def layout(self, image: Image, requirements: Path | None = None) -> Layout:
        """``requirements``: a requirements.txt, or a source archive that may hold one; it becomes a layer."""
        try:
            python = self._environments.build(image.lock)
            runtime = self._environments.runtime()
            layer = self._layer(image.lock, requirements)
        except CannotBuild as error:
            raise CannotPrepare(f"the image {image.name}: {error}") from error
        folders = [python.parent.parent, runtime, *([layer] if layer else [])]
        path = [runtime, *([layer] if layer else [])]
        return Layout(
            str(python),
            [Mount(folder, str(folder)) for folder in folders],
            {
                "PATH": f"{python.parent}:/usr/local/bin:/usr/bin:/bin",
                "PYTHONPATH": ":".join(map(str, path)),
                "PYTHONUNBUFFERED": "1",
                "LANG": "C.UTF-8",
                **({"CLARY_REQUIREMENTS_INSTALLED": "1"} if layer else {}),
            },
        )

    @staticmethod
    def located(task: Task, engine: Engine) -> Task:
        """The task with the variables that say where it sees its own folder."""
        ml = engine.where(task, "/opt/ml")
        home = {"HOME": "/tmp" if engine.isolation().opt_ml else ml}  # noqa: S108 - the sandbox has a /tmp of its own
        return replace(task, environment={**home, **task.environment, "CLARY_ML": ml})

    def _layer(self, lock: Path, source: Path | None) -> Path | None:
        if source is None or not source.is_file():
            return None
        text = source.read_bytes() if source.name == "requirements.txt" else _requirements(source)
        if not text.strip():
            return None
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "requirements.txt"
            file.write_bytes(text)
            return self._environments.layer(lock, file)


def _requirements(archive: Path) -> bytes:
    """The requirements.txt at the top of a source archive; empty if there is none."""
    try:
        with tarfile.open(archive) as tar:
            member = next((m for m in tar if m.name.removeprefix("./") == "requirements.txt" and m.isfile()), None)
            stream = tar.extractfile(member) if member else None
            return stream.read() if stream else b""
    except (tarfile.TarError, OSError) as error:
        raise CannotPrepare(f"the source archive cannot be read: {error}") from error
