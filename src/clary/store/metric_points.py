"""Metrics: values over time by namespace, name and dimensions, as in CloudWatch. Times are epoch milliseconds."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from clary.store.database import Database


@dataclass(frozen=True)
class Point:
    time: int
    value: float
    unit: str = "None"


class MetricPoints:
    def __init__(self, database: Database) -> None:
        self._database = database

    def put(
        self,
        region: str,
        namespace: str,
        dimensions: dict[str, str],
        points: Sequence[tuple[str, Point]],
    ) -> None:
        """Add (metric name, point) pairs."""
        self._database.write(self.insertion(region, namespace, dimensions, points))

    @staticmethod
    def insertion(
        region: str, namespace: str, dimensions: dict[str, str], points: Sequence[tuple[str, Point]]
    ) -> Callable[[sqlite3.Connection], None]:
        """The same as a part of somebody else's transaction."""
        where = _canonical(dimensions)

        def insert(db: sqlite3.Connection) -> None:
            db.executemany(
                "INSERT INTO metric_points (region, namespace, name, dimensions, time, value, unit)"
                " VALUES (?, ?, ?, ?, ?, ?, ?)",
                [(region, namespace, name, where, p.time, p.value, p.unit) for name, p in points],
            )

        return insert

    def last(self, region: str, namespace: str, dimensions: dict[str, str]) -> dict[str, Point]:
        """The last value that arrived of each metric of exactly these dimensions."""
        with self._database.read() as db:
            rows = db.execute(
                "SELECT name, time, value, unit FROM metric_points"
                " WHERE region = ? AND namespace = ? AND dimensions = ? ORDER BY id",
                (region, namespace, _canonical(dimensions)),
            ).fetchall()
        return {name: Point(time, value, unit) for name, time, value, unit in rows}

    def read(
        self, region: str, namespace: str, name: str, dimensions: dict[str, str], start: int, end: int
    ) -> list[Point]:
        """The points with times in [start, end), by time."""
        with self._database.read() as db:
            rows = db.execute(
                "SELECT time, value, unit FROM metric_points WHERE region = ? AND namespace = ? AND name = ?"
                " AND dimensions = ? AND time >= ? AND time < ? ORDER BY time, id",
                (region, namespace, name, _canonical(dimensions), start, end),
            ).fetchall()
        return [Point(*row) for row in rows]


def _canonical(dimensions: dict[str, str]) -> str:
    return json.dumps(dimensions, sort_keys=True, separators=(",", ":"))
