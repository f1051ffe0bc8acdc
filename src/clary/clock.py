"""Clary's time: the machine's, and by how much it was moved ahead of it.

Whatever Clary compares, stamps or schedules reads a ``Clock``. What a client's own clock decides stays by the machine's
time: signatures and presigned addresses, TLS, how long a socket waits, and the audit trail, which says when somebody
really did something.
"""

from __future__ import annotations

import bisect
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

Listener = Callable[[], None]


@dataclass(frozen=True, order=True)
class Move:
    """From ``at`` on (the machine's time) Clary's time was ``offset`` ahead; both in milliseconds."""

    at: int
    offset: int


class Clock:
    """``moves``: how it was moved so far, the oldest first. Listeners are told of each new one."""

    def __init__(self, moves: Sequence[Move] = ()) -> None:
        self._moves = tuple(moves)
        self._listeners: list[Listener] = []

    @property
    def moves(self) -> tuple[Move, ...]:
        return self._moves

    @property
    def offset(self) -> int:
        """Milliseconds that Clary's time is ahead of the machine's."""
        return self._moves[-1].offset if self._moves else 0

    def ms(self) -> int:
        """The time in milliseconds since 1970."""
        return machine_ms() + self.offset

    def now(self) -> datetime:
        """The time, in whole milliseconds, UTC."""
        return datetime.fromtimestamp(self.ms() / 1000, UTC)

    def of(self, machine: int) -> int:
        """What Clary's time was when the machine's was this; both in milliseconds since 1970.

        So the stamps of a process that knows the machine's time alone get their place.
        """
        last = bisect.bisect(self._moves, machine, key=lambda move: move.at)
        return machine + (self._moves[last - 1].offset if last else 0)

    def on_machine(self, moment: datetime) -> datetime:
        """When the machine's clock, and so a client's, shows that Clary's time is ``moment``, if nobody moves it."""
        return moment - timedelta(milliseconds=self.offset)

    def follow(self, moves: Sequence[Move]) -> None:
        """Take these moves for its own from now on."""
        self._moves = tuple(moves)
        for listener in self._listeners:
            listener()

    def subscribe(self, listener: Listener) -> None:
        self._listeners.append(listener)


def machine_ms() -> int:
    """The machine's time in milliseconds since 1970."""
    return time.time_ns() // 1_000_000


def machine_now() -> datetime:
    """The machine's time."""
    return datetime.now(UTC)
