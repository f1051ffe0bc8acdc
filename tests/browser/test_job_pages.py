"""Pages of jobs: what runs is followed, what ended is understood, and one is stopped, copied and started again."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import expect

from tests import jobs
from tests.browser.pages import NARROW, Opened, accessible, link, shots
from tests.conftest import Studio

pytestmark = pytest.mark.slow

SCRIPT = """
import time, sys
for epoch in range(int(sys.argv[sys.argv.index("--epochs") + 1])):
    train, validation = 1 / (epoch + 1), 1.2 / (epoch + 1) + 0.1
    print(f"epoch {epoch}: train:loss={train:.4f}; validation:loss={validation:.4f}; <b>bold</b>", flush=True)
    time.sleep(1.2)
"""
METRICS = [{"Name": f"{part}:loss", "Regex": f"{part}:loss=(.*?);"} for part in ("train", "validation")]


@pytest.fixture(scope="module")
def sagemaker(studio: Studio) -> Any:
    s3, client = studio.client("s3"), studio.client("sagemaker")
    jobs.prepare(s3)

    def start(name: str, epochs: int, **given: Any) -> None:
        given.setdefault("hyperparameters", {"epochs": str(epochs)})
        request = jobs.training(s3, name, SCRIPT, **given)
        request["AlgorithmSpecification"]["MetricDefinitions"] = METRICS
        client.create_training_job(**request)

    client.start = start
    return client


def test_no_job_yet(fresh_studio: Studio, opened: Opened) -> None:
    page = opened(link(fresh_studio))
    for title in ("Training jobs", "Processing jobs", "Transform jobs"):
        page.get_by_role("link", name=title).click()
        expect(page.get_by_role("heading", name=f"No {title.lower()[:-1]} yet")).to_be_visible()
        expect(page.get_by_role("button", name="Copy the code")).to_be_visible()
        accessible(page)
    shots(page, "jobs-empty")
    page.set_viewport_size(NARROW)
    page.reload()
    expect(page.locator("nav [aria-current]")).to_be_in_viewport()


def test_a_job_is_followed_to_its_end(sagemaker: Any, studio: Studio, opened: Opened) -> None:
    sagemaker.start("followed", 12)
    page = opened(link(studio))
    page.get_by_role("link", name="Training jobs").click()
    page.get_by_role("link", name="followed").click()
    expect(page.locator("#status")).to_contain_text("InProgress")
    expect(page.locator("#log pre")).to_contain_text("epoch 2: train:loss=0.3333; validation:loss=0.5000; <b>bold</b>")
    expect(page.locator("svg.chart")).to_be_visible()
    shots(page, "job-live")
    expect(page.locator("#status")).to_contain_text("Completed")
    expect(page.locator(".figures")).to_contain_text("0.0833")
    expect(page.get_by_role("img", name="loss: train:loss from 1 to 0.0833")).to_be_visible()
    expect(page.get_by_role("button", name="Stop")).to_have_count(0)
    accessible(page)
    shots(page, "job")


def test_the_parts_of_its_page(sagemaker: Any, studio: Studio, opened: Opened) -> None:
    sagemaker.start("parts", 1)
    jobs.ended(sagemaker, "parts")
    page = opened(link(studio))
    page.goto(f"{studio.url}/_/training-jobs/parts")
    page.get_by_role("link", name="Inputs and outputs").click()
    expect(page.get_by_role("link", name="s3://jobs/in/")).to_have_attribute("href", "/_/data/jobs/in/")
    expect(page.get_by_role("link", name="s3://jobs/out/parts/output/model.tar.gz")).to_be_visible()
    accessible(page)
    page.get_by_role("link", name="Request").click()
    expect(page.locator("pre").first).to_contain_text("create_training_job(")
    shots(page, "job-request")
    page.get_by_role("link", name="Log", exact=True).click()
    with page.expect_download() as download:
        page.get_by_role("link", name="download").click()
    assert "algo-1" in download.value.path().read_text()
    accessible(page)


def test_one_is_copied_changed_and_stopped(sagemaker: Any, studio: Studio, opened: Opened) -> None:
    sagemaker.start("original", 1)
    jobs.ended(sagemaker, "original")
    page = opened(link(studio), errors=True)
    page.goto(f"{studio.url}/_/training-jobs/original")
    page.get_by_role("link", name="Clone").press("Enter")
    page.get_by_label("Name", exact=True).fill("not a name")
    page.get_by_label("epochs").fill("100")
    page.get_by_role("button", name="Start the job").click()
    expect(page.get_by_role("alert")).to_contain_text("trainingJobName")
    expect(page.get_by_label("epochs")).to_have_value("100")
    accessible(page)
    shots(page, "job-form")
    page.get_by_label("Name", exact=True).fill("a-copy")
    page.get_by_role("button", name="Start the job").press("Enter")
    expect(page.get_by_role("heading", name="a-copy")).to_be_visible()
    expect(page.locator("#log pre")).to_contain_text("epoch 1")
    page.get_by_role("link", name="Training jobs", exact=True).first.click()
    ran = page.locator("#job-a-copy [data-running]")
    before = ran.inner_text()
    expect(ran).not_to_have_text(before)
    page.get_by_role("link", name="a-copy").click()
    expect(page.locator(".figures [data-running]")).to_have_css("font-size", "19px")  # as large as the other figures
    page.on("dialog", lambda dialog: dialog.accept())
    page.get_by_role("button", name="Stop").press("Enter")
    expect(page.locator("#status")).to_contain_text("Stopped")
    found = sagemaker.describe_training_job(TrainingJobName="a-copy")
    assert found["HyperParameters"]["epochs"] == "100"


def test_why_one_failed_is_in_its_row(sagemaker: Any, studio: Studio, opened: Opened) -> None:
    sagemaker.start("wrong", 1, hyperparameters={"epochs": "none"})
    jobs.ended(sagemaker, "wrong")
    page = opened(link(studio))
    page.goto(f"{studio.url}/_/training-jobs")
    expect(page.locator("#job-wrong")).to_contain_text("Failed: AlgorithmError: ValueError: invalid")
    page.get_by_label("Status").select_option("Failed")
    expect(page.locator("tbody tr")).to_have_count(1)
    accessible(page)
    shots(page, "jobs")
    page.get_by_label("Name contains").fill("nothing-of-the-kind")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Nothing matches")).to_be_visible()
