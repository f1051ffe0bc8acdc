"""Which blobs are in use: those that a row of ``keys`` or ``parts`` names.

Whatever ends the last use answers the blob's id, so that the caller can remove it once the change is durable; an id that
nobody uses never comes into use again.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable


def unused(db: sqlite3.Connection, blobs: Iterable[str]) -> list[str]:
    """Those that no row names any more; a delete marker's empty id is none."""
    query = "SELECT EXISTS (SELECT 1 FROM keys WHERE blob = ? AND blob <> '') OR EXISTS (SELECT 1 FROM parts WHERE blob = ?)"
    return [blob for blob in dict.fromkeys(blobs) if blob and not db.execute(query, (blob, blob)).fetchone()[0]]


def in_use(db: sqlite3.Connection) -> set[str]:
    """The ids of all blobs that a row names."""
    return {blob for (blob,) in db.execute("SELECT blob FROM keys WHERE blob <> '' UNION SELECT blob FROM parts")}
