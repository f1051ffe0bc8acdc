"""Moving Clary's clock, durably: the record ``Clock`` keeps how it was moved.

It goes ahead, or back to the machine's time; never to another time before now.
"""

from __future__ import annotations

import contextlib
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from clary.clock import Clock, Move, machine_ms
from clary.store.base import Conflict, Record, Store

_KEY = ("", "Clock", "clock")
_KEPT = 1000  # moves; what ran when one was made that is older has ended long ago
_END = datetime(2200, 1, 1, tzinfo=UTC)  # times and what lies years behind them stay writable in every format


class CannotMove(ValueError):
    """The clock does not go there; the message says where it does."""


def load(store: Store, clock: Clock) -> None:
    """Let the clock stand as it was left."""
    record = store.get(*_KEY)
    if record is not None:
        clock.follow([Move(*move) for move in record.body["Moves"]])


def advance(store: Store, clock: Clock, by: timedelta) -> None:
    """Move it ahead; ``CannotMove`` if ``by`` is not more than nothing, or it would pass the year 2200."""
    if by <= timedelta(0):
        raise CannotMove("the clock only goes ahead: advance takes more than 0 seconds; reset takes it back")
    if by > _END - clock.now():
        raise CannotMove("the clock ends with the year 2199")
    _put(store, clock, clock.offset + round(by.total_seconds() * 1000))


def set_to(store: Store, clock: Clock, moment: datetime) -> None:
    """Move it ahead to ``moment``; ``CannotMove`` if that is not after now."""
    if moment <= (now := clock.now()):
        told = now.isoformat(timespec="seconds")
        raise CannotMove(
            f"it is {told} already, and the clock only goes ahead; reset takes it back to the machine's time"
        )
    advance(store, clock, moment - now)


def reset(store: Store, clock: Clock) -> None:
    """Back to the machine's time."""
    if clock.offset:
        _put(store, clock, 0)


def _put(store: Store, clock: Clock, offset: int) -> None:
    moves = [*clock.moves, Move(machine_ms(), offset)][-_KEPT:]
    body = {"Moves": [[move.at, move.offset] for move in moves]}
    while True:
        record = store.get(*_KEY)
        with contextlib.suppress(Conflict):  # somebody else moves it: the later wish counts
            if record is None:
                store.create(Record(kind=_KEY[1], name=_KEY[2], body=body))
            else:
                store.put(replace(record, body=body))
            break
    clock.follow(moves)
