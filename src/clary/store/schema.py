"""The schema of the database: brought up to date forward only, and never without a copy of what was there."""

from __future__ import annotations

import contextlib
import logging
import os
import sqlite3
import time
from importlib import resources
from pathlib import Path

from clary.store.damage import CannotOpen

log = logging.getLogger(__name__)


def copy(source: sqlite3.Connection, path: Path) -> None:
    """A copy of the whole database at one moment, durable; writers go on meanwhile. Nothing is left if it fails."""
    aside = path.with_name(f"{path.name}.part")
    aside.unlink(missing_ok=True)
    aside.touch(mode=0o600)
    try:
        with contextlib.closing(sqlite3.connect(aside, isolation_level=None)) as target:
            target.execute("PRAGMA synchronous = FULL")
            source.backup(target)
            target.execute("PRAGMA journal_mode = DELETE")  # one file, without a log beside it
        aside.replace(path)
    finally:
        aside.unlink(missing_ok=True)
    _flush(path.parent)


def _flush(folder: Path) -> None:
    number = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)


def migrate(connection: sqlite3.Connection, path: Path) -> None:
    """Bring the schema up to date; ``CannotOpen`` if it is that of a newer Clary."""
    connection.execute("CREATE TABLE IF NOT EXISTS migrations (number INTEGER PRIMARY KEY)")
    done = {number for (number,) in connection.execute("SELECT number FROM migrations")}
    folder = resources.files("clary.store") / "migrations"
    scripts = {int(f.name[:4]): f.read_text() for f in folder.iterdir() if f.name.endswith(".sql")}
    if unknown := done - scripts.keys():
        raise CannotOpen(
            f"the data folder was written by a newer Clary (schema {max(unknown)}, this one knows {max(scripts)}): "
            "update Clary, or choose another folder with --data"
        )
    pending = sorted(scripts.keys() - done)
    if done and pending:
        backups = path.parent / "backups"
        backups.mkdir(mode=0o700, exist_ok=True)
        before = backups / f"{path.stem}-before-schema-{pending[-1]:04}-{time.strftime('%Y%m%dT%H%M%S')}.db"
        copy(connection, before)
        log.info("the schema of %s is brought up to date; as it was, it lies in %s", path, before)
    for number in pending:
        connection.executescript(
            f"BEGIN IMMEDIATE; {scripts[number]}; INSERT INTO migrations VALUES ({number}); COMMIT;"
        )
