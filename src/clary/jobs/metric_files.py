"""Metrics that a program wrote to files: one JSON object a line, in ``$SAGEMAKER_METRICS_DIRECTORY/<process>.json``.

``{"MetricName": ..., "Value": ..., "Timestamp": epoch seconds, "IterationNumber": ...}`` is how the package
sagemaker-experiments (smexperiments) writes them. They become values of the job's component, each line once.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
import stat
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

from clary.context import Context
from clary.store.base import Conflict, together
from clary.store.component_metrics import Value
from clary.tracking import components

FOLDER = "output/metrics/sagemaker"
"""Below ``/opt/ml``."""
_PIECE = 1 << 20  # bytes read at a time; a longer line is no metric
_NAME = 255  # characters of a metric's name
_LATEST = 253402300799  # epoch seconds: the year 9999


def carry(context: Context, component: str, hosts: Sequence[Path]) -> None:
    """Take in what was written since the last call. ``component``: its ARN; ``hosts``: the folders that are ``/opt/ml``."""
    for host in hosts:
        if not (host / FOLDER).resolve().is_relative_to(host.resolve()):  # the program put a link there
            continue
        for path in sorted((host / FOLDER).glob("*.json")):
            with contextlib.suppress(OSError), _opened(path) as file:
                _carry(context, component, str(path), file)


def _carry(context: Context, component: str, source: str, file: BinaryIO) -> None:
    position = context.logs.position(source)
    while True:
        file.seek(position)
        piece = file.read(_PIECE)
        end = piece.rfind(b"\n") + 1 or (_PIECE if len(piece) == _PIECE else 0)
        if end == 0:
            return
        position += end
        values = [replace(each, time=context.clock.of(each.time)) for each in _values(piece[:end])]
        _take(context, component, values, source, position)


def _take(context: Context, component: str, values: list[Value], source: str, position: int) -> None:
    """Values, summaries and how far the file was read, in one transaction."""
    insert, advance = context.component_metrics.insertion(component, values), context.logs.advance(source, position)
    while (record := context.store.find(component)) is not None:
        metrics = components.measured(record.body["Metrics"], values, component)
        now = context.now()
        body = {**record.body, "Metrics": metrics[: components.MOST_METRICS], "LastModifiedTime": now}
        with contextlib.suppress(Conflict):
            context.store.put(replace(record, body=body, modified=now), together(insert, advance))
            return


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[BinaryIO]:
    """The file, if it is one: the program may have put a link or a FIFO there."""
    number = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    with os.fdopen(number, "rb") as file:
        if not stat.S_ISREG(os.fstat(number).st_mode):
            raise OSError(f"{path} is no file")
        yield file


def _values(lines: bytes) -> Iterator[Value]:
    """Those lines that are metrics."""
    for line in lines.splitlines():
        try:
            found = json.loads(line)
            name, value, time = found["MetricName"], float(found["Value"]), float(found["Timestamp"])
            step = found.get("IterationNumber")
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
            continue
        plain = isinstance(name, str) and 0 < len(name) <= _NAME and math.isfinite(value) and 0 <= time <= _LATEST
        if plain and (step is None or (type(step) is int and 0 <= step < 1 << 63)):
            yield Value(name, round(time * 1000), value, step)
