"""From an image to what a task needs of it: the Python to run, what to mount, what to set.

An image's environment, the runtime and a script's requirements are shown to the task at the very paths they have on
this machine, so that the command line of a task is the same inside and outside a sandbox.
"""

from __future__ import annotations

import tarfile
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from clary.engines.base import CannotIsolate, Engine, Mount, Task
from clary.engines.containers import ContainerEngine, NoSuchImage
from clary.images import catalog
from clary.images.catalog import Image
from clary.images.environments import CannotBuild, Environments


class CannotPrepare(Exception):
    """The image, its environment, or a script's requirements, cannot be had; the message says why and the way out."""


@dataclass(frozen=True)
class OwnImage:
    """An image of the user's own, which Docker or Podman run. It is what it is: nothing of Clary's is added to it."""

    uri: str
    note: str | None = None
    environment: Mapping[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return self.uri


@dataclass(frozen=True)
class Layout:
    """``programs``: by their names in SageMaker's contract, "train" and "serve", the command that each is.

    ``hook``: the folder of ``clary.runtime.hook``.
    """

    programs: Mapping[str, list[str]]
    mounts: list[Mount]
    environment: dict[str, str]
    image: str = ""
    entering: list[str] = field(default_factory=list)
    hook: Path | None = None

    def hooked(self) -> dict[str, str]:
        """What the debugger's hook needs, in every Python of the task; nothing in an image of the user's own.

        It is there in a job that saves nothing too: scripts that import smdebug find one all the same.
        """
        if self.hook is None:
            return {}
        folders = [self.environment["PYTHONPATH"], str(self.hook / "site"), str(self.hook / "compatible")]
        return {"PYTHONPATH": ":".join(folders)}

    def program(self, name: str, entrypoint: Sequence[str] = (), arguments: Sequence[str] = ()) -> dict[str, Any]:
        """The members of a ``Task`` that run the program of that name, or what takes its place.

        ``entrypoint`` replaces that of the image, ``arguments`` the name: as ContainerEntrypoint and ContainerArguments do.
        """
        if self.image:
            return self.process(entrypoint, arguments or ([] if entrypoint else [name]))
        if entrypoint:
            return {"command": [*self.entering, *entrypoint, *arguments]}
        return {"command": self.programs[name]}

    def process(self, entrypoint: Sequence[str], arguments: Sequence[str]) -> dict[str, Any]:
        """The members of a ``Task`` that run the program of a processing job: that of the image, if none is named."""
        if not self.image:
            return {"command": [*entrypoint, *arguments]}
        first, *rest = entrypoint or [""]
        return {"image": self.image, "entrypoint": first, "command": [*rest, *arguments], "working_directory": ""}


def require_opt_ml(engine: Engine) -> None:
    """``CannotPrepare`` where a program that is not Clary's would look for its files in vain."""
    isolation = engine.isolation()
    if not isolation.opt_ml:
        raise CannotPrepare(
            "ContainerEntrypoint names a program that looks for its files at /opt/ml (so do the SageMaker SDK 3.x's "
            "ModelTrainer and @remote), which a task does not see on this machine. Use script mode, as the SDK 2.x's "
            f"estimators do, or a sandbox. {isolation.uncovered[0]}"
        )


class Images:
    """``containers``: gives the engine of container images, or raises ``CannotIsolate`` with the way out."""

    def __init__(self, environments: Environments, containers: Callable[[], ContainerEngine]) -> None:
        self._environments, self._containers = environments, containers

    def find(self, uri: str) -> Image | OwnImage:
        """Clary's image of that repository, else one of the user's own; ``CannotPrepare`` if nothing runs that."""
        try:
            return catalog.find(uri)
        except catalog.UnknownImage as unknown:
            try:
                self._containers()
            except CannotIsolate as error:
                raise CannotPrepare(f"{unknown}: {error}.") from None
            return OwnImage(uri)

    def is_ready(self, image: Image | OwnImage) -> bool:
        if isinstance(image, OwnImage):
            return self._containers().has(image.uri)
        return self._environments.python(image.lock) is not None

    def prepare(self, image: Image | OwnImage) -> None:
        """Build the image's environment, or fetch the image, if it is not there; takes minutes. ``CannotPrepare``."""
        try:
            if isinstance(image, OwnImage):
                if not self._containers().has(image.uri):
                    self._containers().pull(image.uri)
            else:
                self._environments.build(image.lock)
        except CannotBuild as error:
            raise CannotPrepare(f"the image {image.name} cannot be built: {error}") from error
        except (NoSuchImage, CannotIsolate) as error:
            raise CannotPrepare(
                f"the image {image.name} is not on this machine and cannot be fetched: {error}. Build it or pull it with "
                "Docker or Podman under this very name"
            ) from error

    def runtime(self) -> Path:
        """The folder of what of Clary runs inside tasks: the path of programs that need no library. ``CannotPrepare``."""
        try:
            return self._environments.runtime()
        except CannotBuild as error:
            raise CannotPrepare(str(error)) from error

    def layout(self, image: Image | OwnImage, requirements: Path | None = None) -> Layout:
        """``requirements``: a requirements.txt, or a source archive that may hold one; it becomes a layer."""
        if isinstance(image, OwnImage):
            return Layout({}, [], {}, image=image.uri)
        try:
            python = self._environments.build(image.lock)
            runtime = self._environments.runtime()
            layer = self._layer(image.lock, requirements)
        except CannotBuild as error:
            raise CannotPrepare(f"the image {image.name}: {error}") from error
        folders = [python.parent.parent, runtime, *([layer] if layer else [])]
        path = [runtime, *([layer] if layer else [])]
        return Layout(
            {"train": [str(python), "-m", image.train], "serve": [str(python), "-m", image.serve]},
            [Mount(folder, str(folder)) for folder in folders],
            {
                "PATH": f"{python.parent}:/usr/local/bin:/usr/bin:/bin",
                "PYTHONPATH": ":".join(map(str, path)),
                "PYTHONUNBUFFERED": "1",
                "LANG": "C.UTF-8",
                **({"CLARY_REQUIREMENTS_INSTALLED": "1"} if layer else {}),
            },
            entering=[str(python), "-m", "clary.runtime.enter"],
            hook=runtime / "clary/runtime/hook",
        )

    @staticmethod
    def located(task: Task, engine: Engine) -> Task:
        """The task with the variables that say where it sees its own folder; that of a container knows it."""
        if task.image:
            return task
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
