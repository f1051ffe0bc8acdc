"""Events files for TensorBoard: numbers and histograms, a file for each step that is saved.

``<MODE>/<step, 12 digits>_<process>_<host>.tfevents``: TFRecords of the messages ``Event {wall_time = 1; step = 2;
file_version = 3; summary = 5 {value = 1 {tag = 1; simple_value = 2; histo = 5}}}`` and ``HistogramProto {min = 1; max = 2;
num = 3; sum = 4; sum_squares = 5; bucket_limit = 6; bucket = 7}``.
Source: tensorflow/core/framework/summary.proto, and smdebug's file names.
"""

from __future__ import annotations

import os
import re
import socket
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from clary.formats import tfrecord
from clary.formats.protobuf import delimited, double, single, whole
from clary.formats.tensors import layout
from clary.formats.tensors.layout import Mode

_FORBIDDEN = re.compile(r"[^-/\w.]")


@dataclass(frozen=True)
class Histogram:
    """``limits``: the right end of each bucket, rising; ``counts``: how many numbers are in it."""

    least: float
    most: float
    number: float
    total: float
    squares: float
    limits: Sequence[float]
    counts: Sequence[float]


class Step:
    """What TensorBoard shows of one step; the file is there after ``close``.

    ``folder``: of all modes; ``step``: the global one; ``at``: its time, in epoch seconds.
    """

    def __init__(self, folder: Path, mode: Mode, step: int, at: float) -> None:
        name = f"{step:012}_{os.getpid()}_{socket.gethostname()}.tfevents"
        self._path, self._step, self._at, self._records = folder / mode.name / name, step, at, bytearray()

    def scalar(self, tag: str, number: float) -> None:
        """``tag``: its name; signs that TensorBoard does not take become ``_``."""
        self._add(delimited(1, _clean(tag).encode()) + single(2, number))

    def histogram(self, tag: str, found: Histogram) -> None:
        """``tag`` as in ``scalar``."""
        statistics = (found.least, found.most, found.number, found.total, found.squares)
        message = b"".join(double(number, value) for number, value in enumerate(statistics, start=1))
        message += delimited(6, _packed(found.limits)) + delimited(7, _packed(found.counts))
        self._add(delimited(1, _clean(tag).encode()) + delimited(5, message))

    def close(self) -> None:
        """Write the file under its name, if anything was added."""
        if not self._records:
            return
        self._path.parent.mkdir(parents=True, exist_ok=True)
        aside = self._path.with_name(self._path.name + layout.SUFFIX)
        first = tfrecord.encode(double(1, self._at) + delimited(3, b"brain.Event:2"))
        aside.write_bytes(first + self._records)
        aside.rename(self._path)

    def _add(self, value: bytes) -> None:
        summary = delimited(5, delimited(1, value))
        self._records += tfrecord.encode(double(1, self._at) + whole(2, self._step) + summary)


def _clean(tag: str) -> str:
    return _FORBIDDEN.sub("_", tag).lstrip("/")


def _packed(numbers: Sequence[float]) -> bytes:
    return struct.pack(f"<{len(numbers)}d", *numbers)
