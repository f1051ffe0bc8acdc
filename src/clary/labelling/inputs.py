"""``task.input``: what a template shows of an object, as the built-in functions before annotation make it of its line."""

from __future__ import annotations

import json
from typing import Any

from clary.labelling.task_types import CUSTOM, TASK_TYPES
from clary.store.base import Record


def task_input(job: Record, line: str) -> dict[str, Any]:
    """Of a line of the manifest: the object and the labels to choose from; of a job of one's own template the line itself.

    A job that checks another's labels gets the whole line too.
    """
    data: dict[str, Any] = json.loads(line)
    type_ = TASK_TYPES[job.body["_task_type"]]
    if type_ is CUSTOM:
        return data
    taken = {"taskObject": data[type_.source], "labels": job.body["_labels"]}
    return {**taken, "manifestLine": data} if type_.audits else taken
