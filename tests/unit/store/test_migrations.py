"""Data folders of earlier schemas open, with all that they hold."""

from __future__ import annotations

import sqlite3
from importlib import resources
from pathlib import Path

from clary.store.buckets import BucketIndex
from clary.store.database import Database
from clary.store.keys import Checksum, KeyIndex, PartSize


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
