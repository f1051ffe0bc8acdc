"""Inputs that a job sees grow while it runs: what lies below a prefix of S3, and what comes there, as files of a folder.

Of the jobs of Debugger's rules, whose inputs are the tensors of a training job (the layout: ``clary.formats.tensors``).
Files appear in the order in which their objects were put, so that a step's events are there before its index is. The
keys below ``events`` and ``index`` rise with the steps: only their end is looked at again.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from clary.buckets import Entry, parse_uri
from clary.engines.base import Mount
from clary.guarded_buckets import GuardedBuckets
from clary.store.base import Record

FOLDER = "followed"
"""Beside the ``ml`` of a host: a numbered folder for each such input."""

_RISING = ("events/", "index/")
_BEHIND = 200  # keys before the newest that are looked at again: another host's may come a little later
_SCRATCH = ".coming"


@dataclass(frozen=True)
class Input:
    """What lies below ``uri`` is shown at ``path``; ``folder`` is below the host's directory."""

    path: str
    folder: str
    uri: str


def inputs(job: Record) -> list[Input]:
    """Those of a job that follows its inputs; no other job has any."""
    if not job.body.get("_beside"):
        return []
    return [
        Input(each["S3Input"]["LocalPath"].rstrip("/"), f"{FOLDER}/{number}", each["S3Input"]["S3Uri"].rstrip("/"))
        for number, each in enumerate(job.body["ProcessingInputs"])
        if each["AppManaged"] and "S3Input" in each
    ]


def mounts(job: Record, directory: Path, *, linked: bool) -> Iterator[Mount]:
    """Make the folders; ``linked``: see ``Followed``."""
    for each in inputs(job):
        (directory / each.folder).mkdir(parents=True, exist_ok=True)
        yield Mount(directory / each.folder, each.path, writable=not linked)


class Followed:
    """One input. ``linked``: its files are links to the stored bytes, which the task sees and cannot write to.

    What it knows is lost with the server; then all of it is laid out once more, over itself.
    """

    def __init__(self, directory: Path, source: Input, *, linked: bool) -> None:
        self._folder, self._uri, self._linked = directory / source.folder, source.uri, linked
        self._bucket, self._prefix = parse_uri(f"{source.uri}/")
        self._known: dict[str, int] = {}  # name → the object's sequence
        self._ends: dict[str, list[str]] = {part: [] for part in _RISING}  # the newest keys

    def look(self, buckets: GuardedBuckets, now: datetime) -> None:
        """Lay out what has come. ``ServiceError`` if it cannot be read any more, ``OSError``."""
        found = [entry for entry in self._listed(buckets) if entry.modified < now]  # else one before it may be missed
        for entry in sorted(found, key=lambda entry: entry.sequence):
            name = entry.key.removeprefix(self._prefix)
            if self._known.get(name) != entry.sequence and _is_plain(name):
                self._put(buckets, entry, self._folder / name)
                self._known[name] = entry.sequence

    def _listed(self, buckets: GuardedBuckets) -> Iterator[Entry]:
        yield from buckets.list(f"{self._uri}/collections/")
        for part in _RISING:
            ends = self._ends[part]
            for entry in buckets.list(f"{self._uri}/{part}", after=ends[0] if len(ends) == _BEHIND else ""):
                if entry.key not in ends:
                    ends.append(entry.key)
                yield entry
            self._ends[part] = sorted(ends)[-_BEHIND:]
        yield from buckets.list(f"{self._uri}/training_job_end.ts")

    def _put(self, buckets: GuardedBuckets, entry: Entry, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        scratch = path.with_name(path.name + _SCRATCH)
        scratch.unlink(missing_ok=True)
        if not self._link(buckets, entry, scratch):
            buckets.save(entry, scratch)
        scratch.replace(path)
        scratch.unlink(missing_ok=True)  # a link to what is there already stays

    def _link(self, buckets: GuardedBuckets, entry: Entry, path: Path) -> bool:
        """Whether it could be: not what is encrypted, nor on another file system."""
        file = buckets.file(entry) if self._linked else None
        if file is None:
            return False
        try:
            os.link(file, path)
        except OSError:
            return False
        return True


def of(job: Record, folders: list[Path], *, linked: bool) -> list[Followed]:
    """Of all hosts of a job, whose folders these are."""
    return [Followed(folder, each, linked=linked) for folder in folders for each in inputs(job)]


def _is_plain(name: str) -> bool:
    return not any(part in {"", ".", ".."} for part in name.split("/")) and "\0" not in name
