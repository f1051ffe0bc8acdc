"""Log events: order, tokens' ground, and each line of a file once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from clary.clock import machine_ms as now
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
    stream = logs.groups.stream("r", "/g", "s")
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


def test_a_folder_is_forgotten_with_its_files_and_marks_and_none_beside_it(database: Database) -> None:
    logs = LogEvents(database)
    gone, kept = ("job", "job#note", "job/algo-1", "job/algo-1#usage"), ("job.1", "job-1", "job0", "jo", "job$")
    for name in (*gone, *kept):
        logs.append("r", "/g", "s", [], (name, 7))
    logs.forget("job")
    assert [logs.position(name) for name in gone] == [0, 0, 0, 0]
    assert [logs.position(name) for name in kept] == [7, 7, 7, 7, 7]


def test_a_group_goes_with_its_streams(database: Database) -> None:
    logs = LogEvents(database)
    logs.append("r", "/g", "s", [(1, "x")])
    assert logs.groups.delete("r", "/g")
    assert not logs.groups.delete("r", "/g")
    assert logs.groups.streams("r", "/g") == []


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


def test_streams_are_merged_by_time_either_way(database: Database) -> None:
    logs = LogEvents(database)
    logs.append("r", "/g", "a", [(1, "a1"), (5, "a5"), (9, "a9")])
    logs.append("r", "/g", "b", [(5, "b5"), (2, "b2")])
    logs.append("r", "/g", "empty", [])
    logs.append("r", "/g", "c", [(n, f"c{n}") for n in range(20, 1300)])  # more than is read at a time
    streams = logs.groups.streams("r", "/g")
    found = [(e.time, e.message) for _, e in logs.merged(streams, 0, 2000)]
    assert found[:5] == [(1, "a1"), (2, "b2"), (5, "a5"), (5, "b5"), (9, "a9")]
    assert found[5:] == [(n, f"c{n}") for n in range(20, 1300)]
    assert [(e.time, e.message) for _, e in logs.merged(streams, 0, 2000, newest_first=True)] == found[::-1]
    assert [e.message for _, e in logs.merged(streams, 2, 9)] == ["b2", "a5", "b5"]
    events = [e for _, e in logs.merged(streams, 0, 2000)]
    for cut in (0, 2, 3, 700):
        behind = (events[cut].time, events[cut].id)
        assert [e for _, e in logs.merged(streams, 0, 2000, behind=behind)] == events[cut + 1 :]
        back = [e for _, e in logs.merged(streams, 0, 2000, behind=behind, newest_first=True)]
        assert back == events[:cut][::-1]


def test_what_is_expired_or_deleted_leaves_the_disk(database: Database) -> None:
    logs = LogEvents(database)
    day = 86_400_000
    logs.append("r", "/kept", "s", [(now() - 5 * day, "old")])
    logs.append("r", "/short", "s", [(now() - 5 * day, "old"), (now() - day, "young")])
    logs.append("r", "/gone", "s", [(now(), "gone")] * 7)
    logs.groups.set("r", "/short", retention_days=3)
    logs.groups.delete("r", "/gone")
    logs.append("r", "/gone", "s", [(now(), "a new one of the same name")])
    assert logs.expired.is_set()
    assert [logs.expire(5), logs.expire(5), logs.expire(5)] == [5, 3, 0]
    with database.read() as db:
        left = [message for (message,) in db.execute("SELECT message FROM log_events ORDER BY id")]
        streams = db.execute("SELECT count(*) FROM log_streams").fetchone()
    assert left == ["old", "young", "a new one of the same name"]
    assert streams == (3,)
    short = logs.groups.get("r", "/short")
    assert short is not None
    assert short.size == len("young") + 26
    [stream] = logs.groups.streams("r", "/short")
    assert stream.first == stream.last


def test_points_expire_with_their_metric(database: Database) -> None:
    metrics = MetricPoints(database)
    metrics.put("r", "N", {}, [("old", Point(1, 1.0)), ("both", Point(2, 1.0)), ("both", Point(9, 2.0))])
    assert [metrics.expire(5, 1), metrics.expire(5, 1), metrics.expire(5, 1)] == [1, 1, 0]
    assert [s.name for s in metrics.series("r")] == ["both"]
    assert metrics.read("r", "N", "both", {}, 0, 99) == [Point(9, 2.0)]
