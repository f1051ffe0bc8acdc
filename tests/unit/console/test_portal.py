"""What the portal's page is told: tasks one after the other, and in plain words what is not possible."""

from __future__ import annotations

from typing import Any

import pytest

from clary.app import Studio
from clary.clock import Move, machine_ms
from clary.labelling import workers
from clary.labelling.workers import Worker
from clary.store.labelling_tasks import Job
from tests.labelling import BOX, begin_job, people
from tests.unit.console.conftest import Asker

JOB = "/_/portal/jobs/boxes"


@pytest.fixture
def team(studio: Studio) -> list[Worker]:
    studio.context.call("s3", "CreateBucket", Bucket="ward")
    return people(studio.context, "ann", "bob")


@pytest.fixture
def job(studio: Studio, team: list[Worker]) -> Job:
    tool = '<crowd-bounding-box src="{{ task.input.taskObject | grant_read_access }}"></crowd-bounding-box>'
    template = f"<crowd-form>{tool}</crowd-form>"
    return begin_job(studio.context, template=template)


@pytest.fixture
def ann(studio: Studio, team: list[Worker], job: Job) -> Asker:
    return Asker(studio).as_worker(team[0])


def taken(asker: Asker) -> dict[str, Any]:
    status, state = asker.post(f"{JOB}/take")
    assert status == 200, state
    return state


def test_a_worker_is_led_through_a_job(ann: Asker) -> None:
    assert "0 of 3" in ann.get("/_/portal")
    assert 'data-job="/_/portal/jobs/boxes"' in ann.get(JOB)
    state = taken(ann)
    for number in range(3):
        task = state["task"]
        assert (state["done"], state["of"], state["back"]) == (number, 3, number > 0)
        assert 590 < task["seconds"] <= 600
        assert f"/ward/{number}.png?" in ann.get(task["frame"])
        following = state["ahead"]
        assert (following is None) == (number == 2)
        if following:
            assert f"/ward/{number + 1}.png?" in ann.get(following["frame"])
        status, state = ann.post(f"/_/portal/tasks/{task['id']}/submit", answer=BOX, seconds=1.5)
        assert status == 200
        if following:
            assert state["task"]["key"] == following["key"], "what was loaded ahead is what comes"
    assert (state["task"], state["ended"], state["done"]) == (None, False, 3)
    assert "All done" in ann.get("/_/portal")


def test_what_was_to_come_next_and_does_not_is_no_error(ann: Asker) -> None:
    state = taken(ann)
    assert ann.post(f"/_/portal/tasks/{state['task']['id']}/submit", answer=BOX, seconds=1)[0] == 200
    assert ann.ask("GET", state["ahead"]["frame"])[0] == 204, "it is the task at hand by now"
    assert ann.ask("GET", f"{JOB}-ended/ahead/{state['ahead']['key']}")[0] == 204


def test_a_draft_comes_back_with_its_task(ann: Asker) -> None:
    task = taken(ann)["task"]
    draft = {"fields": [["boundingBox", {"boxes": [1, 2]}]]}
    assert ann.post(f"/_/portal/tasks/{task['id']}/draft", draft=draft)[0] == 200
    again = taken(ann)["task"]
    assert (again["id"], again["draft"]) == (task["id"], draft)


def test_an_answer_is_opened_again_and_sent_anew(ann: Asker) -> None:
    first = taken(ann)["task"]
    _, state = ann.post(f"/_/portal/tasks/{first['id']}/submit", answer=BOX, seconds=1)
    second = state["task"]
    status, state = ann.post(f"{JOB}/previous", before=None)
    assert status == 200
    assert (state["task"]["id"], state["task"]["draft"], state["task"]["changes"]) == (first["id"], BOX, True)
    status, told = ann.post(f"{JOB}/previous", before=first["id"])
    assert (status, told["message"]) == (400, "There is no earlier answer that may still be changed.")
    _, state = ann.post(f"/_/portal/tasks/{first['id']}/submit", answer={"x": 1}, seconds=1)
    assert state["task"]["id"] == second["id"], "the one that was open goes on"


def test_skipping_takes_a_reason(ann: Asker) -> None:
    task = taken(ann)["task"]
    status, told = ann.post(f"/_/portal/tasks/{task['id']}/decline", reason="  ")
    assert (status, told["message"]) == (400, "Say why the object is skipped.")
    status, state = ann.post(f"/_/portal/tasks/{task['id']}/decline", reason="too dark")
    assert status == 200
    assert state["task"]["id"] != task["id"]


