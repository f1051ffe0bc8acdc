"""The loop that drives the reconcilers: what wakes a step, and that none is lost."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from clary.jobs.loop import Loop
from clary.store.base import Conflict, Record
from clary.store.database import Database
from clary.store.records import SqlStore


class Bell:
    """The part of an engine that the loop listens to."""

    def __init__(self) -> None:
        self.listener: Callable[[Path], None] = lambda _: None

    def subscribe(self, listener: Callable[[Path], None]) -> Callable[[], None]:
        self.listener = listener
        return lambda: None


class Steps:
    """A reconciler whose step is a function of the test."""

    kind = "Job"
    terminal = frozenset({"Done"})

    def __init__(self, step: Callable[[Record], float | None]) -> None:
        self.step = step

    def directory(self, record: Record) -> Path | None:
        return Path("/tasks") / record.name


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqlStore]:
    database = Database(tmp_path / "db")
    yield SqlStore(database)
    database.close()


@pytest.fixture
def run(store: SqlStore) -> Iterator[Callable[..., tuple[Loop, Bell]]]:
    loops: list[Loop] = []

    def start(step: Callable[[Record], float | None]) -> tuple[Loop, Bell]:
        bell = Bell()
        loop = Loop(store, bell, [Steps(step)], workers=4)  # type: ignore[arg-type]
        loops.append(loop)
        loop.start()
        return loop, bell

    yield start
    for loop in loops:
        loop.stop()


def record(name: str, status: str = "Going") -> Record:
    return Record(kind="Job", name=name, status=status, body={"n": 0})


Run = Callable[..., tuple[Loop, Bell]]


def test_what_is_not_at_its_end_is_woken_on_start(store: SqlStore, run: Run) -> None:
    store.create(record("a"))
    store.create(record("b", "Done"))
    seen, woken = [], threading.Event()

    def step(job: Record) -> None:
        seen.append(job.name)
        woken.set()

    run(step)
    assert woken.wait(60)
    assert seen == ["a"]


def test_a_step_that_writes_is_followed_by_the_next(store: SqlStore, run: Run) -> None:
    ended = threading.Event()

    def step(job: Record) -> None:
        count = job.body["n"] + 1
        store.put(replace(job, body={"n": count}, status="Done" if count == 5 else "Going"))
        if count == 5:
            ended.set()

    run(step)
    store.create(record("a"))
    assert ended.wait(60)
    final = store.get("", "Job", "a")
    assert final is not None
    assert final.body["n"] == 5


def test_steps_of_one_record_never_meet(store: SqlStore, run: Run) -> None:
    inside, most, enough = [0], [0], threading.Event()
    lock = threading.Lock()
    calls = [0]

    def step(job: Record) -> float | None:
        with lock:
            inside[0] += 1
            most[0] = max(most[0], inside[0])
            calls[0] += 1
        threading.Event().wait(0.005)
        with lock:
            inside[0] -= 1
        if calls[0] >= 20:
            enough.set()
        return 0.0

    loop, _ = run(step)
    made = store.create(record("a"))
    for _ in range(50):
        loop.wake(made.key)
    assert enough.wait(60)
    assert most[0] == 1


def test_output_of_a_task_and_of_one_a_folder_deeper_wakes_its_record(store: SqlStore, run: Run) -> None:
    calls = threading.Semaphore(0)

    def step(job: Record) -> None:
        calls.release()

    _, bell = run(step)
    store.create(record("a"))
    assert calls.acquire(timeout=60)
    for directory in (Path("/tasks/a"), Path("/tasks/a/variant")):
        bell.listener(directory)
        assert calls.acquire(timeout=60)
    bell.listener(Path("/tasks/other"))
    assert not calls.acquire(timeout=0.2)


def test_a_step_that_fails_is_tried_again_and_a_conflict_at_once(store: SqlStore, run: Run) -> None:
    tries, ended = [0], threading.Event()

    def step(job: Record) -> None:
        tries[0] += 1
        if tries[0] == 1:
            raise RuntimeError("the first time")
        if tries[0] == 2:
            raise Conflict("the second")
        ended.set()

    run(step)
    store.create(record("a"))
    assert ended.wait(60)


def test_a_change_of_a_record_wakes_its_owner(store: SqlStore, run: Run) -> None:
    calls = threading.Semaphore(0)

    def step(job: Record) -> None:
        if job.name == "owner":
            calls.release()

    run(step)
    owner = store.create(record("owner"))
    assert calls.acquire(timeout=60)
    store.create(Record(kind="Job", name="owned", status="Going", body={"_owner": list(owner.key)}))
    assert calls.acquire(timeout=60)
