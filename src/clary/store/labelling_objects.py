"""The objects of labelling jobs as their reconciler moves them on, from the manifest's lines to the output's.

What changes together with a job's record is offered as ``Also``, so that a crash finds both as they were or both changed.
Times are epoch milliseconds.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from clary.store.base import Also, Conflict
from clary.store.database import Database
from clary.store.labelling_tasks import Job, LabellingTasks, Row, end, find_job, sweep

State = Literal["waiting", "open", "answered", "closed", "labelled", "auto", "failed", "kept"]

_PIECE = 2000  # lines in one write, so that others' writes do not wait long
_TASK = "t.id, t.object, t.worker, t.status, t.accepted, t.deadline, t.ended, t.seconds, t.draft, t.answer, t.reason, t.told"


@dataclass(frozen=True)
class Answered:
    """An object that is consolidated, its manifest's line and its answers in the order in which they came."""

    number: int
    line: str
    answers: tuple[Row, ...]


@dataclass(frozen=True)
class Line:
    """``result``: what the line gets in the output, beside what it has."""

    number: int
    line: str
    state: State
    result: dict[str, Any]


class LabellingObjects:
    def __init__(self, database: Database) -> None:
        self._database = database
        self.tasks = LabellingTasks(database)

    def begin(self, region: str, name: str, team: str, workers: int, seconds: int, template: str) -> Job:
        """The job's row, made if it is not there; it gives out nothing yet."""

        def insert(db: sqlite3.Connection) -> Job:
            db.execute(
                "INSERT OR IGNORE INTO labelling_jobs (region, name, team, workers, seconds, template, open)"
                " VALUES (?, ?, ?, ?, ?, ?, 0)",
                (region, name, team, workers, seconds, template),
            )
            found = find_job(db, region, name)
            assert found is not None, "it was inserted just now"
            return found

        return self._database.write(insert)

    def load(self, job: Job, lines: Sequence[tuple[str, bool]]) -> None:
        """The manifest's lines, and whether each is labelled already; may be repeated."""
        for start in range(0, len(lines), _PIECE):
            rows = [
                (job.id, start + place, line, "kept" if kept else "waiting")
                for place, (line, kept) in enumerate(lines[start : start + _PIECE])
            ]

            def insert(db: sqlite3.Connection, rows: list[tuple[int, int, str, str]] = rows) -> None:
                db.executemany(
                    "INSERT OR IGNORE INTO labelling_objects (job, number, line, state) VALUES (?, ?, ?, ?)", rows
                )

            self._database.write(insert)

    @staticmethod
    def opening(job: Job) -> Also:
        """Give out tasks from now on."""

        def write(db: sqlite3.Connection) -> None:
            db.execute("UPDATE labelling_jobs SET open = 1 WHERE id = ?", (job.id,))

        return write

    @staticmethod
    def release(job: Job, count: int, iteration: int, expires: int) -> Also:
        """Ask people about the next ``count`` objects, until ``expires``."""

        def write(db: sqlite3.Connection) -> None:
            db.execute(
                "UPDATE labelling_objects SET state = 'open', iteration = ?, expires = ? WHERE id IN (SELECT id FROM"
                " labelling_objects WHERE job = ? AND state = 'waiting' ORDER BY number LIMIT ?)",
                (iteration, expires, job.id, count),
            )

        return write

    def counts(self, job: Job) -> dict[str, int]:
        """How many objects are in each state; ``unanswered``: of those that are answered, the ones without an answer."""
        with self._database.read() as db:
            found = dict(
                db.execute("SELECT state, count(*) FROM labelling_objects WHERE job = ? GROUP BY state", (job.id,))
            )
            answer = (
                "SELECT 1 FROM labelling_tasks t WHERE t.job = o.job AND t.object = o.number AND t.status = 'submitted'"
            )
            (without,) = db.execute(
                "SELECT count(*) FROM labelling_objects o WHERE o.job = ? AND o.state IN ('answered', 'closed')"
                f" AND NOT EXISTS ({answer})",
                (job.id,),
            ).fetchone()
        return {**found, "unanswered": without} if without else found

    def waiting(self, job: Job, limit: int) -> list[tuple[int, str]]:
        """The numbers and lines of the objects that are given out next."""
        with self._database.read() as db:
            return db.execute(
                "SELECT number, line FROM labelling_objects WHERE job = ? AND state = 'waiting' ORDER BY number LIMIT ?",
                (job.id, limit),
            ).fetchall()

    def iterations(self, job: Job) -> dict[int, dict[str, int]]:
        """Of each iteration, how many of its objects are in each state."""
        found: dict[int, dict[str, int]] = {}
        with self._database.read() as db:
            rows = db.execute(
                "SELECT iteration, state, count(*) FROM labelling_objects WHERE job = ? AND iteration IS NOT NULL"
                " GROUP BY iteration, state ORDER BY iteration",
                (job.id,),
            ).fetchall()
        for iteration, state, count in rows:
            found.setdefault(iteration, {})[state] = count
        return found

    def expire(self, job: Job, now: int) -> int | None:
        """End tasks and objects whose time is over; when the next one's is."""

        def write(db: sqlite3.Connection) -> None:
            sweep(db, job.id, now)
            over = "SELECT number FROM labelling_objects WHERE job = ? AND state = 'open' AND expires <= ?"
            running = db.execute(
                f"SELECT id, object FROM labelling_tasks WHERE job = ? AND status = 'accepted' AND object IN ({over})",
                (job.id, job.id, now),
            ).fetchall()
            end(db, job.id, running)
            db.execute(
                "UPDATE labelling_objects SET state = 'answered' WHERE job = ? AND state = 'open' AND expires <= ?",
                (job.id, now),
            )

        following = self._next(job)
        if following is not None and following <= now:
            self._database.write(write)
            following = self._next(job)
        return following

    def _next(self, job: Job) -> int | None:
        with self._database.read() as db:
            (deadline,) = db.execute(
                "SELECT min(deadline) FROM labelling_tasks WHERE job = ? AND status = 'accepted'", (job.id,)
            ).fetchone()
            (expires,) = db.execute(
                "SELECT min(expires) FROM labelling_objects WHERE job = ? AND state = 'open'", (job.id,)
            ).fetchone()
        return min((each for each in (deadline, expires) if each is not None), default=None)

    @staticmethod
    def closing(job: Job, iteration: int) -> Also:
        """Take an iteration's answers as they are; ``Conflict`` where somebody is asked still."""

        def write(db: sqlite3.Connection) -> None:
            still = "SELECT 1 FROM labelling_objects WHERE job = ? AND iteration = ? AND state = 'open'"
            if db.execute(still, (job.id, iteration)).fetchone():
                raise Conflict(f"somebody works on iteration {iteration} of {job.name} again")
            db.execute(
                "UPDATE labelling_objects SET state = 'closed' WHERE job = ? AND iteration = ? AND state = 'answered'",
                (job.id, iteration),
            )

        return write

    @staticmethod
    def halting(job: Job) -> Also:
        """Ask nobody any more: what has an answer is consolidated, what has none is as if nobody had been asked."""

        def write(db: sqlite3.Connection) -> None:
            db.execute("UPDATE labelling_jobs SET open = 0 WHERE id = ?", (job.id,))
            running = db.execute(
                "SELECT id, object FROM labelling_tasks WHERE job = ? AND status = 'accepted'", (job.id,)
            ).fetchall()
            end(db, job.id, running)
            answered = "SELECT object FROM labelling_tasks WHERE job = ? AND status = 'submitted'"
            db.execute(
                f"UPDATE labelling_objects SET state = CASE WHEN number IN ({answered}) THEN 'closed' ELSE 'waiting' END"
                " WHERE job = ? AND state IN ('open', 'answered')",
                (job.id, job.id),
            )

        return write

    def closed(self, job: Job, iteration: int) -> Iterator[Answered]:
        """The objects of an iteration that are being consolidated, in their order."""
        with self._database.read() as db:
            objects = db.execute(
                "SELECT number, line FROM labelling_objects WHERE job = ? AND iteration = ? AND state = 'closed'"
                " ORDER BY number",
                (job.id, iteration),
            ).fetchall()
            for number, line in objects:
                rows = db.execute(
                    f"SELECT {_TASK} FROM labelling_tasks t WHERE t.job = ? AND t.object = ? AND t.status = 'submitted'"
                    " ORDER BY t.ended, t.id",
                    (job.id, number),
                ).fetchall()
                yield Answered(number, line, tuple(Row(*row) for row in rows))

    @staticmethod
    def deciding(job: Job, results: Mapping[int, tuple[State, Mapping[str, Any]]]) -> Also:
        """What became of objects: their state, and what their lines get."""
        rows = [(state, json.dumps(result), job.id, number) for number, (state, result) in results.items()]

        def write(db: sqlite3.Connection) -> None:
            db.executemany("UPDATE labelling_objects SET state = ?, result = ? WHERE job = ? AND number = ?", rows)

        return write

    def lines(self, job: Job) -> Iterator[Line]:
        """All objects, in the manifest's order."""
        after = -1
        while True:
            with self._database.read() as db:
                rows = db.execute(
                    "SELECT number, line, state, result FROM labelling_objects WHERE job = ? AND number > ?"
                    " ORDER BY number LIMIT ?",
                    (job.id, after, _PIECE),
                ).fetchall()
            for number, line, state, result in rows:
                yield Line(number, line, state, json.loads(result) if result else {})
            if len(rows) < _PIECE:
                return
            after = rows[-1][0]

    def untold(self, job: Job, limit: int = 500) -> list[Row]:
        """Tasks that changed since the log of workers' activity was told of them."""
        with self._database.read() as db:
            rows = db.execute(
                f"SELECT {_TASK} FROM labelling_tasks t WHERE t.job = ? AND t.told != t.status ORDER BY t.rowid LIMIT ?",
                (job.id, limit),
            ).fetchall()
        return [Row(*row) for row in rows]

    @staticmethod
    def telling(rows: Sequence[Row]) -> Also:
        """That these were told, as they were read; one that changed since stays to be told."""

        def write(db: sqlite3.Connection) -> None:
            db.executemany("UPDATE labelling_tasks SET told = ? WHERE id = ?", [(row.status, row.id) for row in rows])

        return write

    @staticmethod
    def removal(job: Job) -> Also:
        """All of a job, whose output is written."""

        def write(db: sqlite3.Connection) -> None:
            db.execute("DELETE FROM labelling_tasks WHERE job = ?", (job.id,))
            db.execute("DELETE FROM labelling_objects WHERE job = ?", (job.id,))
            db.execute("DELETE FROM labelling_jobs WHERE id = ?", (job.id,))

        return write
