"""Removes the folders of jobs and endpoints that were deleted: the code and the small files that stay with a job go with it,
and so does what is noted of how far its logs were carried.

What is there is compared with what the records name, so a crash between the two leaves nothing behind.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

from clary.engines.base import Engine
from clary.store.base import Record, Store
from clary.store.log_events import LogEvents

_FOLDERS = {
    "training": "TrainingJob",
    "processing": "ProcessingJob",
    "transform": "TransformJob",
    "endpoints": "Endpoint",
}
"""Below the folder of tasks: which kind of record has its folders there, as ``<region>/<name>-<random>[.<attempt>]``."""


class Removal:
    def __init__(self, store: Store, logs: LogEvents, engine: Engine, tasks: Path) -> None:
        self._store, self._logs, self._engine, self._tasks = store, logs, engine, tasks

    def subscribe(self, deleted: Callable[[], None]) -> None:
        """Call ``deleted`` when a record went that has a folder."""

        def look(record: Record) -> None:
            if record.status == "Deleted" and record.kind in _FOLDERS.values():
                deleted()

        self._store.subscribe(look)

    def sweep(self) -> None:
        """Remove what no record names; a folder whose tasks still run is left to the next sweep, and they are stopped."""
        for top, kind in _FOLDERS.items():
            there = [folder for folder in (self._tasks / top).glob("*/*") if folder.is_dir()]
            if not there:
                continue
            # Read after the folders: a record is written before its folder is made.
            used = {_whole(str(record.body.get("_directory", ""))) for record in self._store.scan(None, kind)}
            for folder in there:
                if _whole(folder.relative_to(self._tasks).as_posix()) not in used and not self._runs(folder):
                    self._logs.forget(str(folder))
                    shutil.rmtree(folder, ignore_errors=True)

    def _runs(self, folder: Path) -> bool:
        found = [(task, self._engine.poll(task)) for task in _tasks(folder)]
        running = [task for task, progress in found if progress is not None and progress.ended is None]
        for task in running:
            self._engine.stop(task)
        return bool(running)


def _tasks(folder: Path) -> Iterator[Path]:
    """Of a job of before there were several hosts in the folder itself, else a folder deeper."""
    for pattern in ("task.json", "*/task.json"):
        for specification in folder.glob(pattern):
            yield specification.parent


def _whole(directory: str) -> str:
    """Without the number of the attempt: all attempts of a job are the job's."""
    head, _, name = directory.rpartition("/")
    return f"{head}/{name.partition('.')[0]}"
