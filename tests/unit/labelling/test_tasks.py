"""What workers are asked: nobody gets what another has, nothing that was sent is lost, what is late is told."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from clary.clock import Move, machine_ms
from clary.context import Context
from clary.errors import ResourceInUse, ResourceNotFound, ValidationException
from clary.labelling import tasks, workers
from clary.labelling.tasks import TaskClosed, TaskGone
from clary.store.base import Conflict
from tests.labelling import BOX, begin_job, people, team, write

OTHER: dict[str, Any] = {"boundingBox": {"boundingBoxes": []}}


def later(context: Context, seconds: float) -> None:
    """Move Clary's clock."""
    context.clock.follow([*context.clock.moves, Move(machine_ms(), context.clock.offset + round(seconds * 1000))])


def taken(context: Context, worker: workers.Worker, job: str = "boxes") -> tasks.Task:
    task = tasks.take(context, worker, job)
    assert task is not None
    return task


def test_a_worker_goes_through_a_job(context: Context) -> None:
    (ann,) = people(context, "ann")
    begin_job(context)
    (job,) = tasks.jobs_of(context, ann)
    assert (job.name, job.title, job.time_limit) == ("boxes", "Draw", 600)
    assert (job.done, job.left, job.total) == (0, 3, 3)
    for number in range(3):
        task = taken(context, ann)
        assert (task.object_id, task.status, task.worker) == (str(number), "accepted", ann.sub)
        assert task.deadline - task.accepted == timedelta(seconds=600)
        shown = tasks.input_of(context, ann, task)
        assert shown.input == {"taskObject": f"s3://ward/{number}.png", "labels": ["trachea"]}
        assert shown.template == "<crowd-form></crowd-form>"
        after = tasks.upcoming(context, ann, "boxes")
        assert after == (None if number == 2 else {**shown.input, "taskObject": f"s3://ward/{number + 1}.png"})
        sent = tasks.submit(context, ann, task.id, BOX, 12.5)
        assert (sent.status, sent.answer, sent.draft) == ("submitted", BOX, None)
    assert tasks.take(context, ann, "boxes") is None
    (job,) = tasks.jobs_of(context, ann)
    assert (job.done, job.left) == (3, 0)


def test_a_closed_tab_loses_nothing(context: Context) -> None:
    (ann,) = people(context, "ann")
    begin_job(context)
    task = taken(context, ann)
    tasks.keep_draft(context, ann, task.id, OTHER)
    again = taken(context, ann)
    assert (again.id, again.draft) == (task.id, OTHER)
    assert tasks.find(context, ann, task.id) == again


def test_no_more_workers_than_asked_have_an_object(context: Context) -> None:
    found = people(context, *(f"w{n}" for n in range(8)))
    begin_job(context, objects=5, per_object=2)
    got: list[tasks.Task] = []
    lock, barrier = threading.Lock(), threading.Barrier(8)

    def work(worker: workers.Worker) -> None:
        barrier.wait()
        while (task := tasks.take(context, worker, "boxes")) is not None:
            with lock:
                got.append(task)
            tasks.submit(context, worker, task.id, BOX, 1)

    threads = [threading.Thread(target=work, args=(each,)) for each in found]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    pairs = [(task.object_id, task.worker) for task in got]
    assert len(pairs) == len(set(pairs)) == 10
    assert all(sum(number == str(n) for number, _ in pairs) == 2 for n in range(5))


def test_what_is_given_back_comes_again_after_the_rest(context: Context) -> None:
    ann, bob = people(context, "ann", "bob")
    begin_job(context, objects=2)
    first = taken(context, ann)
    assert tasks.give_back(context, ann, first.id).status == "returned"
    with pytest.raises(TaskClosed, match="gave it back"):
        tasks.submit(context, ann, first.id, BOX, 1)
    second = taken(context, ann)
    assert second.object_id == "1"
    assert taken(context, bob).object_id == "0"
    tasks.submit(context, ann, second.id, BOX, 1)
    assert tasks.take(context, ann, "boxes") is None
    tasks.give_back(context, bob, taken(context, bob).id)
    assert taken(context, ann).object_id == "0"


