"""What a worker is asked, job by job and object by object: tasks taken, drafts, answers sent, changed, skipped.

A task is safe with two workers at once and over ``kill -9``: every change is one transaction. Whoever asks for a task
of a job whose work team the worker does not belong to is told that there is none such.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from clary.context import Context
from clary.errors import ConflictException, ResourceNotFound, ValidationException
from clary.labelling import inputs
from clary.labelling.workers import Worker
from clary.store.base import Record
from clary.store.labelling_tasks import KIND, Job, NoTask, Row, Status, TaskOver
from clary.store.times import time_of

_ANSWER = 16 << 20  # characters of an answer or a draft: a mask of the largest image is smaller
_REASON = 1000  # characters of what is said on skipping


@dataclass(frozen=True)
class OpenJob:
    """A job that gives out tasks, as one worker sees it. Counts are of objects: ``done`` were answered by the worker,
    ``left`` may still come; ``total`` the job has.

    ``time_limit``: seconds for a task.
    """

    name: str
    title: str
    description: str
    time_limit: int
    done: int
    left: int
    total: int


@dataclass(frozen=True)
class Task:
    """One object for one worker. ``object_id``: the number of its line in the manifest, from 0, as text.

    ``worker``: the worker's sub. ``draft``: what was drawn and not sent yet. ``answer``: what was sent, an object keyed by
    the names of the template's fields; while it is changed, the status is accepted and both are there.
    """

    id: str
    job: str
    object_id: str
    worker: str
    status: Status
    accepted: datetime
    deadline: datetime
    draft: dict[str, Any] | None
    answer: dict[str, Any] | None


@dataclass(frozen=True)
class Input:
    """What a template is rendered with: ``task.input``, the template's text, and the role that may read what it shows."""

    input: dict[str, Any]
    template: str
    role: str


class TaskGone(ResourceNotFound):
    """There is no such task for this worker."""


class TaskClosed(ConflictException):
    """The task cannot be changed any more; the message says why, for the worker to read."""


def jobs_of(context: Context, worker: Worker) -> list[OpenJob]:
    """The jobs of the worker's teams that give out tasks, the oldest first."""
    context, now = context.at(worker.region), context.clock.ms()
    found = []
    for job in context.labelling.tasks.jobs(worker.region, worker.teams):
        record = context.store.get(*job.key)
        if record is None:
            continue
        config = record.body["HumanTaskConfig"]
        share = context.labelling.tasks.share(job, worker.sub, now)
        found.append(
            OpenJob(
                name=job.name,
                title=config["TaskTitle"],
                description=config["TaskDescription"],
                time_limit=job.seconds,
                done=share.done,
                left=share.left,
                total=share.total,
            )
        )
    return found


def take(context: Context, worker: Worker, job: str) -> Task | None:
    """The worker's open task, else the next object that the worker did not have; None if there is none now.

    ``TaskGone`` if there is no such job for the worker.
    """
    found = _job(context, worker, job)
    row = context.labelling.tasks.take(found, worker.sub, context.clock.ms())
    return _task(found, row) if row else None


def find(context: Context, worker: Worker, task_id: str) -> Task:
    """``TaskGone``."""
    return _task(*_found(context, worker, task_id))


def upcoming(context: Context, worker: Worker, job: str) -> dict[str, Any] | None:
    """``task.input`` of the object that would come next, to load its image ahead; nothing is taken."""
    found = _job(context, worker, job)
    line = context.labelling.tasks.upcoming(found, worker.sub, context.clock.ms())
    return None if line is None else inputs.task_input(_record(context, found), line)


def input_of(context: Context, worker: Worker, task: Task) -> Input:
    """What to render for a task. ``TaskGone`` if its job has ended."""
    job = _job(context, worker, task.job)
    record = _record(context, job)
    line = context.labelling.tasks.line(job, int(task.object_id))
    return Input(inputs.task_input(record, line), job.template, record.body["RoleArn"])


def keep_draft(context: Context, worker: Worker, task_id: str, draft: dict[str, Any]) -> None:
    """``TaskGone``, ``TaskClosed``; ``ValidationException`` if it is no JSON object or too large."""
    job, row = _found(context, worker, task_id)
    text = _json(draft, "The draft")
    try:
        context.labelling.tasks.keep_draft(job, worker.sub, row.id, text, context.clock.ms())
    except (NoTask, TaskOver) as error:
        raise _problem(error) from None


