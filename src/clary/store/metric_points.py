"""Metrics: values over time by namespace, name and dimensions, as in CloudWatch. Times are epoch milliseconds."""

from __future__ import annotations

import json
import math
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from clary.store.database import Database

_PIECE = 500  # series read at a time


@dataclass(frozen=True)
class Point:
    """A value at a time, seen ``count`` times.

    ``extremes`` makes it a set of ``count`` values of which only these are known: sum, minimum, maximum; its ``value``
    is their mean.
    """

    time: int
    value: float
    unit: str = "None"
    count: float = 1.0
    extremes: tuple[float, float, float] | None = None

    @property
    def summary(self) -> tuple[float, float, float]:
        """Sum, minimum, maximum."""
        return self.extremes or (self.value * self.count, self.value, self.value)


@dataclass(frozen=True)
class Series:
    """``id`` grows in the order in which metrics were first seen."""

    id: int
    namespace: str
    name: str
    dimensions: Mapping[str, str]


@dataclass(frozen=True)
class Summary:
    """Of all values of a metric; ``deviation`` is that of the whole, divided by the count. ``last``: as it arrived."""

    count: float
    minimum: float
    maximum: float
    average: float
    deviation: float
    last: Point


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
        """Add (metric name, point) pairs. What is not a number is left out: CloudWatch knows none such."""
        self._database.write(self.insertion(region, namespace, dimensions, points))

    def put_all(self, region: str, namespace: str, points: Sequence[tuple[str, dict[str, str], Point]]) -> None:
        """Add (metric name, dimensions, point) triples: all of them, or none."""
        self._database.write(_insertion(region, namespace, [(n, _canonical(d), p) for n, d, p in points]))

    @staticmethod
    def insertion(
        region: str, namespace: str, dimensions: dict[str, str], points: Sequence[tuple[str, Point]]
    ) -> Callable[[sqlite3.Connection], None]:
        """``put`` as a part of somebody else's transaction."""
        where = _canonical(dimensions)
        return _insertion(region, namespace, [(name, where, point) for name, point in points])

    def last(self, region: str, namespace: str, dimensions: dict[str, str]) -> dict[str, Point]:
        """The last value that arrived of each metric of exactly these dimensions."""
        with self._database.read() as db:
            rows = db.execute(
                "SELECT s.name, p.time, p.unit, p.count, p.total, p.minimum, p.maximum FROM metric_series s"
                " JOIN metric_points p ON p.id = (SELECT max(id) FROM metric_points WHERE series = s.id)"
                " WHERE s.region = ? AND s.namespace = ? AND s.dimensions = ? ORDER BY s.id",
                (region, namespace, _canonical(dimensions)),
            ).fetchall()
        return {name: _point(*row) for name, *row in rows}

    def summaries(self, region: str, namespace: str, dimensions: dict[str, str], since: int) -> dict[str, Summary]:
        """Of each metric of exactly these dimensions, over its finite values at or after ``since``."""
        finite = "p.series = {} AND p.time >= :since AND abs(p.total) <= 1.7976931348623157e308"
        query = (
            "WITH whole AS (SELECT s.id, s.name, sum(p.count) AS count, min(p.minimum) AS low, max(p.maximum) AS high,"
            " sum(p.total) / sum(p.count) AS mean, max(p.id) AS last FROM metric_series s"
            f" JOIN metric_points p ON {finite.format('s.id')}"
            " WHERE s.region = :region AND s.namespace = :namespace AND s.dimensions = :dimensions GROUP BY s.id)"
            " SELECT name, whole.count, low, high, mean, (SELECT sum((p.total / p.count - mean) * (p.total / p.count - mean)"
            f" * p.count) FROM metric_points p WHERE {finite.format('whole.id')}),"
            " l.time, l.unit, l.count, l.total, l.minimum, l.maximum"
            " FROM whole JOIN metric_points l ON l.id = whole.last ORDER BY whole.id"
        )
        asked = {"region": region, "namespace": namespace, "dimensions": _canonical(dimensions), "since": since}
        with self._database.read() as db:
            rows = db.execute(query, asked).fetchall()
        return {
            name: Summary(count, low, high, mean, math.sqrt(max(0.0, squares) / count), _point(*last))
            for name, count, low, high, mean, squares, *last in rows
        }

    def read(
        self, region: str, namespace: str, name: str, dimensions: dict[str, str], start: int, end: int
    ) -> list[Point]:
        """The points with times in [start, end), by time."""
        with self._database.read() as db:
            rows = db.execute(
                "SELECT time, unit, count, total, minimum, maximum FROM metric_points WHERE series ="
                " (SELECT id FROM metric_series WHERE region = ? AND namespace = ? AND name = ? AND dimensions = ?)"
                " AND time >= ? AND time < ? ORDER BY time, id",
                (region, namespace, name, _canonical(dimensions), start, end),
            ).fetchall()
        return [_point(*row) for row in rows]

    def series(
        self, region: str, namespace: str | None = None, name: str | None = None, *, after: int = 0, since: int = 0
    ) -> Iterator[Series]:
        """The metrics of a namespace and a name (None: of any), by id above ``after``, with a point at or after ``since``."""
        wanted, values = ["region = ?", "id > ?"], [region, after]
        for condition, value in (("namespace = ?", namespace), ("name = ?", name)):
            if value is not None:
                wanted.append(condition)
                values.append(value)
        if since:
            wanted.append("EXISTS (SELECT 1 FROM metric_points WHERE series = metric_series.id AND time >= ?)")
            values.append(since)
        query = f"SELECT id, namespace, name, dimensions FROM metric_series WHERE {' AND '.join(wanted)} ORDER BY id"
        while True:
            with self._database.read() as db:
                rows = db.execute(f"{query} LIMIT {_PIECE}", values).fetchall()
            for number, space, metric, dimensions in rows:
                yield Series(number, space, metric, json.loads(dimensions))
            if len(rows) < _PIECE:
                return
            values[1] = rows[-1][0]

    def expire(self, before: int, most: int) -> int:
        """Remove at most ``most`` points older than ``before``, and metrics that have none left; how many points."""

        def remove(db: sqlite3.Connection) -> int:
            gone = db.execute(
                "DELETE FROM metric_points WHERE id IN (SELECT p.id FROM metric_series s"
                " CROSS JOIN metric_points p ON p.series = s.id AND p.time < ? LIMIT ?) RETURNING series",
                (before, most),
            ).fetchall()
            db.executemany(
                "DELETE FROM metric_series WHERE id = ?"
                " AND NOT EXISTS (SELECT 1 FROM metric_points WHERE series = metric_series.id)",
                {(series,) for (series,) in gone},
            )
            return len(gone)

        return self._database.write(remove)


