"""Log events: order, tokens' ground, and each line of a file once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from clary.store.database import Database
from clary.store.log_events import LogEvents
from clary.store.metric_points import MetricPoints, Point


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = Database(tmp_path / "clary.db")
    yield database
    database.close()


def test_events_come_in_the_order_of_arrival(database: Database) -> None:
    logs = LogEvents(database)
    logs.append("r", "/g", "s", [(5, "one"), (3, "two"), (9, "three")])
    stream = logs.stream("r", "/g", "s")
    assert stream is not None
    assert (stream.first, stream.last) == (3, 9)
    assert [e.message for e in logs.read(stream.id)] == ["one", "two", "three"]
    assert [e.message for e in logs.read(stream.id, limit=2, newest_first=True)] == ["two", "three"]
    assert [e.message for e in logs.read(stream.id, start=4, end=9)] == ["one"]


def test_a_source_is_read_on_where_it_was_left(database: Database) -> None:
    logs = LogEvents(database)
    assert logs.position("file") == 0
    logs.append("r", "/g", "s", [(1, "x")], ("file", 17))
    assert logs.position("file") == 17

    def fail(_: object) -> None:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        logs.append("r", "/g", "s", [(2, "y")], ("file", 30), fail)
    assert logs.position("file") == 17


def test_a_group_goes_with_its_streams(database: Database) -> None:
    logs = LogEvents(database)
    logs.append("r", "/g", "s", [(1, "x")])
    assert logs.delete_group("r", "/g")
    assert not logs.delete_group("r", "/g")
    assert logs.streams("r", "/g") == []


def test_metrics_are_found_by_exactly_their_dimensions(database: Database) -> None:
    metrics = MetricPoints(database)
    metrics.put("r", "N", {"b": "2", "a": "1"}, [("loss", Point(10, 0.5)), ("loss", Point(20, 0.25))])
    assert [p.value for p in metrics.read("r", "N", "loss", {"a": "1", "b": "2"}, 0, 20)] == [0.5]
    assert metrics.last("r", "N", {"a": "1", "b": "2"}) == {"loss": Point(20, 0.25)}
    assert metrics.last("r", "N", {"a": "1"}) == {}


def test_a_point_that_is_no_number_hinders_no_other(database: Database) -> None:
    metrics = MetricPoints(database)
    metrics.put("r", "N", {}, [("loss", Point(10, float("nan"))), ("loss", Point(20, 0.25))])
    assert metrics.read("r", "N", "loss", {}, 0, 99) == [Point(20, 0.25)]