def submit(context: Context, worker: Worker, task_id: str, answer: dict[str, Any], seconds: float) -> Task:
    """Take the worker's answer; ``seconds``: spent on it, this time. The same answer sent twice is taken once.

    ``TaskGone``, ``TaskClosed``; ``ValidationException`` for what is no answer.
    """
    job, row = _found(context, worker, task_id)
    if not (math.isfinite(seconds) and seconds >= 0):
        raise ValidationException(f"{seconds} are no seconds that somebody can spend on a task.")
    text = _json(answer, "The answer")
    try:
        return _task(job, context.labelling.tasks.submit(job, worker.sub, row.id, text, seconds, context.clock.ms()))
    except (NoTask, TaskOver) as error:
        raise _problem(error) from None


def give_back(context: Context, worker: Worker, task_id: str) -> Task:
    """Let others, or the worker later, have it; an answer that was being changed stands. ``TaskGone``, ``TaskClosed``."""
    job, row = _found(context, worker, task_id)
    try:
        return _task(job, context.labelling.tasks.give_back(job, worker.sub, row.id, context.clock.ms()))
    except (NoTask, TaskOver) as error:
        raise _problem(error) from None


def decline(context: Context, worker: Worker, task_id: str, reason: str) -> Task:
    """Skip the object for good, with a reason. ``TaskGone``, ``TaskClosed``."""
    job, row = _found(context, worker, task_id)
    try:
        declined = context.labelling.tasks.decline(job, worker.sub, row.id, reason[:_REASON], context.clock.ms())
    except (NoTask, TaskOver) as error:
        raise _problem(error) from None
    return _task(job, declined)


def previous(context: Context, worker: Worker, job: str, before: str | None = None, limit: int = 100) -> list[Task]:
    """The worker's answers that may still be changed, because their object is not consolidated, the latest first.

    ``before``: of a task; only those that were sent before it.
    """
    found = _job(context, worker, job)
    return [_task(found, row) for row in context.labelling.tasks.previous(found, worker.sub, before, limit)]


def revise(context: Context, worker: Worker, task_id: str) -> Task:
    """Open an answer again, as draft. ``TaskGone``; ``TaskClosed`` if its object is consolidated."""
    job, row = _found(context, worker, task_id)
    try:
        return _task(job, context.labelling.tasks.revise(job, worker.sub, row.id, context.clock.ms()))
    except (NoTask, TaskOver) as error:
        raise _problem(error) from None


_WORDS = {
    "expired": "Its time was over, so it went back to the others. Take the next one.",
    "submitted": "It was sent already.",
    "returned": "You gave it back.",
    "declined": "You skipped it.",
}


def _problem(error: NoTask | TaskOver) -> TaskGone | TaskClosed:
    if isinstance(error, NoTask):
        return TaskGone(f"You have no task {error}.")
    return TaskClosed(_WORDS.get(str(error), f"The task cannot be changed any more: {error}."))


def _job(context: Context, worker: Worker, name: str) -> Job:
    job = context.labelling.tasks.job(worker.region, name)
    if job is None or job.team not in worker.teams:
        raise TaskGone(f"There is no job {name} for you: it has ended, or it is another team's.")
    return job


def _found(context: Context, worker: Worker, task_id: str) -> tuple[Job, Row]:
    found = context.labelling.tasks.find(worker.region, task_id)
    if found is None or found[1].worker != worker.sub:
        raise TaskGone("There is no such task for you: its job has ended, or it is somebody else's.")
    if found[0].team not in worker.teams:
        raise TaskGone(f"There is no such task for you any more: its job, {found[0].name}, is another team's.")
    return found


def _record(context: Context, job: Job) -> Record:
    record = context.store.get(job.region, KIND, job.name)
    assert record is not None, "a job's record outlives its rows"
    return record


def _task(job: Job, row: Row) -> Task:
    return Task(
        id=row.id,
        job=job.name,
        object_id=str(row.object),
        worker=row.worker,
        status=row.status,
        accepted=time_of(row.accepted),
        deadline=time_of(row.deadline),
        draft=json.loads(row.draft) if row.draft else None,
        answer=json.loads(row.answer) if row.answer else None,
    )


def _json(value: dict[str, Any], what: str) -> str:
    """As text; ``ValidationException`` for what no JSON object can hold."""
    if not isinstance(value, dict):
        raise ValidationException(
            f"{what} is {type(value).__name__}: it must be an object, keyed by the fields' names."
        )
    try:
        text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
        text.encode()
    except ValueError as error:
        raise ValidationException(f"{what} is no JSON: {error}") from None
    if len(text) > _ANSWER:
        raise ValidationException(f"{what} has {len(text)} characters; {_ANSWER} are the most.")
    return text
