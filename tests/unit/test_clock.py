"""The clock: the machine's time, and how far ahead of it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from clary.clock import Clock, Move, machine_ms, machine_now
from clary.store import clock_moves
from clary.store.clock_moves import CannotMove
from clary.store.database import Database
from clary.store.records import SqlStore

HOUR = 3_600_000


def test_without_a_move_it_is_the_machines() -> None:
    clock, before = Clock(), machine_ms()
    assert before <= clock.ms() <= machine_ms()
    assert clock.of(17) == 17
    assert clock.on_machine(datetime(2030, 1, 1, tzinfo=UTC)) == datetime(2030, 1, 1, tzinfo=UTC)


def test_a_stamp_of_the_machine_gets_the_offset_of_its_own_time() -> None:
    clock = Clock([Move(1000, 2 * HOUR), Move(5000, 3 * HOUR), Move(9000, 0)])
    told = [clock.of(at) - at for at in (999, 1000, 4999, 5000, 8999, 9000, 10_000)]
    assert told == [0, 2 * HOUR, 2 * HOUR, 3 * HOUR, 3 * HOUR, 0, 0]


def test_moves_add_up_and_are_there_again_after_a_restart(tmp_path: Path) -> None:
    clock = Clock()
    database = Database(tmp_path / "clary.db", clock)
    store, told = SqlStore(database), []
    clock.subscribe(lambda: told.append(clock.offset))
    clock_moves.advance(store, clock, timedelta(hours=2))
    clock_moves.advance(store, clock, timedelta(minutes=30))
    assert told == [2 * HOUR, 2.5 * HOUR]
    to = machine_now() + timedelta(days=40)
    clock_moves.set_to(store, clock, to)
    assert abs(clock.now() - to) < timedelta(seconds=5)
    database.close()

    again = Clock()
    database = Database(tmp_path / "clary.db", again)
    clock_moves.load(SqlStore(database), again)
    assert again.moves == clock.moves
    clock_moves.reset(SqlStore(database), again)
    assert again.offset == 0
    first = again.moves[0].at
    (*_, held) = [move.offset for move in again.moves if move.at == first]  # moves of one millisecond: the last holds
    assert again.of(first) == first + held  # what was before stays as it was
    database.close()


def test_it_goes_ahead_and_no_further_than_the_formats_go(tmp_path: Path) -> None:
    clock = Clock()
    database = Database(tmp_path / "clary.db", clock)
    store = SqlStore(database)
    for by in (timedelta(0), timedelta(hours=-1)):
        with pytest.raises(CannotMove, match="only goes ahead"):
            clock_moves.advance(store, clock, by)
    with pytest.raises(CannotMove, match="reset takes it back"):
        clock_moves.set_to(store, clock, machine_now() - timedelta(seconds=1))
    with pytest.raises(CannotMove, match="2199"):
        clock_moves.advance(store, clock, timedelta(days=365 * 200))
    assert clock.offset == 0
    database.close()


def test_what_is_written_gets_its_time(tmp_path: Path) -> None:
    from clary.store.base import Record

    clock = Clock([Move(0, 48 * HOUR)])
    database = Database(tmp_path / "clary.db", clock)
    record = SqlStore(database).create(Record(kind="Model", name="m", body={}))
    assert record.created is not None
    assert timedelta(hours=47) < record.created - machine_now() < timedelta(hours=49)
    database.close()
