"""A template that goes wrong: the worker sees why, the page is told, and the task is not lost."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Task

pytestmark = pytest.mark.slow

FORM = '<crowd-form><crowd-input name="text" label="Text"></crowd-input></crowd-form>'


def test_a_script_that_throws(task: Task) -> None:
    task.open(f"{FORM}\n<script>\n  const labels = undefinedLabels.map((each) => each);\n</script>")
    told = task.messages("clary:error")
    assert [(each["message"], each["line"]) for each in told] == [
        ("The template has an error: Uncaught ReferenceError: undefinedLabels is not defined", 4)
    ]
    assert "undefinedLabels is not defined (line 4)" in task.frame.get_by_role("alert").first.inner_text()
    task.frame.get_by_label("Text").fill("still here")
    assert task.submit() == {"text": "still here"}


def test_a_script_that_cannot_be_read(task: Task) -> None:
    task.open(f"{FORM}<script>function broken( {{</script>")
    assert "SyntaxError" in task.messages("clary:error")[0]["message"]
    expect(task.frame.get_by_text("SyntaxError")).to_be_visible()


def test_an_error_in_a_handler_does_not_send_half_an_answer(task: Task) -> None:
    task.open(f"{FORM}<script>document.querySelector('crowd-form').onsubmit = () => {{ nope() }}</script>")
    task.tell("clary:submit")
    assert "nope is not defined" in task.wait("clary:error")["message"]


def test_a_promise_that_fails(task: Task) -> None:
    task.open(f"{FORM}<script>Promise.reject(new Error('no data'))</script>")
    assert "no data" in task.wait("clary:error")["message"]


def test_a_script_from_elsewhere_is_blocked_and_said_so(task: Task) -> None:
    task.open(f'<script src="https://code.jquery.com/jquery-3.6.0.min.js"></script>{FORM}<script>$("p")</script>')
    messages = [each["message"] for each in task.messages("clary:error")]
    assert any("https://code.jquery.com/jquery-3.6.0.min.js, which is blocked" in each for each in messages)
    task.frame.get_by_text("put a copy of it into the template").first.wait_for()


def test_an_attribute_that_is_not_json(task: Task) -> None:
    task.open(
        "<crowd-form><crowd-bounding-box name='b' src='/picture.png' labels=\"['Cat' 'Dog']\"></crowd-bounding-box></crowd-form>",
        picture=False,
    )
    assert "labels of crowd-bounding-box is not JSON" in task.wait("clary:error")["message"]


def test_a_template_without_a_form(task: Task) -> None:
    task.open("<p>Hello</p>")
    task.tell("clary:submit")
    assert "no crowd-form" in task.wait("clary:error")["message"]


def test_an_element_that_is_not_built_is_named(task: Task) -> None:
    task.open(f"{FORM}<crowd-textract-analyze-document></crowd-textract-analyze-document>")
    assert "crowd-textract-analyze-document, which Clary does not have" in task.wait("clary:error")["message"]
