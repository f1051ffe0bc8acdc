"""What people are asked by labelling jobs: who has which object, drafts, answers. Times are epoch milliseconds.

Each change is one transaction on the writer's thread, so two workers never get one task, and a change that was
acknowledged outlives ``kill -9``. A task whose time is over is ended by whatever change of its job comes next.
"""

from __future__ import annotations

import sqlite3
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeVar

from clary.store.database import Database

T = TypeVar("T")
Key = tuple[str, str, str]
Listener = Callable[[Key], None]

KIND = "LabelingJob"

Status = Literal["accepted", "submitted", "returned", "declined", "expired"]
"""``returned``: given back, others may take it. ``declined``: skipped with a reason, and not shown to the worker again.
``expired``: its time was over."""


@dataclass(frozen=True)
class Row:
    """A task as the table holds it: ``draft`` and ``answer`` are JSON texts, ``worker`` is the worker's sub.

    ``told``: the status that the log of workers' activity has of it.
    """

    id: str
    object: int
    worker: str
    status: Status
    accepted: int
    deadline: int
    ended: int | None
    seconds: float
    draft: str | None
    answer: str | None
    reason: str | None
    told: Status | Literal[""]


@dataclass(frozen=True)
class Job:
    """``workers`` answer for an object, each in ``seconds`` at most; ``open``: whether tasks are given out."""

    id: int
    region: str
    name: str
    team: str
    workers: int
    seconds: int
    template: str
    open: bool

    @property
    def key(self) -> Key:
        return self.region, KIND, self.name


@dataclass(frozen=True)
class Share:
    """A job as one worker sees it: counts of objects."""

    done: int  # answered by the worker
    left: int  # that the worker may still get
    total: int


class NoTask(Exception):
    """There is no such task, or it is somebody else's."""


class TaskOver(Exception):
    """The task is not the worker's to change any more; the message is what became of it."""


_COLUMNS = "id, object, worker, status, accepted, deadline, ended, seconds, draft, answer, reason, told"
_JOB = "id, region, name, team, workers, seconds, template, open"
_FREE = (
    "SELECT o.number FROM labelling_objects o WHERE o.job = :job AND o.state = 'open' AND o.expires > :now"
    " AND (SELECT count(*) FROM labelling_tasks t WHERE t.job = :job AND t.object = o.number"
    " AND t.status IN ('accepted', 'submitted')) < :workers"
    " AND NOT EXISTS (SELECT 1 FROM labelling_tasks t WHERE t.job = :job AND t.object = o.number AND t.worker = :worker"
    " AND t.status IN {})"
)
_UNSEEN = _FREE.format("('accepted', 'submitted', 'declined', 'returned', 'expired')")
_ALLOWED = _FREE.format("('accepted', 'submitted', 'declined')")


