"""The SQLite store: the contract, and what only a file can show."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from clary.store.base import Store
from clary.store.database import Database
from clary.store.records import SqlStore
from tests.contracts.store import StoreContract, record


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = Database(tmp_path / "clary.db")
    yield database
    database.close()


@pytest.fixture
def store(database: Database) -> Store:
    return SqlStore(database)


class TestSqlStore(StoreContract):
    pass


def test_a_work_that_fails_is_undone_alone(database: Database) -> None:
    store = SqlStore(database)
    store.create(record())

    def fail(db: object) -> None:
        db.execute("DELETE FROM records")  # type: ignore[attr-defined]
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        database.write(fail)
    assert store.get("r", "K", "a") is not None


def test_what_was_acknowledged_survives_kill_9(tmp_path: Path) -> None:
    program = """
import sys
from pathlib import Path
from clary.store.base import Record
from clary.store.database import Database
from clary.store.records import SqlStore
store = SqlStore(Database(Path(sys.argv[1])))
for number in range(100_000):
    store.create(Record(kind="K", name=f"{number:06d}", body={}))
    print(number, flush=True)
"""
    path = tmp_path / "clary.db"
    child = subprocess.Popen([sys.executable, "-c", program, str(path)], stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    for line in child.stdout:
        acknowledged = int(line)
        if acknowledged == 200:
            break
    child.kill()
    child.wait()
    acknowledged += sum(1 for _ in child.stdout)
    child.stdout.close()
    database = Database(path)
    names = [r.name for r in SqlStore(database).scan("", "K")]
    database.close()
    assert names[: acknowledged + 1] == [f"{number:06d}" for number in range(acknowledged + 1)]


def test_a_folder_of_a_newer_clary_is_refused_with_the_way_out(tmp_path: Path) -> None:
    database = Database(tmp_path / "clary.db")
    database.write(lambda db: db.execute("INSERT INTO migrations VALUES (9999)"))
    database.close()
    with pytest.raises(RuntimeError, match=r"newer Clary.*--data"):
        Database(tmp_path / "clary.db")
