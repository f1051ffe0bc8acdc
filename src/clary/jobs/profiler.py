"""The system profiler of a training job: what its hosts used, as files in S3 that SageMaker Debugger's readers read.

``<S3OutputPath>/<job>/profiler-output/system/incremental/<YYYYMMDDHH>/<epoch seconds of the minute>.algo-<n>.json``: JSON
lines, one for each value of each measurement; times are UTC. After the last one an empty ``training_job_end.ts`` in
``system/`` and in ``framework/``. Source of the format: awslabs/sagemaker-debugger, ``smdebug/profiler``.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from clary.context import Context
from clary.engines import usage
from clary.errors import ServiceError
from clary.jobs import instances, task_usage
from clary.jobs.instances import Instances
from clary.store.base import Record

_IO = ("IOPS", "ReadThroughputInBytesPerSecond", "WriteThroughputInBytesPerSecond")


def interval(job: Record) -> float:
    """Seconds between two measurements of the job's hosts."""
    if not _is_on(job):
        return task_usage.EVERY
    milliseconds: int = job.body["ProfilerConfig"]["ProfilingIntervalInMilliseconds"]
    return milliseconds / 1000


def carry(context: Context, job: Record, running: Instances, group: str, *, ended: bool) -> None:
    """Hand on what the hosts used: to CloudWatch, with ``group`` for its namespace, and to the profiler's files.

    What keeps the files from being written is told in the job's log, once. A job that was updated goes on as it now says.
    """
    mark = f"{running.directory}#profiler"
    for folder in running.folders if not ended else ():
        if usage.interval(str(folder)) not in {0.0, interval(job)}:
            usage.change(str(folder), interval(job))

    def write(name: str, lines: task_usage.Lines) -> None:
        problem = _write(context, job, name, lines)
        if problem and not context.logs.position(mark):
            told = [(context.clock.ms(), problem)]
            context.logs.append(job.region, group, instances.stream(job, name), told, (mark, 1))

    running.carry_usage(context, group, job, ended=ended, also=write)
    if ended:
        context.logs.forget(mark)


def finish(context: Context, job: Record) -> None:
    """Say that no more files come."""
    for end in ("system/training_job_end.ts", "framework/training_job_end.ts") if _is_on(job) else ():
        _put(context, job, end, b"")


def _is_on(job: Record) -> bool:
    return bool(job.body.get("ProfilingStatus") == "Enabled")


def _write(context: Context, job: Record, host: str, lines: task_usage.Lines) -> str:
    """Put a minute's file if the job is profiled; writing it again changes nothing. Returns why it could not be, or ""."""
    if not _is_on(job):
        return ""
    minute = lines[-1]["at"] // 60_000 * 60
    hour = datetime.fromtimestamp(minute, UTC)
    rows = "".join(json.dumps(row, separators=(",", ":")) + "\n" for line in lines for row in _rows(line, host))
    return _put(context, job, f"system/incremental/{hour:%Y%m%d%H}/{minute}.{host}.json", rows.encode())


def _put(context: Context, job: Record, name: str, data: bytes) -> str:
    base = job.body["ProfilerConfig"]["S3OutputPath"].rstrip("/")
    try:
        buckets = context.buckets_of(job.body["RoleArn"])
        buckets.put_bytes(f"{base}/{job.name}/profiler-output/{name}", data, content_type="application/octet-stream")
    except (ServiceError, KeyError, OSError) as error:
        return f"Clary: the profiler's output is not written: {error}"
    return ""


def _rows(line: dict[str, Any], host: str) -> Iterator[dict[str, Any]]:
    def row(type_: str, name: str, dimension: str, value: float) -> dict[str, Any]:
        at = line["at"] / 1000
        return {
            "Type": type_, "Name": name, "Dimension": dimension, "Value": value, "NodeId": host, "Timestamp": at,
        }  # fmt: skip

    for core, value in enumerate(line["cpus"]):
        yield row("cpu", f"cpu{core}", "CPUUtilization", value)
    for core, value in enumerate(line["waits"]):
        yield row("cpu", f"cpu{core}", "I/OWaitPercentage", value)
    for number, (busy, full) in enumerate(line["gpus"]):
        yield row("gpu", f"gpu{number}", "GPUUtilization", busy)
        yield row("gpu", f"gpu{number}", "GPUMemoryUtilization", full)
    yield row("memory", "MemoryUsedPercent", "", line["memory"])
    for name, value in zip(_IO, line["io"], strict=True):
        yield row("i/o", name, "", value)
