"""What is wrong with the database, told so that one knows the way out."""

from __future__ import annotations

import sqlite3
import time
from pathlib import Path

from clary.errors import DiskFull, ServiceError

_CHECKED = 0.5  # seconds


class CannotOpen(RuntimeError):
    """The file cannot be used; the message says why and the way out. It was not changed."""


class Damaged(ServiceError):
    """The file was found damaged while it was in use."""

    code = "InternalFailure"
    status = 500


def check(connection: sqlite3.Connection) -> None:
    """Look for damage for ``_CHECKED`` seconds at most, so that a large file does not hold up the start."""
    end = time.monotonic() + _CHECKED
    connection.set_progress_handler(lambda: time.monotonic() > end, 10_000)
    try:
        (found,) = connection.execute("PRAGMA quick_check(1)").fetchone()
    except sqlite3.OperationalError as error:
        if _code(error) != sqlite3.SQLITE_INTERRUPT:
            raise
        return
    finally:
        connection.set_progress_handler(None, 0)
    if found != "ok":
        damage = sqlite3.DatabaseError(found)
        damage.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
        raise damage


def told(path: Path, error: sqlite3.Error) -> Exception:
    """An error while the file was in use, as those above the store understand it."""
    match _code(error):
        case sqlite3.SQLITE_FULL:
            return DiskFull(path)
        case sqlite3.SQLITE_CORRUPT | sqlite3.SQLITE_NOTADB:
            return Damaged(reason(path, error))
    return error


def _code(error: sqlite3.Error) -> int:
    """The primary result code: https://sqlite.org/rescode.html."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF


def reason(path: Path, error: sqlite3.Error) -> str:
    match _code(error):
        case sqlite3.SQLITE_CORRUPT | sqlite3.SQLITE_NOTADB:
            return (
                f"{path} is damaged ({str(error).splitlines()[0]}). It was left as it is. Put a backup in its place "
                f"(clary restore FILE --data NEW_FOLDER, or one of {path.parent / 'backups'}), or save what can be read: "
                f"sqlite3 {path} .recover"
            )
        case sqlite3.SQLITE_READONLY | sqlite3.SQLITE_CANTOPEN | sqlite3.SQLITE_PERM:
            return (
                f"{path} cannot be written ({error}): its file system is read-only, or it belongs to somebody else. "
                "Make it writable, or choose another folder: --data DIR"
            )
        case sqlite3.SQLITE_FULL:
            return f"the disk of {path} is full: free some room, or choose another folder: --data DIR"
    return f"{path} cannot be opened: {error}"
