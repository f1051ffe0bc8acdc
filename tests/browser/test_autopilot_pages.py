"""From a table to a model that answers, without a terminal: Autopilot's form, its leaderboard, the endpoint's page."""

from __future__ import annotations

import csv
import io
import random

import pytest
from playwright.sync_api import expect

from tests.browser.pages import Opened, accessible, link, loaded, shots
from tests.conftest import Studio

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]


def table() -> bytes:
    """Stays whose length follows from age and surgery, with some chance."""
    chance = random.Random(5)
    text = io.StringIO()
    out = csv.writer(text)
    out.writerow(["age", "surgery", "ward <b>", "days"])
    for _ in range(400):
        age, surgery = chance.randint(18, 95), chance.randint(0, 1)
        out.writerow([age, surgery, chance.choice("abc"), round(1 + age / 20 + 3 * surgery + chance.random(), 2)])
    return text.getvalue().encode()


def test_nothing_yet(fresh_studio: Studio, opened: Opened) -> None:
    page = opened(link(fresh_studio))
    for title, words in (
        ("Autopilot", "No Autopilot job yet"),
        ("Models", "No model yet"),
        ("Endpoints", "No endpoint yet"),
    ):
        page.get_by_role("link", name=title, exact=True).click()
        expect(page.get_by_role("heading", name=words)).to_be_visible()
        accessible(page)
        shots(page, f"{title.lower()}-empty")


def test_from_a_table_to_an_endpoint_that_answers(studio: Studio, opened: Opened) -> None:
    s3 = studio.client("s3")
    s3.create_bucket(Bucket="tables")
    s3.put_object(Bucket="tables", Key="visits.csv", Body=table())
    s3.put_object(Bucket="tables", Key="no.csv", Body=b"a,b\n1,2,3\n")
    page = opened(link(studio), errors=True)
    page.get_by_role("link", name="Autopilot", exact=True).click()
    page.get_by_role("link", name="New Autopilot job").click()
    page.get_by_label("A CSV with a header").fill("s3://tables/no.csv")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("Line 2 has 3 values")
    page.get_by_label("A CSV with a header").fill("s3://tables/visits.csv")
    page.keyboard.press("Enter")
    expect(page.get_by_role("cell", name="ward <b>", exact=True)).to_be_visible()
    accessible(page)
    page.get_by_role("button", name="Predict days").press("Enter")
    expect(page.get_by_text("days looks like Regression.")).to_be_visible()
    accessible(page)
    shots(page, "autopilot-form")
    page.get_by_label("Candidates").fill("2")
    page.get_by_label("Minutes").fill("1")
    page.get_by_label("Name of the job").fill("not a name")
    page.get_by_role("button", name="Start Autopilot").click()
    expect(page.get_by_role("alert")).to_contain_text("autoMLJobName")
    page.get_by_label("Name of the job").fill("stays")
    page.get_by_role("button", name="Start Autopilot").press("Enter")
    expect(page.get_by_role("heading", name="stays")).to_be_visible()
    expect(page.locator("#status")).to_contain_text("InProgress")
    shots(page, "autopilot-live")
    expect(page.locator("#status")).to_contain_text("Completed", timeout=240_000)
    expect(page.locator("tr.best")).to_be_visible()
    expect(page.get_by_text("What moves its predictions")).to_be_visible()
    drawn = page.locator(".drawings img")
    expect(drawn).to_have_count(6)
    for number in range(6):
        drawn.nth(number).scroll_into_view_if_needed()
        loaded(drawn.nth(number))
    expect(page.get_by_role("img", name="Actual and predicted")).to_be_visible()
    accessible(page)
    shots(page, "autopilot-job")
    page.get_by_role("link", name="the whole report").last.click()
    report = page.frame_locator("iframe.drawn")
    expect(report.get_by_role("heading", name="Residuals, how often")).to_be_visible()
    accessible(page)
    page.go_back()
    page.get_by_role("link", name="Clone").press("Enter")
    expect(page.get_by_label("Candidates")).to_have_value("2")
    expect(page.get_by_label("Minutes")).to_have_value("1")
    expect(page.locator("tr.best")).to_contain_text("the target")
    page.go_back()
    page.get_by_role("button", name="Deploy the best").click()
    expect(page.get_by_role("heading", name="stays")).to_be_visible()
    expect(page.locator("#ready")).to_have_text("It answers once it is InService.")
    expect(page.locator("#status")).to_contain_text("InService", timeout=120_000)
    expect(page.locator("#ready")).to_have_text("")
    page.get_by_label("What to send").fill("80,1,a")
    page.get_by_role("button", name="Ask").press("Enter")
    expect(page.locator("[data-answer]")).to_be_visible()
    assert 7 < float(page.locator("[data-answer]").inner_text()) < 10
    page.get_by_label("What to send").fill("eighty")
    page.get_by_role("button", name="Ask").click()
    expect(page.locator("[data-answer]")).to_contain_text("ModelError")
    expect(page.get_by_role("heading", name="Requests in 5 s")).to_be_visible()
    expect(page.get_by_role("img", name="Latency, ms: AllTraffic")).to_be_visible()
    accessible(page)
    shots(page, "endpoint")
    page.get_by_role("link", name="stays", exact=True).click()
    expect(page.get_by_role("heading", name="stays")).to_be_visible()
    expect(page.get_by_text("model.tar.gz").first).to_be_visible()
    accessible(page)
    shots(page, "model")
    page.get_by_role("link", name="Endpoints", exact=True).click()
    page.get_by_role("link", name="stays").click()
    page.on("dialog", lambda dialog: dialog.accept())
    page.get_by_role("button", name="Delete").click()
    expect(page.get_by_role("heading", name="No endpoint yet")).to_be_visible()
