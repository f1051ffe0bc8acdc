"""Carrying what a task used into CloudWatch, each minute once, also over a crash.

A point is what was measured in a minute: its samples' number, sum, least and greatest. Names, units and dimensions are
SageMaker's own: https://docs.aws.amazon.com/sagemaker/latest/dg/monitoring-cloudwatch.html
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from clary.context import Context
from clary.engines import usage
from clary.store.metric_points import MetricPoints, Point

EVERY = 1.0
"""Seconds between two measurements where nobody asks for another interval."""

Lines = Sequence[dict[str, Any]]
"""Measurements as ``clary.engines.usage`` tells them, ``at`` by Clary's time."""


def carry(
    context: Context,
    directory: Path,
    group: str,
    stream: str,
    host: str,
    *,
    ended: bool,
    also: Callable[[Lines], None] = lambda _: None,
) -> None:
    """Write down the minutes that are over, all of them if the task has ``ended``; their files go.

    ``group`` names the log group and the namespace, ``host`` is the dimension ``Host``. ``also`` gets each minute first, and
    after a crash may get one again.
    """
    files = sorted((directory / "usage").glob("*.jsonl"), key=lambda path: int(path.stem))
    for file in files if ended else files[:-1]:
        minute, mark = int(file.stem), f"{directory}#usage"
        lines = [{**line, "at": context.clock.of(line["at"])} for line in usage.lines(file.read_text())]
        if lines and context.logs.position(mark) < minute:
            also(lines)
            insertion = MetricPoints.insertion(context.region, group, {"Host": host}, _points(lines))
            context.logs.append(context.region, group, stream, [], (mark, minute), insertion)
        file.unlink(missing_ok=True)
    if ended:
        context.logs.forget(f"{directory}#usage")


def _points(lines: Lines) -> list[tuple[str, Point]]:
    values: dict[str, list[float]] = {
        "CPUUtilization": [sum(line["cpus"]) for line in lines],
        "MemoryUtilization": [line["memory"] for line in lines],
        "DiskUtilization": [line["disk"] for line in lines],
    }
    if any(line["gpus"] for line in lines):
        values["GPUUtilization"] = [sum(busy for busy, _ in line["gpus"]) for line in lines]
        values["GPUMemoryUtilization"] = [sum(full for _, full in line["gpus"]) for line in lines]
    return [(name, _point(lines[-1]["at"], each)) for name, each in values.items()]


def _point(time: int, values: list[float]) -> Point:
    total = sum(values)
    return Point(time, total / len(values), "Percent", len(values), (total, min(values), max(values)))
