"""The folders of deleted jobs go; those of jobs that are there stay, all attempts of them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from clary.engines.base import Task
from clary.engines.local import LocalEngine
from clary.jobs.removal import Removal
from clary.store.base import Record, Store
from clary.store.database import Database
from clary.store.log_events import LogEvents
from clary.store.records import SqlStore


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = Database(tmp_path / "clary.db")
    yield database
    database.close()


@pytest.fixture
def store(database: Database) -> Store:
    return SqlStore(database)


@pytest.fixture
def logs(database: Database) -> LogEvents:
    return LogEvents(database)


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[LocalEngine]:
    engine = LocalEngine(tmp_path / "tasks", sandbox="off")
    yield engine
    engine.close()


def test_what_no_record_names_is_removed(store: Store, logs: LogEvents, engine: LocalEngine, tmp_path: Path) -> None:
    tasks = tmp_path / "tasks"
    names = ("kept-1", "kept-1.1", "kept-1.2", "gone-2", "gone-2.1")
    for name in names:
        folder = tasks / "training/eu-west-3" / name
        (folder / "algo-1/ml").mkdir(parents=True)
        logs.append("eu-west-3", "/g", "s", [], (f"{folder}#note", 1))
    (tasks / "pools/eu-west-3/gone-2").mkdir(parents=True)
    body = {"_directory": "training/eu-west-3/kept-1.2"}
    store.create(Record(region="eu-west-3", kind="TrainingJob", name="kept", body=body))
    Removal(store, logs, engine, tasks).sweep()
    noted = [name for name in names if logs.position(f"{tasks}/training/eu-west-3/{name}#note")]
    assert noted == ["kept-1", "kept-1.1", "kept-1.2"]
    assert sorted(each.name for each in (tasks / "training/eu-west-3").iterdir()) == ["kept-1", "kept-1.1", "kept-1.2"]
    assert (tasks / "pools/eu-west-3/gone-2").is_dir()


def test_a_task_that_runs_is_ended_before_its_folder_goes(
    store: Store, logs: LogEvents, engine: LocalEngine, tmp_path: Path
) -> None:
    folder = tmp_path / "tasks/endpoints/us-east-1/old-3"
    engine.start(Task(directory=folder / "AllTraffic", command=["/bin/sleep", "60"], grace=5.0))
    removal = Removal(store, logs, engine, tmp_path / "tasks")
    removal.sweep()
    assert folder.is_dir()
    while (progress := engine.poll(folder / "AllTraffic")) is not None and progress.ended is None:
        removal.sweep()
    removal.sweep()
    assert not folder.exists()


def test_a_deletion_is_told(store: Store, logs: LogEvents, engine: LocalEngine, tmp_path: Path) -> None:
    told: list[None] = []
    Removal(store, logs, engine, tmp_path / "tasks").subscribe(lambda: told.append(None))
    job = store.create(Record(kind="TrainingJob", name="a", body={"_directory": "training/r/a-1"}))
    model = store.create(Record(kind="Model", name="a", body={}))
    store.delete(model)
    assert not told
    store.delete(job)
    assert told
