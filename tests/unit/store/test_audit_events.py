"""The audit trail's table: what rides, what waits, what is trimmed."""

from __future__ import annotations

import contextvars
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from clary.store.audit_events import AuditEvent, AuditEvents, Resource, lookup
from clary.store.database import Database, riding

DAY = 86_400_000_000


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = Database(tmp_path / "clary.db")
    yield database
    database.close()


def event(number: int, name: str = "PutObject", **given: object) -> AuditEvent:
    fields = {"request_id": str(number), "region": "r", "source": "s3.amazonaws.com", "read_only": False, **given}
    return AuditEvent(id=number, name=name, **fields)  # type: ignore[arg-type]


def test_a_row_is_found_as_it_was_added(database: Database) -> None:
    events = AuditEvents(database)
    made = event(events.new_id(), resources=(Resource("Bucket", "AWS::S3::Bucket", "ä"),), error="NoSuchKey")
    events.add(made)
    assert events.lookup({"resource_name": "ä", "resource_type": "AWS::S3::Bucket"}, limit=9) == [made]
    assert events.lookup({"resource_name": "AWS::S3::Bucket"}, limit=9) == []


def test_a_rider_goes_with_the_first_write_that_succeeds_and_no_other(database: Database) -> None:
    events = AuditEvents(database)
    rider = events.rider(event(1))

    def call() -> None:
        riding.set(rider)
        with pytest.raises(sqlite3.OperationalError):
            database.write(lambda db: db.execute("INSERT INTO nowhere VALUES (1)") and None)
        assert not rider.durable
        assert lookup(database, {}) == []
        database.write(lambda db: None)
        assert rider.durable
        database.write(lambda db: db.execute("DELETE FROM audit_events") and None)
        assert lookup(database, {}) == []

    contextvars.copy_context().run(call)


def test_rows_are_written_soon_by_themselves(database: Database) -> None:
    events = AuditEvents(database)
    events.start()
    events.add(event(events.new_id()))
    deadline = time.monotonic() + 90
    while not lookup(database, {}):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    events.add(event(events.new_id()))
    events.close()
    assert len(lookup(database, {})) == 2


@pytest.mark.parametrize(
    ("limits", "left"), [({"rows": 3}, 3), ({"days": 7}, 7), ({}, 12_000), ({"days": 9, "rows": 5}, 5)]
)
def test_what_is_beyond_the_limits_is_removed(database: Database, limits: dict[str, int], left: int) -> None:
    events = AuditEvents(database, **limits)
    now = events.new_id()
    for n in range(12_000):  # more than one transaction's share
        events.add(event(now - n * DAY))
    events.flush()
    assert events.trim() == 12_000 - left
    kept = lookup(database, {}, limit=20_000)
    assert [e.id for e in kept] == [now - n * DAY for n in range(left)]


def test_what_is_too_old_is_not_shown_though_it_is_still_there(database: Database) -> None:
    events = AuditEvents(database, days=1)
    events.add(event(events.new_id() - 2 * DAY))
    assert events.lookup({}, limit=1) == []
