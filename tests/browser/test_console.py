"""The console's frame in a real browser: signing in, a page that lives, a server that goes and comes back."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests import jobs
from tests.browser.pages import Opened, accessible, link, shots
from tests.conftest import Studio

pytestmark = pytest.mark.slow


def test_a_link_leads_home_and_the_first_time_to_a_project(fresh_studio: Studio, opened: Opened) -> None:
    page = opened(link(fresh_studio))
    expect(page).to_have_title("Home · Clary")
    assert "token" not in page.url
    expect(page.get_by_text("Nothing has run yet.")).to_be_visible()
    expect(page.get_by_text("clary project run hospital_costs")).to_be_visible()
    accessible(page)
    shots(page, "home-empty")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main", "the first key leads past the navigation"


def test_what_runs_is_shown_as_it_runs(studio: Studio, opened: Opened) -> None:
    jobs.prepare(studio.client("s3"))
    page = opened(link(studio))
    page.evaluate("window.stayed = true")
    studio.client("sagemaker").create_processing_job(
        ProcessingJobName="comes-to-nothing",
        RoleArn=jobs.ROLE,
        AppSpecification={"ImageUri": jobs.IMAGE, "ContainerEntrypoint": ["sh", "-c", "exit 3"]},
        ProcessingResources={"ClusterConfig": {"InstanceCount": 1, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 1}},
    )
    expect(page.get_by_role("cell", name="comes-to-nothing")).to_be_visible()
    expect(page.locator(".pill.fail")).to_contain_text("Failed: ")
    assert page.evaluate("window.stayed"), "the page was not loaded anew"
    accessible(page)
    shots(page, "home")


def test_a_page_lives_on_when_the_server_comes_back(fresh_studio: Studio, opened: Opened) -> None:
    page = opened(link(fresh_studio), errors=True)
    expect(page.get_by_text("Nothing has run yet.")).to_be_visible()
    fresh_studio.kill()
    expect(page.get_by_text("Clary does not answer")).to_be_visible()
    fresh_studio.start()
    expect(page.get_by_text("Clary does not answer")).to_be_hidden()


def test_signing_out_and_a_session_that_is_over(studio: Studio, opened: Opened) -> None:
    page = opened(link(studio), errors=True)
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", name="You are not signed in")).to_be_visible()
    accessible(page)
    shots(page, "signed-out")
