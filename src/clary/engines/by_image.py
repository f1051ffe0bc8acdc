"""One engine out of two: tasks that name a container's image are run by Docker or Podman, all others on this machine."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from clary.engines import containers
from clary.engines.base import CannotIsolate, Isolation, Progress, Task
from clary.engines.containers import ContainerEngine
from clary.engines.local import LocalEngine


class EngineByImage:
    """``wanted``: what runs containers, see ``containers.find``; looked for when first needed, it takes a while."""

    def __init__(self, local: LocalEngine, root: Path, wanted: str = "auto") -> None:
        containers.check(wanted)
        self._local, self._root, self._wanted = local, root, wanted
        self._made: ContainerEngine | None = None

    def containers(self) -> ContainerEngine:
        """The engine of containers; ``CannotIsolate`` says why there is none, and the way out."""
        if self._made is None:
            runner = containers.find(self._wanted)
            if not runner.program:
                raise CannotIsolate(runner.complaint)
            self._made = ContainerEngine(self._root, runner)
        return self._made

    def isolation(self) -> Isolation:
        return self._local.isolation()

    def start(self, task: Task) -> None:
        if task.image:
            self.containers().start(task)
        else:
            self._local.start(task)

    def poll(self, directory: Path) -> Progress | None:
        return self._local.poll(directory)  # all truth is in the directory, whoever started it

    def stop(self, directory: Path) -> None:
        self._local.stop(directory)  # its supervisor knows how

    def subscribe(self, listener: Callable[[Path], None]) -> Callable[[], None]:
        return self._local.subscribe(listener)

    def where(self, task: Task, target: str) -> str:
        return target if task.image else self._local.where(task, target)

    def close(self) -> None:
        self._local.close()
