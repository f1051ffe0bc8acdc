"""The SQLite store: the contract, and what only a file can show."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from clary.store import queries
from clary.store.base import Also, Condition, Conflict, Query, Store
from clary.store.database import Database
from clary.store.records import SqlStore
from tests.conftest import ROOT
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


def test_what_is_written_with_a_record_is_written_or_undone_with_it(store: Store, database: Database) -> None:
    def group(name: str) -> Also:
        return lambda db: (
            db.execute("INSERT INTO log_groups (region, name, created) VALUES ('r', ?, 1)", (name,)) and None
        )

    def groups() -> list[str]:
        with database.read() as db:
            return [name for (name,) in db.execute("SELECT name FROM log_groups ORDER BY name")]

    first = store.create(record(), group("made"))
    with pytest.raises(Conflict):
        store.create(record(), group("no"))
    second = store.put(first, group("changed"))
    with pytest.raises(Conflict):
        store.put(first, group("no"))
    with pytest.raises(sqlite3.IntegrityError):
        store.put(second, group("made"))
    with pytest.raises(Conflict):
        store.delete(first, group("no"))
    store.delete(second, group("removed"))
    assert groups() == ["changed", "made", "removed"]


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


def test_a_folder_from_before_lists_had_indexes_opens_and_finds_by_arn(tmp_path: Path) -> None:
    old = sqlite3.connect(tmp_path / "clary.db")
    old.execute("CREATE TABLE migrations (number INTEGER PRIMARY KEY)")
    for path in sorted((ROOT / "src/clary/store/migrations").glob("000[12]_*.sql")):
        old.executescript(path.read_text())
        old.execute("INSERT INTO migrations VALUES (?)", (int(path.name[:4]),))
    body = json.dumps({"ModelArn": "arn:aws:sagemaker:r:0:model/mine"})
    columns = "region, kind, name, status, version, created, modified, body"
    old.execute(f"INSERT INTO records ({columns}) VALUES ('r', 'Model', 'Mine', '', 1, 2, 3, ?)", (body,))
    old.execute(f"INSERT INTO records ({columns}) VALUES ('', 'Key', 'k', 'Owner', 2, 2, 3, '{{}}')")
    old.commit()
    old.close()
    database = Database(tmp_path / "clary.db")
    store = SqlStore(database)
    found = store.find("arn:aws:sagemaker:r:0:model/mine")
    assert found is not None
    assert found.name == "Mine"
    assert [r.arn for r in store.scan("", "Key", status="Owner")] == [""]
    database.close()


@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize("order", ["name", "created", "modified"])
def test_a_page_is_read_from_an_index_in_its_order(database: Database, order: str, descending: bool) -> None:
    query = Query(order_by=order, descending=descending, after=(1 if order != "name" else "a", "a"))
    for where in ([], [Condition("status", "=", "on")], [Condition("name", "contains", "x")]):
        sql, values = queries.select("body", "r", "K", replace(query, where=where))
        with database.read() as db:
            plan = " ".join(row[3] for row in db.execute(f"EXPLAIN QUERY PLAN {sql}", values))
        assert "USING INDEX" in plan
        assert "SCAN" not in plan
        if not (where and where[0].field == "status"):  # few are sorted rather than many walked through
            assert "TEMP B-TREE" not in plan
