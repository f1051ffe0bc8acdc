"""Where the files lie, below the folder of a job's tensors.

::

    collections/000000000/worker_0_collections.json
    index/<step // 1000, 9 digits>/<step, 12 digits>_worker_0.json
    events/<step, 12 digits>/<step, 12 digits>_worker_0.tfevents
    training_job_end.ts                                               empty, the last of all

A step is the global one: it counts the forward passes of all modes from 0. A file is written under its name with
``SUFFIX`` and renamed. Source: ``smdebug/core/locations.py``.
"""

from __future__ import annotations

import re
from enum import IntEnum

COLLECTIONS = "collections/000000000"
INDEX = "index"
END = "training_job_end.ts"
"""Says that nothing more is written; the platform puts it there, whatever the job's end was."""
SUFFIX = ".tmp"
PER_FOLDER = 1000
"""Steps whose index files share a folder."""

_INDEX_FILE = re.compile(r"(\d+)_(.+)\.json")
_COLLECTIONS_FILE = re.compile(r"(.+)_collections\.json")


class Mode(IntEnum):
    """What a step was for; the numbers are those of the files."""

    TRAIN = 1
    EVAL = 2
    PREDICT = 3
    GLOBAL = 4  # not told apart: XGBoost's, and scripts that set none


def collections_file(worker: str) -> str:
    """``worker``: as names begin with it, ``worker_0``."""
    return f"{COLLECTIONS}/{worker}_collections.json"


def index_file(step: int, worker: str) -> str:
    """``step``: the global one, from 0."""
    return f"{INDEX}/{step // PER_FOLDER:09}/{step:012}_{worker}.json"


def event_file(step: int, worker: str) -> str:
    """``step``: the global one, from 0."""
    return f"events/{step:012}/{step:012}_{worker}.tfevents"


def step_and_worker(name: str) -> tuple[int, str] | None:
    """Of an index file, by its name without folders; None if it is none."""
    found = _INDEX_FILE.fullmatch(name)
    return (int(found[1]), found[2]) if found else None


def worker_of_collections(name: str) -> str | None:
    """Of a file of collections, by its name without folders; None if it is none."""
    found = _COLLECTIONS_FILE.fullmatch(name)
    return found[1] if found else None


def rank(job: str, name: str) -> int:
    """In which order the files of a step are to become visible: a reader that finds one looks at once for those before it.

    ``job``: the folder that holds the layout, "" if names begin with it.
    """
    below = name.removeprefix(f"{job}/") if job else name
    return {"events": 0, "index": 1, "collections": 2}.get(below.partition("/")[0], 3)
