"""The database when it is opened: older, newer, damaged, read-only."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from clary.store.base import Record
from clary.store.damage import CannotOpen, Damaged
from clary.store.database import Database
from clary.store.log_events import LogEvents
from clary.store.records import SqlStore

FIXTURES = Path(__file__).parent / "fixtures"


def old(path: Path, fixture: Path) -> None:
    with closing(sqlite3.connect(path)) as database:
        database.executescript(fixture.read_text())


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "clary.db"


@pytest.fixture
def filled(path: Path) -> Path:
    database = Database(path)
    SqlStore(database).create(Record(kind="Model", name="model-0", body={"text": "x" * 500}))
    row = "SELECT region, kind, ?, status, version, created, modified, body FROM records"
    names = [(f"model-{n}",) for n in range(1, 400)]
    columns = "region, kind, name, status, version, created, modified, body"
    insert = f"INSERT INTO records ({columns}) {row} WHERE name = 'model-0'"
    database.write(lambda db: db.executemany(insert, names) and None)
    database.close()
    return path


@pytest.mark.parametrize("fixture", sorted(FIXTURES.glob("schema_*.sql")), ids=lambda f: f.stem)
def test_an_older_schema_is_brought_up_to_date_after_a_copy(path: Path, fixture: Path) -> None:
    old(path, fixture)
    database = Database(path)
    model = SqlStore(database).get("us-east-1", "Model", "risk")
    assert model is not None
    assert model.body["Tags"] == [{"Key": "ward", "Value": "7"}]
    with database.read() as db:
        assert db.execute("SELECT message FROM log_events").fetchall() == [("hello",)]
    database.close()
    (copy,) = (path.parent / "backups").iterdir()
    assert copy.stat().st_mode & 0o077 == 0
    with closing(sqlite3.connect(copy)) as before, closing(sqlite3.connect(":memory:")) as expected:
        expected.executescript(fixture.read_text())
        assert list(before.iterdump()) == list(expected.iterdump())
    Database(path).close()
    assert len(list((path.parent / "backups").iterdir())) == 1, "a start that changes no schema makes no copy"


def test_no_schema_is_changed_without_room_for_the_copy(path: Path) -> None:
    old(path, FIXTURES / "schema_0002.sql")
    (path.parent / "backups").write_text("in the way")
    with pytest.raises(OSError, match="backups"):
        Database(path)
    with closing(sqlite3.connect(path)) as after, closing(sqlite3.connect(":memory:")) as expected:
        expected.executescript((FIXTURES / "schema_0002.sql").read_text())
        assert list(after.iterdump()) == list(expected.iterdump())


def test_a_newer_schema_is_refused(path: Path) -> None:
    database = Database(path)
    database.write(lambda db: db.execute("INSERT INTO migrations VALUES (9999)") and None)
    database.close()
    with pytest.raises(CannotOpen, match="newer Clary"):
        Database(path)


def test_a_file_that_is_no_database_is_left_as_it_is(path: Path) -> None:
    path.write_bytes(b"the minutes of a meeting\n" * 500)
    with pytest.raises(CannotOpen, match=r"is damaged.*not a database.*clary restore"):
        Database(path)
    assert path.read_bytes() == b"the minutes of a meeting\n" * 500


@pytest.mark.parametrize("harm", ["truncated", "garbled"])
def test_a_damaged_file_is_left_as_it_is(filled: Path, harm: str) -> None:
    content = bytearray(filled.read_bytes())
    if harm == "truncated":
        del content[len(content) // 2 :]
    else:
        content[3 * 4096 : 12 * 4096] = os.urandom(9 * 4096)
    filled.write_bytes(content)
    with pytest.raises(CannotOpen, match=r"is damaged \(.*\)\. It was left as it is"):
        Database(filled)
    assert filled.read_bytes() == content


def test_damage_that_comes_later_is_told_and_other_tables_still_answer(filled: Path) -> None:
    database = Database(filled)
    with database.read() as db:
        (root,) = db.execute("SELECT rootpage FROM sqlite_schema WHERE name = 'records'").fetchone()
        (size,) = db.execute("PRAGMA page_size").fetchone()
    database.close()
    database = Database(filled)
    with filled.open("r+b") as file:
        file.seek((root - 1) * size)
        file.write(os.urandom(size))
    with pytest.raises(Damaged, match="clary restore"):
        SqlStore(database).get("", "Model", "model-1")
    LogEvents(database).append("r", "g", "s", [(1, "still")])
    with database.read() as db:
        assert db.execute("SELECT message FROM log_events").fetchall() == [("still",)]
    database.close()


def test_a_large_file_does_not_hold_up_the_start(filled: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("clary.store.damage._CHECKED", -1.0)
    database = Database(filled)
    with pytest.raises(Exception, match="no such table"):
        database.write(lambda db: db.execute("INSERT INTO nowhere VALUES (1)") and None)
    assert SqlStore(database).get("", "Model", "model-399") is not None
    database.close()


@pytest.mark.skipif(os.geteuid() == 0, reason="root writes everywhere")
def test_a_file_that_cannot_be_written_is_told(filled: Path) -> None:
    filled.chmod(0o400)
    with pytest.raises(CannotOpen, match="cannot be written"):
        Database(filled)