def test_what_is_skipped_is_not_shown_to_the_worker_again(context: Context) -> None:
    ann, bob = people(context, "ann", "bob")
    job = begin_job(context, objects=1, per_object=2)
    assert tasks.decline(context, ann, taken(context, ann).id, "too dark").status == "declined"
    assert tasks.take(context, ann, "boxes") is None
    assert context.labelling.counts(job) == {"open": 1}
    tasks.decline(context, bob, taken(context, bob).id, "")
    assert context.labelling.counts(job) == {"answered": 1, "unanswered": 1}  # as many as were to answer


def test_a_late_answer_is_refused_and_the_object_goes_to_others(context: Context) -> None:
    ann, bob = people(context, "ann", "bob")
    begin_job(context, objects=1, seconds=30)
    task = taken(context, ann)
    later(context, 31)
    with pytest.raises(TaskClosed, match="time was over"):
        tasks.submit(context, ann, task.id, BOX, 31)
    assert taken(context, bob).object_id == "0"
    assert tasks.find(context, ann, task.id).status == "expired"
    assert tasks.take(context, ann, "boxes") is None


def test_an_answer_can_be_changed_until_its_object_is_consolidated(context: Context) -> None:
    (ann,) = people(context, "ann")
    job = begin_job(context)
    sent = []
    for _ in range(2):
        sent.append(tasks.submit(context, ann, taken(context, ann).id, BOX, 5))
        later(context, 1)  # nobody answers twice in a millisecond
    now_open = taken(context, ann)
    later(context, 1)
    assert [task.object_id for task in tasks.previous(context, ann, "boxes")] == ["1", "0"]
    assert [task.id for task in tasks.previous(context, ann, "boxes", before=sent[1].id)] == [sent[0].id]
    revised = tasks.revise(context, ann, sent[0].id)
    assert (revised.status, revised.draft, revised.answer) == ("accepted", BOX, BOX)
    assert taken(context, ann).id == revised.id  # a reload comes back to it
    with pytest.raises(Conflict):
        write(context, context.labelling.closing(job, 1))
    assert tasks.submit(context, ann, revised.id, OTHER, 3).answer == OTHER
    assert taken(context, ann).id == now_open.id
    tasks.give_back(context, ann, tasks.revise(context, ann, sent[1].id).id)
    assert tasks.find(context, ann, sent[1].id).answer == BOX  # the old one stands
    tasks.submit(context, ann, now_open.id, BOX, 1)
    write(context, context.labelling.closing(job, 1))
    assert tasks.previous(context, ann, "boxes") == []
    with pytest.raises(TaskClosed, match="consolidated"):
        tasks.revise(context, ann, sent[0].id)
    (first, *_) = context.labelling.closed(job, 1)
    assert (first.answers[0].seconds, len(first.answers)) == (8.0, 1)


def test_a_change_that_is_not_sent_in_time_leaves_the_old_answer(context: Context) -> None:
    (ann,) = people(context, "ann")
    job = begin_job(context, objects=1, seconds=30)
    sent = tasks.submit(context, ann, taken(context, ann).id, BOX, 5)
    tasks.revise(context, ann, sent.id)
    later(context, 31)
    assert context.labelling.expire(job, context.clock.ms()) is None
    assert tasks.find(context, ann, sent.id).answer == BOX
    assert context.labelling.counts(job) == {"answered": 1}


def test_the_same_answer_twice_is_taken_once(context: Context) -> None:
    (ann,) = people(context, "ann")
    begin_job(context)
    task = taken(context, ann)
    first = tasks.submit(context, ann, task.id, BOX, 5)
    assert tasks.submit(context, ann, task.id, BOX, 5) == first
    with pytest.raises(TaskClosed, match="sent already"):
        tasks.submit(context, ann, task.id, OTHER, 5)


@pytest.mark.parametrize(
    ("answer", "seconds", "said"),
    [
        ([], 1.0, "must be an object"),
        ({"a": float("nan")}, 1.0, "no JSON"),
        ({"a": "\ud800"}, 1.0, "no JSON"),
        ({"a": "x" * (16 << 20)}, 1.0, "are the most"),
        ({}, -1.0, "no seconds"),
        ({}, float("inf"), "no seconds"),
    ],
)
def test_what_is_no_answer_is_refused(context: Context, answer: Any, seconds: float, said: str) -> None:
    (ann,) = people(context, "ann")
    begin_job(context)
    task = taken(context, ann)
    with pytest.raises(ValidationException, match=said):
        tasks.submit(context, ann, task.id, answer, seconds)
    assert taken(context, ann).id == task.id