def _insertion(
    region: str, namespace: str, points: Sequence[tuple[str, str, Point]]
) -> Callable[[sqlite3.Connection], None]:
    points = [(name, where, point) for name, where, point in points if not math.isnan(point.value)]

    def insert(db: sqlite3.Connection) -> None:
        numbers: dict[tuple[str, str], int] = {}
        for key in dict.fromkeys((name, where) for name, where, _ in points):
            values = (region, namespace, *key)
            db.execute(
                "INSERT OR IGNORE INTO metric_series (region, namespace, name, dimensions) VALUES (?, ?, ?, ?)", values
            )
            (numbers[key],) = db.execute(
                "SELECT id FROM metric_series WHERE region = ? AND namespace = ? AND name = ? AND dimensions = ?",
                values,
            ).fetchone()
        db.executemany(
            "INSERT INTO metric_points (series, time, unit, count, total, minimum, maximum) VALUES (?, ?, ?, ?, ?, ?, ?)",
            [(numbers[name, where], p.time, p.unit, p.count, *p.summary) for name, where, p in points],
        )

    return insert


def _point(time: int, unit: str, count: float, total: float, minimum: float, maximum: float) -> Point:
    if minimum == maximum and total == minimum * count:
        return Point(time, minimum, unit, count)
    return Point(time, total / count, unit, count, (total, minimum, maximum))


def _canonical(dimensions: dict[str, str]) -> str:
    return json.dumps(dimensions, sort_keys=True, separators=(",", ":"))
