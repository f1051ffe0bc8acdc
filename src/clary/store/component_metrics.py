"""What was measured for trial components, value by value, as BatchPutMetrics brings it. Times are epoch milliseconds."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from clary.store.database import Database


@dataclass(frozen=True)
class Value:
    """``value`` is a finite number; ``step``: the iteration that it belongs to, where that was told."""

    name: str
    time: int
    value: float
    step: int | None = None


class ComponentMetrics:
    def __init__(self, database: Database) -> None:
        self._database = database

    @staticmethod
    def insertion(component: str, values: Sequence[Value]) -> Callable[[sqlite3.Connection], None]:
        """Add values of a component (its ARN), as a part of the transaction that changes its record."""

        def insert(db: sqlite3.Connection) -> None:
            numbers = {}
            for name in dict.fromkeys(each.name for each in values):
                db.execute("INSERT OR IGNORE INTO component_series (component, name) VALUES (?, ?)", (component, name))
                (numbers[name],) = db.execute(
                    "SELECT id FROM component_series WHERE component = ? AND name = ?", (component, name)
                ).fetchone()
            db.executemany(
                "INSERT INTO component_values (series, time, step, value) VALUES (?, ?, ?, ?)",
                [(numbers[each.name], each.time, each.step, each.value) for each in values],
            )

        return insert

    @staticmethod
    def removal(component: str) -> Callable[[sqlite3.Connection], None]:
        """Remove all that was measured for a component, as a part of the transaction that removes its record."""

        def remove(db: sqlite3.Connection) -> None:
            series = "SELECT id FROM component_series WHERE component = ?"
            db.execute(f"DELETE FROM component_values WHERE series IN ({series})", (component,))
            db.execute("DELETE FROM component_series WHERE component = ?", (component,))

        return remove

    def read(self, component: str, name: str) -> list[Value]:
        """In the order of time; values of one time in that of their arrival."""
        with self._database.read() as db:
            rows = db.execute(
                "SELECT time, value, step FROM component_values WHERE series ="
                " (SELECT id FROM component_series WHERE component = ? AND name = ?) ORDER BY time, id",
                (component, name),
            ).fetchall()
        return [Value(name, *row) for row in rows]
