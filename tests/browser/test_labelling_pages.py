"""The owner's pages of labelling in a real browser: a team, a link, a job by the form, and what people drew on the pictures."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser import desk
from tests.browser.desk import Desk
from tests.browser.pages import Opened, accessible, link, loaded, shot, shots
from tests.conftest import Studio

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def pictures(real_data: Path) -> list[Path]:
    return sorted((real_data / "nih/images_1024").glob("*.png"))[:3]


def test_from_no_team_to_boxes_on_the_pictures_without_the_terminal(
    fresh_studio: Studio, opened: Opened, pictures: list[Path]
) -> None:
    studio = fresh_studio
    s3 = studio.client("s3")
    s3.create_bucket(Bucket="ward")
    for number, picture in enumerate(pictures):
        s3.put_object(Bucket="ward", Key=f"x-rays/<i>{number}.png", Body=picture.read_bytes(), ContentType="image/png")
    page = opened(link(studio), errors=True)  # a form that is refused answers 400, which Chromium tells as an error
    page.get_by_role("link", name="Labelling", exact=True).click()
    expect(page.get_by_role("heading", name="No labelling job yet")).to_be_visible()
    accessible(page)
    shots(page, "labelling-empty")
    page.get_by_role("link", name="New labelling job").first.click()
    page.get_by_role("link", name="Make a team").click()
    # A team, by keys alone.
    page.get_by_label("Name").focus()
    page.keyboard.type("readers")
    page.keyboard.press("Tab")
    page.keyboard.type("Who read <b>x-rays</b>")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="readers")).to_be_visible()
    page.get_by_label("Name").first.fill("ann@ward.example")
    page.get_by_role("button", name="Add, and make a link").click()
    made = page.get_by_role("status").filter(has_text="A link for ann@ward.example")
    address = made.get_by_role("code").or_(made.locator("code")).first.inner_text()
    accessible(page)
    shots(page, "labelling-teams")
    # The job.
    page.goto(f"{studio.url}/_/labelling/new")
    page.locator("[name=name]").fill("first-try")
    page.get_by_label("Images, or texts").fill("s3://ward/none/")
    page.get_by_label("Labels, one a line").fill("Trachea")
    page.get_by_label("Title of the task").fill("Draw a box around the {{ trachea }}")
    page.get_by_label("Instructions").fill("From the top <b>edge</b> to where it divides.")
    page.get_by_label("Output").fill("s3://ward/labelled/")
    page.get_by_role("button", name="Begin").click()
    expect(page.get_by_role("alert")).to_contain_text("There is no image (.png, .jpg) under s3://ward/none/")
    accessible(page)
    shots(page, "labelling-new")
    page.get_by_label("Images, or texts").fill("s3://ward/x-rays/")
    page.get_by_role("button", name="Begin").click()
    expect(page.get_by_role("heading", name="first-try")).to_be_visible()
    expect(page.get_by_role("heading", name="No labels yet")).to_be_visible()
    # The worker.
    ann = Desk(opened(address)).begin("Draw a box around the {{ trachea }}").at(1, 3)
    ann.draw(430, 60, 150, 260).press("Enter").at(2, 3).press("n").at(3, 3).draw(300, 80, 90, 90).draw(600, 80, 90, 90)
    ann.press("Enter")
    # The owner's page, which was open all the while.
    expect(page.locator(".picture rect")).to_have_count(3)
    expect(page.get_by_text("1 box", exact=True)).to_be_visible()
    expect(page.get_by_text("nothing", exact=True)).to_be_visible()
    expect(page.locator("#status")).to_contain_text("Completed")
    pictures = page.locator(".picture img")
    loaded(pictures)
    assert pictures.evaluate_all("(all) => all.every((each) => each.naturalWidth === 1024)")
    accessible(page)
    shots(page, "labelling-job")
    page.get_by_role("link", name="Request").click()
    expect(page.get_by_text("create_labeling_job(")).to_be_visible()
    page.get_by_role("link", name="Task").click()
    expect(page.get_by_text("From the top <b>edge</b> to where it divides.")).to_be_visible()
    shot(page, "labelling-job-task")
    page.get_by_role("link", name="Labelling", exact=True).first.click()
    expect(page.get_by_role("row").filter(has_text="first-try")).to_contain_text("3 of 3")
    accessible(page)
    shots(page, "labelling-jobs")


def test_a_job_is_stopped_and_a_worker_removed(studio: Studio, opened: Opened, pictures: list[Path]) -> None:
    s3, sagemaker = studio.client("s3"), studio.client("sagemaker")
    desk.prepare(s3, sagemaker)
    desk.create(s3, sagemaker, "to-stop", pictures[:2])
    page = opened(link(studio))
    page.on("dialog", lambda dialog: dialog.accept())
    page.goto(f"{studio.url}/_/labelling/jobs/to-stop")
    page.get_by_role("button", name="Stop").click()
    expect(page.locator("#status")).to_contain_text("Stopped")
    told = studio.clary("labelling", "jobs", "--data", str(studio.data))
    assert "to-stop" in told.stdout, told.stderr
    studio.clary("labelling", "workers", "add", "zoe", "--team", "ward", "--data", str(studio.data))
    page.goto(f"{studio.url}/_/labelling/teams")
    page.get_by_role("button", name="Remove zoe").click()
    expect(page.get_by_role("cell", name="zoe")).to_have_count(0)


def test_a_job_that_is_not_there(studio: Studio, opened: Opened) -> None:
    page = opened(link(studio), errors=True)
    page.goto(f"{studio.url}/_/labelling/jobs/none")
    expect(page.get_by_role("heading", name="There is nothing here")).to_be_visible()
