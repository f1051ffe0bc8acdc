"""Data folders of earlier schemas open, with all that they hold."""

from __future__ import annotations

import sqlite3
from importlib import resources
from pathlib import Path

from clary.store.buckets import BucketIndex
from clary.store.database import Database
from clary.store.keys import Checksum, KeyIndex, PartSize
from clary.store.log_events import LogEvents
from clary.store.metric_points import MetricPoints, Point


def before(path: Path, number: int) -> sqlite3.Connection:
    """A database as the migrations below that number left it."""
    db = sqlite3.connect(path, isolation_level=None)
    db.execute("CREATE TABLE migrations (number INTEGER PRIMARY KEY)")
    folder = resources.files("clary.store") / "migrations"
    for script in sorted(folder.iterdir(), key=lambda f: f.name):
        if script.name.endswith(".sql") and int(script.name[:4]) < number:
            db.executescript(script.read_text())
            db.execute("INSERT INTO migrations VALUES (?)", (int(script.name[:4]),))
    return db


def test_an_object_becomes_its_buckets_null_version(tmp_path: Path) -> None:
    db = before(tmp_path / "clary.db", 3)
    db.execute("""INSERT INTO buckets VALUES ('ward', 'eu-west-1', 5000, '{"unit": "icu"}')""")
    body = '{"metadata": {"k": "v"}, "checksum": ["CRC32", "AAAAAA==", "FULL_OBJECT"], "part_count": 1}'
    for key in ("b", "a"):
        row = ("ward", key, f"blob-{key}", 7, "etag", 9000, body, '[[1, 7, ""]]')
        db.execute("INSERT INTO keys VALUES (?, ?, ?, ?, ?, ?, ?, ?)", row)
    db.close()

    database = Database(tmp_path / "clary.db")
    keys = KeyIndex(database)
    bucket = BucketIndex(database).get("ward")
    assert bucket is not None
    assert (bucket.region, bucket.tags, bucket.versioning, bucket.configuration) == (
        "eu-west-1",
        {"unit": "icu"},
        "",
        {},
    )
    assert [entry.key for entry in keys.page("ward")] == ["a", "b"]
    entry = keys.get("ward", "a", "null")
    assert entry == keys.get("ward", "a")
    assert (entry.blob, entry.size, entry.modified.timestamp(), entry.metadata) == ("blob-a", 7, 9, {"k": "v"})
    assert (entry.checksum, keys.parts(entry)) == (Checksum("CRC32", "AAAAAA=="), [PartSize(1, 7)])
    assert keys.in_use() == {"blob-a", "blob-b"}
    assert keys.delete("ward", [("a", "")])[1] == ["blob-a"]
    database.close()


def test_metrics_and_logs_are_kept(tmp_path: Path) -> None:
    db = before(tmp_path / "clary.db", 5)
    db.executemany(
        "INSERT INTO metric_points (region, namespace, name, dimensions, time, value, unit) VALUES (?, ?, ?, ?, ?, ?, ?)",
        [("r", "N", "loss", '{"a":"1"}', 10, 0.5, "None"), ("r", "N", "loss", '{"a":"1"}', 20, 0.25, "Count")],
    )
    db.execute("INSERT INTO log_groups (region, name, created) VALUES ('r', '/g', 1)")
    db.execute("INSERT INTO log_streams (id, region, log_group, name, created) VALUES (7, 'r', '/g', 's', 1)")
    db.execute("INSERT INTO log_events (stream, time, ingested, message) VALUES (7, 5, 6, 'ä')")
    db.close()
    database = Database(tmp_path / "clary.db")
    metrics, logs = MetricPoints(database), LogEvents(database)
    assert metrics.read("r", "N", "loss", {"a": "1"}, 0, 99) == [Point(10, 0.5), Point(20, 0.25, "Count")]
    assert metrics.last("r", "N", {"a": "1"}) == {"loss": Point(20, 0.25, "Count")}
    assert [e.message for e in logs.read(7)] == ["ä"]
    database.close()
