"""A person who has never seen Clary: from the link that is printed to a deployed model and ten labelled X-rays.

By the browser alone. Each step leaves a picture, ``first-light-NN``; the README shows some of them. The X-rays are drawn by
the project's generator: real ones may not be copied into a README.
"""

from __future__ import annotations

import csv
import json
import random
import subprocess
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests import pythons
from tests.browser.desk import Desk
from tests.browser.pages import Opened, link, loaded, shot
from tests.conftest import ROOT, Studio

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

TITLE = "Draw a box around the trachea"


def visits(file: Path) -> Path:
    """Stays whose length follows from age, surgery and ward, with some chance."""
    chance = random.Random(7)
    with file.open("w", newline="") as text:
        out = csv.writer(text)
        out.writerow(["age", "surgery", "ward", "days"])
        for _ in range(500):
            age, surgery, ward = chance.randint(18, 95), chance.randint(0, 1), chance.choice(["heart", "hip", "eye"])
            days = 1 + age / 25 + 3 * surgery + (2 if ward == "hip" else 0) + chance.random()
            out.writerow([age, surgery, ward, round(days, 1)])
    return file


def test_a_model_is_trained_deployed_and_asked(studio: Studio, opened: Opened, tmp_path: Path) -> None:
    page = opened(link(studio))
    shot(page, "first-light-01-home")
    page.get_by_role("link", name="Data", exact=True).click()
    page.get_by_label("Name: 3 to 63").fill("my-ward")
    page.keyboard.press("Enter")
    page.get_by_label("Upload: drop").set_input_files(visits(tmp_path / "visits.csv"))
    page.get_by_role("link", name="visits.csv").first.click()
    expect(page.get_by_role("cell", name="heart", exact=True).first).to_be_visible()
    shot(page, "first-light-02-table")
    page.get_by_role("main").get_by_role("link", name="Autopilot", exact=True).click()
    page.get_by_role("button", name="Predict days").click()
    page.get_by_label("Candidates").fill("4")
    page.get_by_label("Minutes").fill("1.5")
    page.get_by_label("Name of the job").fill("length-of-stay")
    shot(page, "first-light-03-form")
    page.get_by_role("button", name="Start Autopilot").click()
    expect(page.locator("#status")).to_contain_text("Completed", timeout=300_000)
    shot(page, "first-light-04-leaderboard")
    page.get_by_role("button", name="Deploy the best").click()
    expect(page.locator("#status")).to_contain_text("InService", timeout=120_000)
    page.get_by_label("What to send").fill("75,1,hip")
    page.get_by_role("button", name="Ask").click()
    expect(page.locator("[data-answer]")).to_be_visible()
    shot(page, "first-light-05-answer")
    assert 7 < float(page.locator("[data-answer]").inner_text()) < 11


def test_ten_x_rays_are_labelled(studio: Studio, opened: Opened, tmp_path: Path) -> None:
    python = pythons.named("CLARY_TEST_XRAYS_PYTHON", "the X-ray project's libraries")
    command = [python, ROOT / "projects/chest_xrays/sample.py", "--folder", tmp_path, "--count", "10", "--size", "1024"]
    subprocess.run(command, check=True, capture_output=True)
    pictures = sorted(tmp_path.glob("*.png"))
    lines = [json.loads(line) for line in (tmp_path / "labels.manifest").read_text().splitlines()]
    boxes = {line["source-ref"]: line["trachea"]["annotations"] for line in lines}
    page = opened(link(studio))
    page.get_by_role("link", name="Data", exact=True).click()
    page.get_by_label("Name: 3 to 63").fill("x-rays")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="x-rays", exact=True)).to_be_visible()
    page.get_by_label("Upload: drop").set_input_files(pictures)
    expect(page.get_by_role("link", name=pictures[-1].name).first).to_be_visible()
    address = _team(page, studio)
    page.goto(f"{studio.url}/_/labelling/new")
    page.locator("[name=name]").fill("trachea")
    page.get_by_label("Images, or texts").fill("s3://x-rays/")
    page.get_by_label("Labels, one a line").fill("Trachea")
    page.get_by_label("Title of the task").fill(TITLE)
    page.get_by_label("Instructions").fill("From the top edge to where it divides.")
    page.get_by_label("Output").fill("s3://x-rays/labelled/")
    shot(page, "first-light-06-labelling-job")
    page.get_by_role("button", name="Begin").click()
    expect(page.get_by_role("heading", name="trachea", exact=True)).to_be_visible()
    worker = opened(address)
    person = Desk(worker).begin(TITLE)
    drawn = 0
    for number, picture in enumerate(pictures, 1):
        person.at(number, 10)
        for box in boxes[picture.name]:
            person.draw(box["left"], box["top"] + 1, box["width"], box["height"] - 1)
            drawn += 1
            if drawn == 2:
                shot(worker, "first-light-07-portal")
        person.press("Enter" if boxes[picture.name] else "n")
    expect(page.locator(".picture rect")).to_have_count(drawn)
    expect(page.locator("#status")).to_contain_text("Completed")
    loaded(page.locator(".picture img"))
    shot(page, "first-light-08-boxes")
    cut = "() => [...document.querySelectorAll('.pictures > li')].filter((each) => each.scrollWidth > each.clientWidth)"
    assert page.evaluate(f"({cut})().length") == 0, "no picture sticks out of its frame"


def _team(page: Page, studio: Studio) -> str:
    """A team with one person; the link by which that person signs in."""
    page.goto(f"{studio.url}/_/labelling/new")
    page.get_by_role("link", name="Make a team").click()
    page.get_by_label("Name").fill("readers")
    page.get_by_label("Description").fill("Who read X-rays")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="readers")).to_be_visible()
    page.get_by_label("Name").first.fill("ann")
    page.get_by_role("button", name="Add, and make a link").click()
    made = page.get_by_role("status").filter(has_text="A link for ann")
    return made.locator("code").first.inner_text()
