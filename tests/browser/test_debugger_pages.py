"""Debugger on a job's page: which rule fired and why, and the tensors over the steps."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests import jobs
from tests.browser.pages import Opened, accessible, link, shots
from tests.conftest import Studio
from tests.debugger import requests, scripts

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]

STOP = r"[{\"name\": \"stoptraining\"}]"


def test_a_rule_that_ended_a_job_is_told_on_its_page(studio: Studio, opened: Opened) -> None:
    s3, sagemaker = studio.client("s3"), studio.client("sagemaker")
    jobs.prepare(s3)
    rules = [requests.rule("ExplodingTensor", action_json=STOP), requests.rule("LossNotDecreasing")]
    sagemaker.create_training_job(**requests.training(s3, "bad", scripts.EXPLODES, *rules))
    assert jobs.ended(sagemaker, "bad")["TrainingJobStatus"] == "Stopped"
    page = opened(link(studio))
    page.goto(f"{studio.url}/_/training-jobs")
    expect(page.locator("#job-bad")).to_contain_text("Stopped")
    expect(page.locator("#job-bad")).to_contain_text("ExplodingTensor")
    page.get_by_role("link", name="bad", exact=True).click()
    page.get_by_role("link", name="Debugger").press("Enter")
    expect(page.locator("#rule-ExplodingTensor")).to_contain_text("at step 3 resulted in the condition being met")
    expect(page.locator("#rule-LossNotDecreasing")).to_contain_text("NoIssuesFound")
    report = page.frame_locator("iframe.drawn")
    expect(report.get_by_role("heading", name="ExplodingTensor fired")).to_be_visible()
    accessible(page)
    shots(page, "debugger")
    page.get_by_role("link", name="Tensors").click()
    tensors = page.frame_locator("iframe.drawn")
    expect(tensors.locator(".js-plotly-plot").first).to_be_visible(timeout=120_000)
    shots(page, "tensors")
    page.get_by_role("link", name="Debugger").click()
    page.get_by_role("link", name="ExplodingTensor").click()
    expect(page.get_by_role("heading", name="bad-ExplodingTensor-")).to_be_visible()