class LabellingTasks:
    def __init__(self, database: Database) -> None:
        self._database = database
        self._listeners: list[Listener] = []

    def subscribe(self, listener: Listener) -> None:
        """Call ``listener`` with the key of a job's record when a task of it changed, from the writer's thread."""
        self._listeners.append(listener)

    def job(self, region: str, name: str) -> Job | None:
        """None if the job was not yet begun, or has ended."""
        with self._database.read() as db:
            return find_job(db, region, name)

    def jobs(self, region: str, teams: tuple[str, ...]) -> list[Job]:
        """Those of these work teams that give out tasks, the oldest first."""
        marks = ", ".join("?" * len(teams))
        with self._database.read() as db:
            rows = db.execute(
                f"SELECT {_JOB} FROM labelling_jobs WHERE region = ? AND team IN ({marks}) AND open ORDER BY id",
                (region, *teams),
            ).fetchall()
        return [_job(row) for row in rows]

    def share(self, job: Job, worker: str, now: int) -> Share:
        named = {"job": job.id, "worker": worker, "workers": job.workers, "now": now}
        with self._database.read() as db:
            states = dict(
                db.execute("SELECT state, count(*) FROM labelling_objects WHERE job = ? GROUP BY state", (job.id,))
            )
            own = dict(
                db.execute(
                    "SELECT status, count(*) FROM labelling_tasks WHERE job = ? AND worker = ? GROUP BY status",
                    (job.id, worker),
                )
            )
            (free,) = db.execute(f"SELECT count(*) FROM ({_ALLOWED})", named).fetchone()
        left = free + states.get("waiting", 0) + own.get("accepted", 0)
        return Share(own.get("submitted", 0), left, sum(states.values()))

    def take(self, job: Job, worker: str, now: int) -> Row | None:
        """The worker's open task, else a new one of the next object; None if there is none for this worker."""

        def take(db: sqlite3.Connection) -> Row | None:
            if not _is_open(db, job):
                return None
            sweep(db, job.id, now)
            if (present := _current(db, job, worker)) is not None:
                return present
            number = _next(db, job, worker, now)
            if number is None:
                return None
            identifier = uuid.uuid4().hex
            db.execute(
                "INSERT INTO labelling_tasks (id, job, object, worker, status, accepted, deadline)"
                " VALUES (?, ?, ?, ?, 'accepted', ?, ?)",
                (identifier, job.id, number, worker, now, now + job.seconds * 1000),
            )
            return _read(db, job, identifier)

        return self._write(job, take)

    def upcoming(self, job: Job, worker: str, now: int) -> str | None:
        """The manifest's line of the object that the worker would get next, after the one that is open."""
        with self._database.read() as db:
            number = _next(db, job, worker, now)
            return None if number is None else _line(db, job, number)

    def line(self, job: Job, number: int) -> str:
        """Of the manifest, of an object of the job."""
        with self._database.read() as db:
            return _line(db, job, number)

    def find(self, region: str, identifier: str) -> tuple[Job, Row] | None:
        """A task by its id, with its job."""
        with self._database.read() as db:
            found = db.execute("SELECT job FROM labelling_tasks WHERE id = ?", (identifier,)).fetchone()
            row = found and db.execute(f"SELECT {_JOB} FROM labelling_jobs WHERE id = ?", found).fetchone()
            if not row or row[1] != region:
                return None
            job = _job(row)
            return job, _read(db, job, identifier)

    def keep_draft(self, job: Job, worker: str, identifier: str, draft: str, now: int) -> None:
        """``NoTask``, ``TaskOver``."""

        def keep(db: sqlite3.Connection) -> None:
            _own(db, job, worker, identifier, now)
            db.execute("UPDATE labelling_tasks SET draft = ? WHERE id = ?", (draft, identifier))

        self._database.write(keep)

    def submit(self, job: Job, worker: str, identifier: str, answer: str, seconds: float, now: int) -> Row:
        """Take an answer; the same one twice is taken once. ``NoTask``, ``TaskOver``."""

        def submit(db: sqlite3.Connection) -> Row:
            sweep(db, job.id, now)
            present = _read(db, job, identifier)
            if (present.worker, present.status, present.answer) == (worker, "submitted", answer):
                return present
            _own(db, job, worker, identifier, now)
            db.execute(
                "UPDATE labelling_tasks SET status = 'submitted', answer = ?, draft = NULL, ended = ?,"
                " seconds = seconds + ? WHERE id = ?",
                (answer, now, seconds, identifier),
            )
            _settle(db, job.id, present.object)
            return _read(db, job, identifier)

        return self._write(job, submit)

    def give_back(self, job: Job, worker: str, identifier: str, now: int) -> Row:
        """Let others have it; where an answer was being changed, the old one stands. ``NoTask``, ``TaskOver``."""
        return self._end(job, worker, identifier, "returned", None, now)

    def decline(self, job: Job, worker: str, identifier: str, reason: str, now: int) -> Row:
        """Never show the object to this worker again; an answer that was being changed is void. ``NoTask``, ``TaskOver``."""
        return self._end(job, worker, identifier, "declined", reason, now)

    def previous(self, job: Job, worker: str, before: str | None, limit: int) -> list[Row]:
        """The worker's answers that may still be changed, the latest first; those sent before a task, if one is given."""
        earlier = "AND (t.ended, t.id) < (SELECT ended, id FROM labelling_tasks WHERE id = :before)" if before else ""
        columns = ", ".join(f"t.{name}" for name in _COLUMNS.split(", "))
        with self._database.read() as db:
            rows = db.execute(
                f"SELECT {columns} FROM labelling_tasks t JOIN labelling_objects o ON o.job = t.job AND o.number = t.object"
                " WHERE t.worker = :worker AND t.job = :job AND t.status = 'submitted' AND o.state IN ('open', 'answered')"
                f" {earlier} ORDER BY t.ended DESC, t.id DESC LIMIT :limit",
                {"worker": worker, "job": job.id, "before": before, "limit": limit},
            ).fetchall()
        return [Row(*row) for row in rows]

    def revise(self, job: Job, worker: str, identifier: str, now: int) -> Row:
        """Open an answered task again, its answer being the draft. ``NoTask``, ``TaskOver``."""

        def revise(db: sqlite3.Connection) -> Row:
            sweep(db, job.id, now)
            present = _read(db, job, identifier)
            if present.worker != worker:
                raise NoTask(identifier)
            if present.status == "accepted":
                return present
            (state,) = db.execute(
                "SELECT state FROM labelling_objects WHERE job = ? AND number = ?", (job.id, present.object)
            ).fetchone()
            if present.status != "submitted" or state not in {"open", "answered"} or not _is_open(db, job):
                raise TaskOver(
                    "its object is consolidated already" if present.status == "submitted" else present.status
                )
            db.execute(
                "UPDATE labelling_tasks SET status = 'accepted', draft = answer, deadline = ? WHERE id = ?",
                (now + job.seconds * 1000, identifier),
            )
            db.execute(
                "UPDATE labelling_objects SET state = 'open' WHERE job = ? AND number = ?", (job.id, present.object)
            )
            return _read(db, job, identifier)

        return self._write(job, revise)

    def leave(self, region: str, worker: str, teams: tuple[str, ...], now: int) -> None:
        """Give back whatever a worker has open of jobs of other teams than these."""
        with self._database.read() as db:
            rows = db.execute(
                "SELECT t.id, j.name, j.team FROM labelling_tasks t JOIN labelling_jobs j ON j.id = t.job"
                " WHERE t.worker = ? AND t.status = 'accepted' AND j.region = ?",
                (worker, region),
            ).fetchall()
        for identifier, name, team in rows:
            if team not in teams and (job := self.job(region, name)) is not None:
                try:
                    self.give_back(job, worker, identifier, now)
                except (NoTask, TaskOver):  # it ended meanwhile
                    continue

    def _end(self, job: Job, worker: str, identifier: str, status: Status, reason: str | None, now: int) -> Row:
        def end(db: sqlite3.Connection) -> Row:
            present = _own(db, job, worker, identifier, now)
            kept = status == "returned" and present.answer is not None
            db.execute(
                "UPDATE labelling_tasks SET status = ?, reason = ?, ended = ?, draft = NULL,"
                " answer = CASE WHEN ? THEN answer END WHERE id = ?",
                ("submitted" if kept else status, reason, now, kept, identifier),
            )
            _settle(db, job.id, present.object)
            return _read(db, job, identifier)

        return self._write(job, end)

    def _write(self, job: Job, work: Callable[[sqlite3.Connection], T]) -> T:
        def tell(_: T) -> None:
            for listener in self._listeners:
                listener(job.key)

        return self._database.write(work, tell)


