"""The loop that drives the reconcilers: wakes each record's step when something happened to it.

What wakes a step: its record changed, its task wrote or ended, the time it asked for is over, or somebody called
``wake`` (``clary.jobs.room``, when there is room). Steps of one record never run at the same time. Nothing here is
durable: on start every record that is not at its end is woken, so a crash loses no work.
"""

from __future__ import annotations

import heapq
import logging
import threading
import time
from collections import deque
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from clary.engines.base import Engine
from clary.store.base import Conflict, Record, Store

log = logging.getLogger(__name__)

_LONGEST_BACKOFF = 60.0

Key = tuple[str, str, str]


class Reconciler(Protocol):
    """Brings one kind of record towards what it wishes. ``step`` is idempotent and may be called at any time."""

    kind: str
    terminal: frozenset[str]  # statuses that need no more steps

    def step(self, record: Record) -> float | None:
        """Do what is next; returns the seconds after which to be called again, or None."""

    def directory(self, record: Record) -> Path | None:
        """Where the record's tasks live: output of the task there, or of one a folder deeper, wakes the step."""


class Loop:
    def __init__(self, store: Store, engine: Engine, reconcilers: Sequence[Reconciler], workers: int = 12) -> None:
        self._store, self._engine = store, engine
        self._reconcilers = {r.kind: r for r in reconcilers}
        self._workers = workers
        self._changed = threading.Condition()
        self._ready: deque[Key] = deque()
        self._queued: set[Key] = set()
        self._running: set[Key] = set()
        self._again: set[Key] = set()
        self._timers: list[tuple[float, Key]] = []
        self._deadlines: dict[Key, float] = {}  # of the timers the ones that count
        self._directories: dict[Path, set[Key]] = {}
        self._failures: dict[Key, int] = {}
        self._stopping = False
        self._threads: list[threading.Thread] = []
        self._leave = [store.subscribe(self._record_changed), engine.subscribe(self._task_changed)]

    def start(self) -> None:
        for kind, reconciler in self._reconcilers.items():
            for record in self._store.scan(None, kind, without=reconciler.terminal):
                self.wake(record.key)
        for number in range(self._workers):
            thread = threading.Thread(target=self._work, name=f"reconciler-{number}", daemon=True)
            thread.start()
            self._threads.append(thread)

    def stop(self) -> None:
        """Let the steps that run now end; tasks go on without us."""
        for leave in self._leave:
            leave()
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
        for thread in self._threads:
            thread.join(timeout=30)

    def problem(self) -> str:
        """What keeps jobs from going on; empty if nothing does."""
        ended = [thread.name for thread in self._threads if not thread.is_alive()]
        return f"ended: {', '.join(ended)}; see the server's log" if ended else ""

    def wake(self, key: Key) -> None:
        with self._changed:
            if key in self._running:
                self._again.add(key)
            elif key not in self._queued:
                self._queued.add(key)
                self._ready.append(key)
                self._changed.notify()

    def wake_all(self) -> None:
        """Let every record's step look at the time again: the clock was moved."""
        with self._changed:
            keys = {*self._deadlines, *self._running}
        for key in keys:
            self.wake(key)

    def _record_changed(self, record: Record) -> None:
        reconciler = self._reconcilers.get(record.kind)
        if reconciler is None:
            return
        if owner := record.body.get("_owner"):  # a job made for another one
            self.wake((owner[0], owner[1], owner[2]))
        self.wake(record.key)

    def _task_changed(self, directory: Path) -> None:
        with self._changed:
            keys = self._directories.get(directory, set()) | self._directories.get(directory.parent, set())
        for key in keys:
            self.wake(key)

    def _work(self) -> None:
        while (key := self._next()) is not None:
            delay = self._step(key)
            with self._changed:
                self._running.discard(key)
                if delay is not None:
                    self._deadlines[key] = time.monotonic() + delay
                    heapq.heappush(self._timers, (self._deadlines[key], key))
                    self._changed.notify()
                again = key in self._again
                self._again.discard(key)
            if again:
                self.wake(key)

    def _next(self) -> Key | None:
        with self._changed:
            while not self._stopping:
                while self._timers and self._timers[0][0] <= time.monotonic():
                    deadline, due = heapq.heappop(self._timers)
                    if self._deadlines.get(due) != deadline:
                        continue
                    del self._deadlines[due]
                    if due in self._running:
                        self._again.add(due)
                    elif due not in self._queued:
                        self._queued.add(due)
                        self._ready.append(due)
                if self._ready:
                    key = self._ready.popleft()
                    self._queued.discard(key)
                    self._running.add(key)
                    return key
                self._changed.wait(self._timers[0][0] - time.monotonic() if self._timers else None)
        return None

    def _step(self, key: Key) -> float | None:
        reconciler = self._reconcilers[key[1]]
        try:
            record = self._store.get(*key)
            if record is None or record.status in reconciler.terminal:
                self._forget(key)
                return None
            # Before the step, so that what the task writes while it runs wakes the next one.
            if (directory := reconciler.directory(record)) is not None:
                with self._changed:
                    self._directories.setdefault(directory, set()).add(key)
            delay = reconciler.step(record)
        except Conflict:  # somebody wrote meanwhile: read again
            return 0.0
        except Exception:
            failures = self._failures[key] = self._failures.get(key, 0) + 1
            log.exception("%s %s: the step failed, attempt %d", key[1], key[2], failures)
            return float(min(0.25 * 2**failures, _LONGEST_BACKOFF))
        self._failures.pop(key, None)
        return delay

    def _forget(self, key: Key) -> None:
        self._failures.pop(key, None)
        with self._changed:
            self._deadlines.pop(key, None)
            for keys in self._directories.values():
                keys.discard(key)
            self._directories = {directory: keys for directory, keys in self._directories.items() if keys}
