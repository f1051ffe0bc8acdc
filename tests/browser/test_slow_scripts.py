"""Somebody is faster than a page's scripts, as on a slow line: nothing that was chosen is lost, nothing is done unasked."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.pages import Opened, link
from tests.conftest import Studio

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


def held(page: Page, script: str) -> list[Any]:
    """The requests for this script, which stay without an answer."""
    routes: list[Any] = []

    def hold(route: Any) -> None:  # Playwright takes no method of a list
        routes.append(route)

    page.route(re.compile(script), hold)
    return routes


def test_files_that_are_chosen_early_go_up(studio: Studio, opened: Opened, tmp_path: Path) -> None:
    studio.client("s3").create_bucket(Bucket="early-files")
    page = opened(link(studio))
    routes = held(page, "uploads.js")
    page.goto(f"{studio.url}/_/data/early-files/", wait_until="commit")
    file = tmp_path / "visits.csv"
    file.write_text("age,days\n61,5\n")
    page.get_by_label("Upload: drop").set_input_files(file)
    expect(page.get_by_role("button", name="Create", exact=True)).to_be_disabled()
    assert len(routes) == 1
    routes[0].continue_()
    expect(page.locator("#list").get_by_role("link", name="visits.csv")).to_be_visible()
    page.get_by_label("New folder").fill("ward-7")
    page.get_by_role("button", name="Create", exact=True).click()
    expect(page.get_by_role("heading", name="ward-7", exact=True)).to_be_visible()


def test_nothing_is_deleted_before_it_can_be_asked_for(studio: Studio, opened: Opened) -> None:
    s3 = studio.client("s3")
    s3.create_bucket(Bucket="early-click")
    page = opened(link(studio))
    asked: list[str] = []
    page.on("dialog", lambda dialog: (asked.append(dialog.message), dialog.dismiss()))
    routes = held(page, "console.js")
    page.goto(f"{studio.url}/_/data/early-click/", wait_until="commit")
    page.wait_for_timeout(500)  # as long as a page needs that does not wait for its script
    assert len(routes) == 1
    delete = page.get_by_role("button", name="Delete the bucket")
    if delete.is_visible():
        delete.click(no_wait_after=True)
    routes[0].continue_()
    delete.click()
    page.unroute_all()
    page.reload()
    expect(page.get_by_role("heading", name="early-click", exact=True)).to_be_visible()
    assert asked
    assert "early-click" in [bucket["Name"] for bucket in s3.list_buckets()["Buckets"]]