def find_job(db: sqlite3.Connection, region: str, name: str) -> Job | None:
    row = db.execute(f"SELECT {_JOB} FROM labelling_jobs WHERE region = ? AND name = ?", (region, name)).fetchone()
    return _job(row) if row else None


def sweep(db: sqlite3.Connection, job: int, now: int) -> None:
    """End the tasks whose time is over; where an answer was being changed, the old one stands."""
    over = db.execute(
        "SELECT id, object FROM labelling_tasks WHERE job = ? AND status = 'accepted' AND deadline <= ?", (job, now)
    ).fetchall()
    end(db, job, over)


def end(db: sqlite3.Connection, job: int, tasks: list[tuple[str, int]]) -> None:
    """End these open tasks, (id, object), at their deadline or now, whichever is earlier."""
    for identifier, number in tasks:
        db.execute(
            "UPDATE labelling_tasks SET status = CASE WHEN answer IS NULL THEN 'expired' ELSE 'submitted' END,"
            " ended = coalesce(ended, deadline), draft = NULL WHERE id = ?",
            (identifier,),
        )
        _settle(db, job, number)


def _settle(db: sqlite3.Connection, job: int, number: int) -> None:
    """Nobody is asked any more about an object that enough people answered, or that enough declined."""
    (wanted,) = db.execute("SELECT workers FROM labelling_jobs WHERE id = ?", (job,)).fetchone()
    counts = dict(
        db.execute(
            "SELECT status, count(DISTINCT worker) FROM labelling_tasks WHERE job = ? AND object = ? GROUP BY status",
            (job, number),
        )
    )
    declined = counts.get("declined", 0) >= wanted and not counts.get("accepted")
    if counts.get("submitted", 0) >= wanted or declined:
        db.execute(
            "UPDATE labelling_objects SET state = 'answered' WHERE job = ? AND number = ? AND state = 'open'",
            (job, number),
        )


