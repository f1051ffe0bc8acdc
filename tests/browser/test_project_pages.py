"""Projects in the browser: the guide beside its checkpoints, hints, the notebook, the solution."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from tests import pythons
from tests.browser.pages import Opened, accessible, link, loaded, shots
from tests.conftest import Studio

pytestmark = [pytest.mark.slow, pytest.mark.timeout(500)]


def test_a_learner_is_led_through_the_first_lab(fresh_studio: Studio, opened: Opened) -> None:
    pythons.named("CLARY_TEST_SDK2_PYTHON", "the SDK 2.x")
    page = opened(link(fresh_studio))
    page.get_by_role("link", name="Projects", exact=True).click()
    expect(page.get_by_role("heading", name="Hospital costs")).to_be_visible()
    accessible(page)
    shots(page, "projects")
    page.get_by_role("link", name=re.compile("^Start.*The first lab")).click()
    expect(page.get_by_role("heading", name="The steps")).to_be_visible()
    expect(page.get_by_text("0 of 3 hold")).to_be_visible()
    accessible(page)
    shots(page, "project")
    page.get_by_role("link", name="step 5").click()
    expect(page.locator("#hint")).to_contain_text("what adds days?")
    page.get_by_role("link", name="Still stuck").press("Enter")
    expect(page.locator("#hint p")).to_have_count(3)  # two hints, and the way to the third
    page.get_by_role("button", name="Run the solution").press("Enter")
    expect(page.get_by_role("button", name="Stop the solution")).to_be_visible()
    expect(page.get_by_text("3 of 3 hold")).to_be_visible(timeout=300_000)
    expect(page.get_by_text("endpoint first-lab stays up")).to_be_visible()
    shots(page, "project-done")


def test_a_guide_shows_its_pictures(fresh_studio: Studio, opened: Opened) -> None:
    page = opened(link(fresh_studio))
    page.goto(f"{fresh_studio.url}/_/projects/chest_xrays")
    loaded(page.locator("article img"))
    expect(page.get_by_alt_text("Four good and four bad boxes")).to_be_visible()
    answer = page.request.get(f"{fresh_studio.url}/_/projects/chest_xrays/pictures/none.jpg")
    assert answer.status == 404
    assert "has no picture" in answer.text()


def test_the_notebook_opens_and_a_copy_is_reset(fresh_studio: Studio, opened: Opened) -> None:
    pythons.named("CLARY_TEST_SDK2_PYTHON", "the SDK 2.x")
    page = opened(link(fresh_studio), errors=True)
    page.goto(f"{fresh_studio.url}/_/projects/first_lab")
    with page.expect_popup(timeout=90_000) as popup:
        page.get_by_role("button", name="Open the notebook").click()
    notebook = popup.value
    notebook.wait_for_url("**/lab/tree/first_lab/starter.ipynb*", timeout=90_000)
    expect(notebook.get_by_role("heading", name="The first lab")).to_be_visible(timeout=90_000)
    notebook.screenshot(path="tests/browser/pictures/notebook.png")
    fresh_studio.clary("studio", "--stop", "--data", str(fresh_studio.data))
    expect(page.get_by_role("button", name="Reset")).to_be_disabled()
    mine = fresh_studio.data / "projects/first_lab/guide.md"
    mine.write_text("mine")
    page.reload()
    page.on("dialog", lambda dialog: dialog.accept())
    page.get_by_role("button", name="Reset").click()
    expect(page.get_by_role("button", name="Reset")).to_be_disabled()
    assert mine.read_text() != "mine"
    assert [path.read_text() for path in mine.parent.glob("before-*/guide.md")] == ["mine"]
