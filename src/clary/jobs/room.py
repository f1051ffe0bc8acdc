"""Who may run now: as many jobs as ``CLARY_JOBS`` says, of whatever kind, the oldest first.

A job that may run writes ``_has_room`` into its record and keeps its room until it is at its end; so after a crash it
has it still. One that must wait writes its place into its status message; it is woken when it may run, or when its
place has changed so far that it should be told (the message of a long queue is not written anew at each step).
One that stands beside another job and is made for it (``_beside``: a rule of Debugger) neither takes room nor waits.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from datetime import datetime

from clary.store.base import Record, Store

_EXACT = 10  # places that are told exactly; further back, a change of a quarter is told

Key = tuple[str, str, str]
Age = tuple[datetime, Key]


class Room:
    """``kinds``: of the records that take room, with the statuses in which they are at their end.

    ``enter`` and ``place`` may be called from any thread.
    """

    def __init__(self, store: Store, limit: int, kinds: Mapping[str, frozenset[str]]) -> None:
        self._limit, self._kinds = limit, kinds
        self._lock = threading.Lock()
        self._inside: set[Key] = set()
        self._waiting: dict[Key, Age] = {}
        self._told: dict[Key, int] = {}
        self._wake: Callable[[Key], None] = lambda _: None
        store.subscribe(self._changed)
        for kind, ends in kinds.items():
            for record in store.scan(None, kind, without=ends):
                self._know(record)

    def subscribe(self, wake: Callable[[Key], None]) -> None:
        """Call ``wake`` with the key of each waiting record that may go on, or whose place has changed."""
        self._wake = wake

    def enter(self, record: Record) -> int:
        """0 if the record may run now (write ``_has_room`` with the next change), else its place in the queue from 1 on."""
        with self._lock:
            self._know(record)
            if record.key in self._inside:
                return 0
            place = self._place(record.key)
            if place <= 0:
                self._inside.add(record.key)
                del self._waiting[record.key]
                self._told.pop(record.key, None)
                return 0
            self._told[record.key] = place
            return place

    def leave(self, key: Key) -> None:
        """Give the room back before the end; whoever does so removes ``_has_room`` with its next change."""
        with self._lock:
            self._inside.discard(key)
            stirred = self._stirred()
        self._wake_all(stirred)

    @property
    def running(self) -> int:
        """How many run while one waits: those that stand before it for what is free are counted, they are about to."""
        return max(len(self._inside), self._limit)

    def _know(self, record: Record) -> None:
        if record.body.get("_beside"):
            return
        if record.body.get("_has_room"):
            self._inside.add(record.key)
            self._waiting.pop(record.key, None)
        elif record.key not in self._inside:
            assert record.created is not None
            self._waiting[record.key] = (record.created, record.key)

    def _place(self, key: Key) -> int:
        """Its place among those that wait when the older ones have taken what is free; 0 and less: it may run."""
        age = self._waiting[key]
        older = sum(other < age for other in self._waiting.values())
        return older + 1 - (self._limit - len(self._inside))

    def _changed(self, record: Record) -> None:
        ends = self._kinds.get(record.kind)
        if ends is None:
            return
        with self._lock:
            if record.status not in ends and record.status != "Deleted":
                self._know(record)
                return
            self._inside.discard(record.key)
            self._waiting.pop(record.key, None)
            self._told.pop(record.key, None)
            stirred = self._stirred()
        self._wake_all(stirred)

    def _wake_all(self, keys: list[Key]) -> None:
        for key in keys:
            self._wake(key)

    def _stirred(self) -> list[Key]:
        """Who of those that know their place may run now, or has moved far enough to be told."""
        free = self._limit - len(self._inside)
        stirred = []
        for number, (_, key) in enumerate(sorted(self._waiting.values()), start=1):
            told = self._told.get(key)
            if told is not None and (place := number - free) != told and (place <= _EXACT or place <= told * 3 // 4):
                stirred.append(key)
        return stirred


def waiting(place: int, running: int, noun: str) -> str:
    """The status message of a job that waits: ``Training job waiting for capacity: 3rd in the queue, ...``."""
    run = "1 job runs" if running == 1 else f"{running} jobs run"
    return f"{noun} waiting for capacity: {_ordinal(place)} in the queue, {run} (CLARY_JOBS)"


def _ordinal(number: int) -> str:
    ending = "th" if number % 100 in {11, 12, 13} else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"