def test_what_is_given_back_is_somebody_elses(studio: Studio, team: list[Worker], ann: Asker) -> None:
    task = taken(ann)["task"]
    assert ann.post(f"/_/portal/tasks/{task['id']}/return")[0] == 200
    bob = Asker(studio).as_worker(team[1])
    assert "bob" in bob.get("/_/portal")
    assert taken(bob)["task"]["key"] == task["key"]


def test_two_workers_never_have_the_same_task(studio: Studio, team: list[Worker], ann: Asker) -> None:
    bob = Asker(studio).as_worker(team[1])
    mine, his = taken(ann)["task"], taken(bob)["task"]
    assert mine["key"] != his["key"]
    for path in ("submit", "draft", "return", "decline"):
        given = {"answer": BOX, "seconds": 1, "draft": {}, "reason": "x"}
        status, told = bob.post(f"/_/portal/tasks/{mine['id']}/{path}", **given)
        assert (status, told["code"]) == (404, "ResourceNotFound"), path
    assert bob.ask("GET", mine["frame"])[0] == 404


def test_what_comes_too_late_is_told(studio: Studio, ann: Asker) -> None:
    task = taken(ann)["task"]
    clock = studio.context.clock
    clock.follow([*clock.moves, Move(machine_ms(), 601_000)])
    status, told = ann.post(f"/_/portal/tasks/{task['id']}/submit", answer=BOX, seconds=1)
    assert (status, told["code"]) == (400, "ConflictException")
    assert "Its time was over" in told["message"]


def test_a_template_that_cannot_be_shown_says_why_and_loses_nothing(studio: Studio, team: list[Worker]) -> None:
    begin_job(studio.context, template="<crowd-form>{% if %}</crowd-form></script><b>")
    ann = Asker(studio).as_worker(team[0])
    task = taken(ann)["task"]
    frame = ann.get(task["frame"])
    assert "The template cannot be shown: " in frame
    assert "claryFrame.report(" in frame
    assert taken(ann)["task"]["id"] == task["id"]


def test_a_frame_has_no_origin_and_loads_from_here_alone(ann: Asker) -> None:
    _, headers, _ = ann.ask("GET", taken(ann)["task"]["frame"])
    policy = headers["content-security-policy"]
    assert "sandbox allow-scripts allow-forms" in policy
    assert "script-src http://127.0.0.1:8780/_/assets/ 'unsafe-inline' 'unsafe-eval';" in policy
    assert "frame-ancestors 'self'" in policy
    assert "form-action 'none'" in policy


@pytest.mark.parametrize("path", ["/_/", "/_/events", "/_/nowhere"])
def test_a_worker_may_see_the_portal_alone(ann: Asker, path: str) -> None:
    assert ann.ask("GET", path)[0] in {401, 404}
    assert ann.ask("POST", "/_/sign-out")[0] == 401


def test_the_owner_is_no_worker(studio: Studio, job: Job) -> None:
    owner = Asker(studio).as_owner()
    assert owner.ask("GET", "/_/portal")[0] == 401
    assert owner.post(f"{JOB}/take")[0] == 401


def test_a_worker_who_was_removed_is_out_at_once(studio: Studio, team: list[Worker], ann: Asker) -> None:
    taken(ann)
    workers.remove(studio.context, "ann")
    assert ann.post(f"{JOB}/take")[0] == 401
    workers.add(studio.context, "ann", ["ward"])
    assert ann.ask("GET", "/_/portal")[0] == 401, "a namesake is somebody else"


def test_what_is_no_answer_is_refused(ann: Asker) -> None:
    task = taken(ann)["task"]
    path = f"/_/portal/tasks/{task['id']}/submit"
    for given in ({}, {"answer": BOX}, {"answer": BOX, "seconds": "x"}, {"answer": [1], "seconds": 1}):
        assert ann.post(path, **given)[0] == 400, given
    assert ann.ask("POST", path, "not json", accept="application/json")[0] == 400
    for given in ({}, {"draft": None}, {"draft": "x"}):
        assert ann.post(f"/_/portal/tasks/{task['id']}/draft", **given)[0] == 400, given
    assert ann.ask("POST", path, "x", origin="http://evil.example")[0] == 403
