"""What endpoints are asked, as CloudWatch's metrics: Invocations, ModelLatency, and errors by their kind.

Calls are added up in memory and written once a second, so that a call costs no write. What a killed server had not written, a
second of counts, is lost; the calls themselves are not concerned.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass

from clary.context import Context
from clary.store.metric_points import MetricPoints, Point
from clary.store.times import ms_of

NAMESPACE = "AWS/SageMaker"
_PERIOD = 1.0  # seconds between two writings
_IDLE = 30  # of them without a call, after which the thread ends


@dataclass
class _Sum:
    """Calls of one variant since the last writing; times in microseconds."""

    count: int = 0
    total: float = 0.0
    least: float = 0.0
    most: float = 0.0
    refused: int = 0  # 4XX
    broken: int = 0  # 5XX

    def add(self, microseconds: float, status: int) -> None:
        self.least = min(self.least, microseconds) if self.count else microseconds
        self.most = max(self.most, microseconds)
        self.count += 1
        self.total += microseconds
        self.refused += 400 <= status < 500
        self.broken += status >= 500 or status == 0

    def points(self, time: int) -> list[tuple[str, Point]]:
        latency = (self.total, self.least, self.most)
        return [
            ("Invocations", Point(time, 1.0, count=self.count)),
            ("ModelLatency", Point(time, self.total / self.count, "Microseconds", self.count, latency)),
            ("Invocation4XXErrors", _errors(time, self.refused, self.count)),
            ("Invocation5XXErrors", _errors(time, self.broken, self.count)),
            ("InvocationModelErrors", _errors(time, self.refused + self.broken, self.count)),
        ]


def _errors(time: int, errors: int, count: int) -> Point:
    """Each call counts 0 or 1."""
    return Point(time, errors / count, "None", count, (errors, float(errors == count), float(errors > 0)))


_Key = tuple[MetricPoints, str, str, str]
"""Where to write, the region, the endpoint, the variant."""


class _Traffic:
    def __init__(self) -> None:
        self._lock, self._writing = threading.Lock(), threading.Lock()
        self._sums: dict[_Key, tuple[Context, _Sum]] = {}
        self._writes = False

    def add(self, context: Context, endpoint: str, variant: str, seconds: float, status: int) -> None:
        """One call that took so long; ``status`` of the container's answer, 0 if there was none."""
        key = (context.metrics, context.region, endpoint, variant)
        with self._lock:
            self._sums.setdefault(key, (context, _Sum()))[1].add(seconds * 1e6, status)
            if self._writes:
                return
            self._writes = True
        threading.Thread(target=self._run, name="traffic", daemon=True).start()

    def flush(self) -> None:
        """Write what was added up; returns when all of it is written, also what another thread had begun with."""
        with self._writing:
            with self._lock:
                sums, self._sums = self._sums, {}
            for (metrics, region, endpoint, variant), (context, sum_) in sums.items():
                where = {"EndpointName": endpoint, "VariantName": variant}
                metrics.put(region, NAMESPACE, where, sum_.points(ms_of(context.now())))

    def _run(self) -> None:
        silent, pause = 0, threading.Event()
        while silent < _IDLE:
            pause.wait(_PERIOD)
            silent = 0 if self._sums else silent + 1
            self.flush()
        with self._lock:
            self._writes = False
        self.flush()  # of a call that came between


_traffic = _Traffic()
add, flush = _traffic.add, _traffic.flush
