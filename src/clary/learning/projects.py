"""Where the projects lie, and the working copy of one that a person may change."""

from __future__ import annotations

import hashlib
import shutil
import tomllib
from dataclasses import dataclass
from pathlib import Path

import clary
from clary.engines import durable
from clary.learning import records

_COPIED = ".copied.json"  # in a working folder: file → checksum of what was copied there
_NOT_COPIED = frozenset({"__pycache__", ".ipynb_checkpoints", "output", "data"})


class UnknownProject(Exception):
    """There is no project of that name; the text names those that there are."""


@dataclass(frozen=True)
class Project:
    """``folder`` holds the original files; ``summary`` is a sentence; ``download_mb`` is of its Python environment.

    ``environment`` names the project whose Python environment it works in: mostly its own. ``takes`` says what
    ``--input`` may name besides a sample, and ``takes_folder`` whether that is a folder. ``order`` is its place in the course.
    """

    name: str
    folder: Path
    title: str
    summary: str
    download_mb: int
    environment: str = ""
    takes: str = "a .csv or .csv.gz file"
    takes_folder: bool = False
    order: int = 100

    @property
    def lock(self) -> Path:
        return self.folder.parent / (self.environment or self.name) / "requirements.lock"


def projects_folder() -> Path:
    """The folder of all projects: inside the installed package, else in the checkout that this runs from."""
    package = Path(clary.__file__).parent
    installed = package / "projects"
    return installed if installed.is_dir() else package.parents[1] / "projects"


def projects() -> list[Project]:
    """Every project that is there, in the order of the course."""
    found = (_read(path) for path in projects_folder().glob("*/project.toml"))
    return sorted(found, key=lambda project: (project.order, project.name))


def find(name: str) -> Project:
    """The project of that name; ``UnknownProject`` names those that there are."""
    for project in projects():
        if name in {project.name, project.name.replace("_", "-")}:
            return project
    known = ", ".join(project.name for project in projects()) or "none"
    raise UnknownProject(f"There is no project {name!r}. There is: {known}")


def working_copy(project: Project, data: Path) -> tuple[Path, list[str]]:
    """The project's folder below the data folder, brought up to date; and the files left as they were.

    A file that a person has changed there stays theirs. Delete it to get the original again.
    """
    folder = _folder(project, data)
    with records.alone(folder):
        return folder, _update(project, folder)


def reset(project: Project, data: Path, now: str) -> Path | None:
    """The originals again; what a person had changed goes to the folder ``before-NOW`` beside them, which is returned."""
    folder = _folder(project, data)
    with records.alone(folder):
        kept = _update(project, folder)
        if not kept:
            return None
        aside = folder / f"before-{now}"
        for name in kept:
            target = aside / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.move(folder / name, target)
        _update(project, folder)
    return aside


def _folder(project: Project, data: Path) -> Path:
    folder = data / "projects" / project.name
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _update(project: Project, folder: Path) -> list[str]:
    """Bring the folder up to date; the files that a person has changed are returned."""
    record = folder / _COPIED
    known: dict[str, str] = records.read(record)
    copied, kept = dict(known), []
    for original in _files(project.folder):
        name = original.relative_to(project.folder).as_posix()
        target, wanted = folder / name, _checksum(original)
        present = _checksum(target) if target.exists() else None
        if present == wanted:
            copied[name] = wanted
        elif present is None or present == copied.get(name):
            target.parent.mkdir(parents=True, exist_ok=True)
            durable.replace(str(target), original.read_bytes(), 0o666)  # half a file would pass for a person's own
            copied[name] = wanted
        else:
            kept.append(name)
    if copied != known:
        records.write(record, copied)
    return kept


def _read(path: Path) -> Project:
    given = tomllib.loads(path.read_text(encoding="utf-8"))
    return Project(path.parent.name, path.parent, **given)


def _files(folder: Path) -> list[Path]:
    found = [path for path in folder.rglob("*") if path.is_file()]
    return sorted(path for path in found if not _NOT_COPIED & set(path.relative_to(folder).parts))


def _checksum(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