def _own(db: sqlite3.Connection, job: Job, worker: str, identifier: str, now: int) -> Row:
    """The task, being the worker's and open."""
    row = _read(db, job, identifier)
    if row.worker != worker:
        raise NoTask(identifier)
    if row.status == "accepted" and row.deadline <= now:
        raise TaskOver("expired")
    if row.status != "accepted":
        raise TaskOver(row.status)
    if not _is_open(db, job):
        raise TaskOver("its job has ended")
    return row


def _read(db: sqlite3.Connection, job: Job, identifier: str) -> Row:
    row = db.execute(
        f"SELECT {_COLUMNS} FROM labelling_tasks WHERE id = ? AND job = ?", (identifier, job.id)
    ).fetchone()
    if row is None:
        raise NoTask(identifier)
    return Row(*row)


def _current(db: sqlite3.Connection, job: Job, worker: str) -> Row | None:
    """The task that the worker opened last."""
    row = db.execute(
        f"SELECT {_COLUMNS} FROM labelling_tasks WHERE worker = ? AND job = ? AND status = 'accepted'"
        " ORDER BY deadline DESC, rowid DESC LIMIT 1",
        (worker, job.id),
    ).fetchone()
    return Row(*row) if row else None


def _next(db: sqlite3.Connection, job: Job, worker: str, now: int) -> int | None:
    """The first object that the worker never had, else the first that was given back or not done in time."""
    named = {"job": job.id, "worker": worker, "workers": job.workers, "now": now}
    for query in (_UNSEEN, _ALLOWED):
        row = db.execute(f"{query} ORDER BY o.number LIMIT 1", named).fetchone()
        if row is not None:
            return int(row[0])
    return None


def _line(db: sqlite3.Connection, job: Job, number: int) -> str:
    (line,) = db.execute("SELECT line FROM labelling_objects WHERE job = ? AND number = ?", (job.id, number)).fetchone()
    return str(line)


def _is_open(db: sqlite3.Connection, job: Job) -> bool:
    row = db.execute("SELECT open FROM labelling_jobs WHERE id = ?", (job.id,)).fetchone()
    return bool(row and row[0])


def _job(row: tuple[int, str, str, str, int, int, str, int]) -> Job:
    *rest, is_open = row
    return Job(*rest, open=bool(is_open))  # type: ignore[misc, arg-type] # the columns in their order
