"""FailureReason: what a job that failed tells, 1,024 characters at most, in the forms that AWS's have."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from clary import instance_types
from clary.jobs.instances import Instances, hosts, inside
from clary.store.base import Record

LENGTH = 1024


def of_client(error: Exception) -> str:
    """The reason where the request, its data or its role is at fault; such an error may say so already."""
    text = str(error)
    return text if text.startswith("ClientError") else f"ClientError: {text}"


def of_program(job: Record, instances: Instances, said: Callable[[Path], str] | None = None) -> str:
    """The reason where the program of a host ended badly, from what the job's reconciler recorded of it.

    ``said``: what the program of a host's folder told; else its failure file.
    """
    body, several = job.body, len(instances.names) > 1
    cause = body.get("_cause") or instances.names[0]
    where = f", on {cause}" if several else ""
    if body["_lost"]:
        return (
            "InternalServerError: the process that watched over the job died with it (a power cut, or kill -9)"
            f"{where}. Its files are lost; start the job again."
        )
    folder = instances.folder(cause)
    text = said(folder) if said else failure_file(folder / "ml")
    if body.get("_out_of_memory"):
        text = f"{_memory(job, cause)} {text}".strip()
    if text.startswith("ClientError"):  # an image of Clary's own knows whose mistake it was
        return f"{text}{where}"
    code = body["_exit_code"]
    hint = " (killed: out of memory?)" if code == 137 and not body.get("_out_of_memory") else ""
    end = f", exit code: {code}{hint}{where}"
    text = text or "the program ended without a message"
    return f"AlgorithmError: {text[: LENGTH - len(end) - 16]}{end}"


def _memory(job: Record, cause: str) -> str:
    cluster = job.body.get("ResourceConfig") or job.body["ProcessingResources"]["ClusterConfig"]
    kind = next(host.instance_type for host in hosts(cluster) if host.name == cause)
    size = instance_types.size(kind)
    having = f" of {kind} ({size.gib:g} GiB)" if size else ""
    return f"OutOfMemoryError: the program filled the memory{having} and was killed; ask for a larger instance type."


def failure_file(ml: Path) -> str:
    """What the program wrote to ``/opt/ml/output/failure``; "" if nothing that can be read."""
    try:
        fd = os.open(inside(ml, "output/failure"), os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return ""
    try:
        return os.read(fd, 4 * LENGTH).decode("utf-8", "replace").strip()
    except OSError:  # a folder, or a pipe that nobody has written to
        return ""
    finally:
        os.close(fd)
