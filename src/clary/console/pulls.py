"""Images that are being built because somebody asked for them on a page: what uv says, as it says it.

Nothing of it is kept: an image that is there is there, and one whose building was cut off is built when it is next asked for.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass

from clary.images.catalog import Image
from clary.images.environments import CannotBuild, Environments


@dataclass(frozen=True)
class Pull:
    """``line``: what was said last; ``problem``: why it ended without an image."""

    line: str
    problem: str = ""


class Pulls:
    """One building of each image at a time; the environments' own lock keeps other processes apart."""

    def __init__(self, environments: Environments) -> None:
        self._environments = environments
        self._lock = threading.Lock()
        self._pulls: dict[str, Pull] = {}

    def start(self, image: Image) -> None:
        """Begin to build; nothing happens if it is being built, or is there."""
        with self._lock:
            going = self._pulls.get(image.name)
            if self._environments.python(image.lock) is not None or (going is not None and not going.problem):
                return
            self._pulls[image.name] = Pull("resolving")
        threading.Thread(target=self._build, args=(image,), name=f"pull-{image.name}", daemon=True).start()

    def of(self, image: Image) -> Pull | None:
        """How its building goes; None if none was asked for, or it is there."""
        with self._lock:
            return self._pulls.get(image.name)

    def _build(self, image: Image) -> None:
        try:
            self._environments.build(image.lock, lambda line: self._say(image, Pull(line.strip()[:160])))
        except CannotBuild as problem:
            self._say(image, Pull("", str(problem)))
            return
        with self._lock:
            self._pulls.pop(image.name, None)

    def _say(self, image: Image, pull: Pull) -> None:
        with self._lock:
            self._pulls[image.name] = pull
