"""The portal of those who label: their jobs, and one task after the other.

The page of a task is a script (``assets/portal.js``) around a frame that holds the template; it asks for what is here.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from clary.console import frames, labellers
from clary.console.page import action, page
from clary.console.templates import url
from clary.console.visit import Visit
from clary.errors import ResourceNotFound, ValidationException
from clary.gateway.http import HttpAnswer
from clary.labelling import tasks
from clary.labelling.tasks import OpenJob, Task, TaskGone
from clary.labelling.workers import Worker

PORTAL = "/_/portal"


@page(PORTAL, who="worker")
def jobs(visit: Visit) -> HttpAnswer:
    worker = _worker(visit)
    return visit.show("portal_jobs.html", worker=worker, jobs=tasks.jobs_of(visit.context, worker))


@page(f"{PORTAL}/jobs/{{job}}", who="worker")
def label(visit: Visit) -> HttpAnswer:
    """The page around the picture; its script takes the first task."""
    job = _job(visit, _worker(visit))
    return visit.show("portal.html", job=job, home=PORTAL, here=url(f"{PORTAL}/jobs", job.name), sandbox=frames.SANDBOX)


@action(f"{PORTAL}/jobs/{{job}}/take", who="worker")
def take(visit: Visit) -> HttpAnswer:
    """The worker's open task, or the next; ``task`` is null when there is none now."""
    return _next(visit, _worker(visit), visit.path["job"])


@action(f"{PORTAL}/jobs/{{job}}/previous", who="worker")
def previous(visit: Visit) -> HttpAnswer:
    """Opens the answer sent last again, or the one before the ``before`` that is being changed."""
    worker, context = _worker(visit), visit.context
    before = visit.document.get("before")
    found = tasks.previous(context, worker, visit.path["job"], before if isinstance(before, str) else None, 1)
    if not found:
        raise ValidationException("There is no earlier answer that may still be changed.")
    return _state(visit, worker, visit.path["job"], tasks.revise(context, worker, found[0].id))


@page(f"{PORTAL}/tasks/{{task}}/frame", who="worker")
def frame(visit: Visit) -> HttpAnswer:
    worker = _worker(visit)
    task = tasks.find(visit.context, worker, visit.path["task"])
    return frames.document(visit, tasks.input_of(visit.context, worker, task))


@page(f"{PORTAL}/jobs/{{job}}/ahead/{{key}}", who="worker")
def ahead(visit: Visit) -> HttpAnswer:
    """The frame of the object that comes next, so that it is there when it is; it is nobody's task yet.

    Empty where another comes next by now, or none: the frame stays blank, and the page takes another.
    """
    worker, job, empty = _worker(visit), visit.path["job"], HttpAnswer(204)
    try:
        given = tasks.upcoming(visit.context, worker, job)
        if given is None or frames.key(given) != visit.path["key"]:
            return empty
        open_ = tasks.take(visit.context, worker, job)
    except TaskGone:
        return empty
    if open_ is None:
        return empty
    shown = tasks.input_of(visit.context, worker, open_)  # the template and the role are the job's
    return frames.document(visit, replace(shown, input=given))


@action(f"{PORTAL}/tasks/{{task}}/draft", who="worker")
def draft(visit: Visit) -> HttpAnswer:
    worker, given = _worker(visit), visit.document
    if "draft" not in given:
        raise ValidationException("What was sent is no draft: it takes draft.")
    tasks.keep_draft(visit.context, worker, visit.path["task"], given["draft"])
    return visit.json({})


@action(f"{PORTAL}/tasks/{{task}}/submit", who="worker")
def submit(visit: Visit) -> HttpAnswer:
    """Takes the answer, and gives the next task."""
    worker, given = _worker(visit), visit.document
    seconds = given.get("seconds")
    if "answer" not in given or not isinstance(seconds, int | float):
        raise ValidationException("What was sent is no answer: it takes answer and seconds.")
    done = tasks.submit(visit.context, worker, visit.path["task"], given["answer"], seconds)
    return _next(visit, worker, done.job)


@action(f"{PORTAL}/tasks/{{task}}/decline", who="worker")
def decline(visit: Visit) -> HttpAnswer:
    worker, reason = _worker(visit), str(visit.document.get("reason", "")).strip()
    if not reason:
        raise ValidationException("Say why the object is skipped.")
    done = tasks.decline(visit.context, worker, visit.path["task"], reason)
    return _next(visit, worker, done.job)


@action(f"{PORTAL}/tasks/{{task}}/return", who="worker")
def give_back(visit: Visit) -> HttpAnswer:
    tasks.give_back(visit.context, _worker(visit), visit.path["task"])
    return visit.json({})


def _worker(visit: Visit) -> Worker:
    return labellers.find(visit.context, visit.session.worker)


def _job(visit: Visit, worker: Worker) -> OpenJob:
    for job in tasks.jobs_of(visit.context, worker):
        if job.name == visit.path["job"]:
            return job
    raise ResourceNotFound(
        f"There is no job {visit.path['job']} for you: it has ended, or it is another team's.", status=404
    )


def _next(visit: Visit, worker: Worker, job: str) -> HttpAnswer:
    """The next task of a job, which may have ended with the answer that was just sent."""
    try:
        task = tasks.take(visit.context, worker, job)
    except TaskGone:
        task = None
    return _state(visit, worker, job, task)


def _state(visit: Visit, worker: Worker, job: str, task: Task | None) -> HttpAnswer:
    """Where the worker stands in a job: what ``portal.js`` shows."""
    context = visit.context
    found = next((each for each in tasks.jobs_of(context, worker) if each.name == job), None)
    done, left = (found.done, found.left) if found else (0, 0)
    if task is None:
        return visit.json({"task": None, "ended": found is None, "done": done, "of": done + left})
    given = tasks.input_of(context, worker, task).input
    upcoming = tasks.upcoming(context, worker, job)
    now: dict[str, Any] = {
        "id": task.id,
        "key": frames.key(given),
        "frame": url(f"{PORTAL}/tasks", task.id) + "/frame",
        "text": "taskObject" in given and not str(given["taskObject"]).startswith("s3://"),  # not a picture, on black
        "draft": task.draft,
        "changes": task.answer is not None,  # an answer that was sent before
        "seconds": max((task.deadline - context.now()).total_seconds(), 0),
    }
    key = None if upcoming is None else frames.key(upcoming)
    return visit.json(
        {
            "task": now,
            "done": done,
            "of": done + left,
            "ahead": None if key is None else {"key": key, "frame": url(f"{PORTAL}/jobs", job) + f"/ahead/{key}"},
            "back": bool(tasks.previous(context, worker, job, task.id if task.answer is not None else None, 1)),
        }
    )
