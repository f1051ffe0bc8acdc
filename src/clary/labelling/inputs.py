"""``task.input``: what a template shows of an object, as the built-in functions before annotation make it of its line."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from clary.labelling.task_types import CUSTOM, TASK_TYPES, TaskType
from clary.store.base import Record


def task_input(job: Record, line: str) -> dict[str, Any]:
    """Of a line of the manifest of a job that asks people."""
    return made(TASK_TYPES[job.body["_task_type"]], job.body["_labels"], line)


def made(type_: TaskType, shown: Sequence[Any], line: str) -> dict[str, Any]:
    """The object and the labels to choose from, ``shown``; of a job of one's own template the line itself.

    A job that checks another's labels gets the whole line too.
    """
    data: dict[str, Any] = json.loads(line)
    if type_ is CUSTOM:
        return data
    taken = {"taskObject": data[type_.source], "labels": list(shown)}
    return {**taken, "manifestLine": data} if type_.audits else taken
