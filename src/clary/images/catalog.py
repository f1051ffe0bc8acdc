"""From an image URI to the image that Clary has under that repository name, in any account, region and tag.

An image is a folder beside this module: ``image.toml`` says what it is, ``requirements.lock`` what is in it. A new one
is a new folder.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

from clary.images import builds

_HERE = Path(__file__).parent
_URI = re.compile(r"(?:(?P<registry>[^/]+\.[^/]+)/)?(?P<repository>[^:@]+)(?::(?P<tag>[^@]+))?(?:@sha256:.+)?$")


class UnknownImage(Exception):
    """No image of that name; the text names those that there are."""


@dataclass(frozen=True, kw_only=True)
class Image:
    """``train`` and ``serve`` are modules, run as programs.

    ``metric_definitions`` are those of its built-in algorithm, if it has one: what CreateTrainingJob fills in.
    ``tags_are_versions``: of ``library``, so that one that asks for another can be noted.
    ``beside``: its jobs belong to another job that runs, and take no room of their own (``clary.jobs.room``).
    ``download_mb`` and ``disk_mb`` were measured on Linux. ``tag`` is what the URI asked for.
    """

    name: str
    repositories: tuple[str, ...]
    library: str
    lock: Path
    train: str
    serve: str
    download_mb: int
    disk_mb: int
    tags_are_versions: bool = True
    beside: bool = False
    tag: str = ""
    environment: dict[str, str] = field(default_factory=dict)
    metric_definitions: tuple[dict[str, str], ...] = ()

    @property
    def version(self) -> str:
        """Of the image's library, as its lock, or what is left out of it (``builds.py``), pins it."""
        return _pinned(self.lock, self.library)

    @property
    def note(self) -> str | None:
        """What a job's log should say first: that the tag asks for another version than is installed."""
        asked = re.match(r"\d+(?:\.\d+)*", self.tag)
        if (
            asked is None
            or not self.tags_are_versions
            or self.version == asked[0]
            or self.version.startswith(asked[0] + ".")
        ):
            return None
        return (
            f"Clary: the image URI asks for {self.library} {asked[0]}; this machine's image has {self.version} "
            "(one version of each image is kept). Results may differ in detail."
        )


def repository(uri: str) -> str:
    """The repository of an image URI, in whatever registry; the whole text if it is none."""
    parts = _URI.match(uri)
    return parts["repository"] if parts else uri


def find(uri: str) -> Image:
    """The image of a URI (or of a bare repository or image name); ``UnknownImage`` if there is none."""
    parts = _URI.match(uri)
    wanted = repository(uri)
    for image in images():
        if wanted == image.name or wanted in image.repositories:
            tag = (parts["tag"] if parts else "") or ""
            return replace(image, tag=tag)
    known = ", ".join(repository for image in images() for repository in image.repositories)
    raise UnknownImage(
        f"Invalid image URI {uri}. Clary has no image of the repository {wanted!r}; it has: {known}. "
        "Use script mode on one of these; an image of your own needs Docker or Podman"
    )


@cache
def images() -> tuple[Image, ...]:
    """Every image, by name."""
    return tuple(_read(path) for path in sorted(_HERE.glob("*/image.toml")))


def _read(path: Path) -> Image:
    text = tomllib.loads(path.read_text())
    return Image(
        name=path.parent.name,
        repositories=tuple(text["repositories"]),
        library=text["library"],
        lock=path.parent / "requirements.lock",
        train=text["train"],
        serve=text["serve"],
        download_mb=text["download_mb"],
        disk_mb=text["disk_mb"],
        tags_are_versions=text.get("tags_are_versions", True),
        beside=text.get("beside", False),
        environment={"CLARY_HANDLERS": text["handlers"], **text.get("environment", {})},
        metric_definitions=tuple(_definitions(text["metrics"])) if "metrics" in text else (),
    )


def _definitions(metrics: dict[str, Any]) -> Iterator[dict[str, str]]:
    """One for each name, or for each name of each channel by a pattern of them all."""
    for name, regex in metrics.get("definitions", {}).items():
        yield {"Name": name, "Regex": regex}
    for channel in metrics.get("channels", ()):
        for name in metrics["names"]:
            regex = metrics["regex"].replace("{channel}", channel).replace("{name}", name)
            yield {"Name": f"{channel}:{name}", "Regex": regex}


@cache
def _pinned(lock: Path, library: str) -> str:
    pins = "\n".join([lock.read_text(), *builds.of(lock)])
    found = re.search(rf"^{re.escape(library)}(?:\[[^]]*\])?==([^\s;\\]+)", pins, re.MULTILINE)
    return found[1] if found else ""