def test_nobody_gets_at_what_is_not_theirs(context: Context) -> None:
    ann, bob = people(context, "ann", "bob")
    begin_job(context)
    team(context, "other")
    eve = workers.add(context, "eve", ["other"])
    assert tasks.jobs_of(context, eve) == []
    with pytest.raises(TaskGone, match="another team's"):
        tasks.take(context, eve, "boxes")
    task = taken(context, ann)
    for act in (
        lambda: tasks.submit(context, bob, task.id, BOX, 1),
        lambda: tasks.keep_draft(context, bob, task.id, BOX),
        lambda: tasks.give_back(context, bob, task.id),
        lambda: tasks.decline(context, bob, task.id, ""),
        lambda: tasks.revise(context, bob, task.id),
        lambda: tasks.find(context, replace(ann, region="eu-west-1"), task.id),
    ):
        with pytest.raises(TaskGone):
            act()


def test_who_leaves_the_team_gives_back_what_was_open(context: Context) -> None:
    """Only of that team's jobs; what was answered stays, and an answer that was being changed stands as it was sent."""
    ann, bob = people(context, "ann", "bob")
    begin_job(context, objects=2)
    answered = taken(context, ann)
    tasks.submit(context, ann, answered.id, BOX, 1)
    tasks.revise(context, ann, answered.id)
    tasks.keep_draft(context, ann, answered.id, OTHER)
    open_ = taken(context, bob)
    ann = workers.set_teams(context, "ann", [])
    for act in (
        lambda: tasks.submit(context, ann, answered.id, OTHER, 1),
        lambda: tasks.keep_draft(context, ann, answered.id, OTHER),
        lambda: tasks.revise(context, ann, answered.id),
        lambda: tasks.find(context, ann, answered.id),
    ):
        with pytest.raises(TaskGone, match="another team's"):
            act()
    workers.set_teams(context, "ann", ["ward"])
    ann = workers.find(context, "ann")
    kept = tasks.find(context, ann, answered.id)
    assert (kept.status, kept.answer, kept.draft) == ("submitted", BOX, None)
    team(context, "other")
    workers.set_teams(context, "bob", ["other"])
    assert taken(context, ann).object_id == open_.object_id, "it went to who is still there"


def test_when_the_job_ends_what_was_answered_is_kept(context: Context) -> None:
    ann, bob = people(context, "ann", "bob")
    job = begin_job(context, per_object=2)
    tasks.submit(context, ann, taken(context, ann).id, BOX, 1)
    late = taken(context, ann)
    write(context, context.labelling.halting(job))
    with pytest.raises(TaskClosed):
        tasks.submit(context, ann, late.id, BOX, 1)
    assert tasks.take(context, bob, "boxes") is None
    assert context.labelling.counts(job) == {"closed": 1, "waiting": 2}
    write(context, context.labelling.removal(job))
    with pytest.raises(TaskGone, match="has ended"):
        tasks.submit(context, ann, late.id, BOX, 1)


def test_each_change_of_a_task_wakes_its_job(context: Context) -> None:
    (ann,) = people(context, "ann")
    begin_job(context)
    woken: list[tuple[str, str, str]] = []
    context.labelling.tasks.subscribe(woken.append)
    task = taken(context, ann)
    tasks.submit(context, ann, task.id, BOX, 1)
    assert woken == [("us-east-1", "LabelingJob", "boxes")] * 2


def test_workers_are_added_found_and_removed(context: Context) -> None:
    ann, bob = people(context, "ann", "bob@ward.example")
    assert workers.find(context, "ann") == ann == workers.find_by_sub(context, ann.sub)
    assert ann.worker_id.startswith("private.us-east-1.")
    assert workers.all_of(context, "ward") == [ann, bob]
    with pytest.raises(ResourceInUse):
        workers.add(context, "ann", [])
    with pytest.raises(ValidationException, match="no name for a worker"):
        workers.add(context, "a b", [])
    with pytest.raises(ValidationException, match="no work team night"):
        workers.add(context, "eve", ["night"])
    begin_job(context, objects=1)
    taken(context, ann)
    workers.remove(context, "ann")
    with pytest.raises(ResourceNotFound):
        workers.find(context, "ann")
    assert taken(context, bob).object_id == "0"
    workers.leave_team(context, "ward")
    assert workers.find(context, "bob@ward.example").teams == ()
