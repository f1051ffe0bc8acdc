"""Who may run now: the oldest first, of every kind; and who is told what about the queue."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from clary.jobs.room import Room, waiting
from clary.store.base import Record
from clary.store.database import Database
from clary.store.records import SqlStore

KINDS = {"TrainingJob": frozenset({"Done"}), "ProcessingJob": frozenset({"Done"})}


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqlStore]:
    database = Database(tmp_path / "db")
    yield SqlStore(database)
    database.close()


class Queue:
    def __init__(self, store: SqlStore, limit: int) -> None:
        self.store, self.room = store, Room(store, limit, KINDS)
        self.woken: list[str] = []
        self.age = datetime(2026, 1, 1, tzinfo=UTC)  # of the newest record
        self.room.subscribe(lambda key: self.woken.append(key[2]))

    def create(self, *names: str, kind: str = "TrainingJob") -> None:
        for name in names:
            self.age += timedelta(seconds=1)
            self.store.create(Record(kind=kind, name=name, status="Going", body={}, created=self.age))

    def enter(self, name: str, kind: str = "TrainingJob") -> int:
        record = self.store.get("", kind, name)
        assert record is not None
        place = self.room.enter(record)
        if place == 0:
            self.store.put(replace(record, body={"_has_room": True}))
        return place

    def end(self, name: str, kind: str = "TrainingJob") -> None:
        record = self.store.get("", kind, name)
        assert record is not None
        self.store.put(replace(record, status="Done"))


@pytest.fixture
def queue(store: SqlStore) -> Queue:
    return Queue(store, 2)


def test_as_many_run_as_there_is_room_and_the_others_know_their_place(queue: Queue) -> None:
    queue.create("a", "b", "c", "d")
    assert [queue.enter(name) for name in "abcd"] == [0, 0, 1, 2]
    assert [queue.enter(name) for name in "abcd"] == [0, 0, 1, 2]  # asking again changes nothing
    assert queue.room.running == 2


def test_the_number_that_runs_counts_those_about_to(queue: Queue) -> None:
    queue.create("a", "b", "c")
    assert queue.enter("c") == 1
    assert queue.room.running == 2, "its place does not change when the others enter, so it is not told again"


def test_whoever_asks_first_the_oldest_runs_first(queue: Queue) -> None:
    queue.create("a", "b", "c", "d")
    assert [queue.enter(name) for name in "dcba"] == [2, 1, 0, 0]


def test_kinds_share_the_room_and_stand_in_one_queue(queue: Queue) -> None:
    queue.create("a", "b")
    queue.create("p", kind="ProcessingJob")
    queue.create("c")
    assert [queue.enter("a"), queue.enter("b"), queue.enter("c"), queue.enter("p", "ProcessingJob")] == [0, 0, 2, 1]
    queue.end("a")
    assert [queue.enter("c"), queue.enter("p", "ProcessingJob")] == [1, 0]


def test_an_end_wakes_all_whose_place_it_changes(queue: Queue) -> None:
    queue.create("a", "b", "c", "d", "e")
    for name in "abcd":
        queue.enter(name)
    queue.end("b")
    assert queue.woken == ["c", "d"]  # e has not asked yet, and asks by itself


def test_one_that_is_stopped_while_it_waits_moves_the_others_up(queue: Queue) -> None:
    queue.create("a", "b", "c", "d")
    for name in "abcd":
        queue.enter(name)
    queue.end("c")
    assert queue.woken == ["d"]
    assert queue.enter("d") == 1


def test_far_back_only_a_change_of_a_quarter_is_told(store: SqlStore) -> None:
    queue = Queue(store, 1)
    names = [f"j{number:03}" for number in range(42)]
    queue.create(*names)
    for name in names:
        queue.enter(name)
    for name in names[:10]:
        assert "j041" not in queue.woken
        queue.end(name)
        queue.enter(names[names.index(name) + 1])
    queue.end(names[10])
    assert "j041" in queue.woken  # from the 41st place to the 30th


def test_room_that_was_taken_is_still_taken_after_a_restart(store: SqlStore, queue: Queue) -> None:
    queue.create("a", "b", "c")
    for name in "abc":
        queue.enter(name)
    again = Queue(store, 2)
    assert [again.enter(name) for name in "cab"] == [1, 0, 0]


def test_room_may_be_given_back_before_the_end(queue: Queue) -> None:
    queue.create("a", "b", "c")
    for name in "abc":
        queue.enter(name)
    queue.room.leave(("", "TrainingJob", "a"))
    assert queue.woken == ["c"]
    assert queue.enter("c") == 0


@pytest.mark.parametrize(
    ("place", "running", "text"),
    [
        (1, 1, "1st in the queue, 1 job runs"),
        (3, 2, "3rd in the queue, 2 jobs run"),
        (112, 4, "112th"),
        (22, 4, "22nd"),
    ],
)
def test_the_message_says_the_place_and_what_to_change(place: int, running: int, text: str) -> None:
    message = waiting(place, running, "Training job")
    assert message.startswith(f"Training job waiting for capacity: {text}")
    assert message.endswith("(CLARY_JOBS)")


def test_one_that_stands_beside_another_neither_takes_room_nor_waits(queue: Queue) -> None:
    queue.create("a", "b")
    assert [queue.enter(name) for name in "ab"] == [0, 0]
    rule = Record(kind="ProcessingJob", name="rule", status="Going", body={"_beside": True}, created=queue.age)
    queue.store.create(rule)
    queue.create("c")
    assert queue.enter("c") == 1
    queue.end("rule", "ProcessingJob")
    queue.end("a")
    assert queue.woken == ["c"]
