"""Experiments: runs as a table, sorted, filtered and compared, by mouse and by keyboard."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from playwright.sync_api import expect

from tests.browser.pages import Opened, accessible, link, shots
from tests.conftest import Studio

pytestmark = pytest.mark.slow


def test_runs_are_compared(studio: Studio, opened: Opened) -> None:
    sagemaker, metrics = studio.client("sagemaker"), studio.client("sagemaker-metrics")
    page = opened(link(studio))
    page.get_by_role("link", name="Experiments").click()
    expect(page.get_by_role("heading", name="No experiment yet")).to_be_visible()
    shots(page, "experiments-empty")
    sagemaker.create_experiment(ExperimentName="trachea")
    sagemaker.create_trial(ExperimentName="trachea", TrialName="all")
    for number in range(8):
        name = f"run-{number}"
        sagemaker.create_trial_component(
            TrialComponentName=name,
            DisplayName=f"run-number-{number}",
            Status={"PrimaryStatus": "Completed" if number else "Failed"},
            Parameters={
                "learning_rate": {"NumberValue": 0.1 / (number + 1)},
                "network": {"StringValue": "<b>small</b>" * (number % 2 + 1)},
            },
        )
        sagemaker.associate_trial_component(TrialComponentName=name, TrialName="all")
        data = [
            {"MetricName": "mAP", "Timestamp": datetime.now(UTC), "Step": step, "Value": 1 - 1 / (step + number + 1)}
            for step in range(1, 8)
        ]
        assert not metrics.batch_put_metrics(TrialComponentName=name, MetricData=data).get("Errors")
    expect(page.get_by_role("link", name="trachea")).to_be_visible()
    page.reload()
    page.get_by_label("Name contains").fill("lung")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Nothing matches")).to_be_visible()
    page.get_by_label("Name contains").fill("trach")
    page.get_by_role("button", name="Filter").click()
    accessible(page)
    shots(page, "experiments")
    page.get_by_role("link", name="trachea").press("Enter")
    expect(page.locator("tbody tr")).to_have_count(8)
    page.get_by_role("button", name="mAP", exact=True).click()
    expect(page.locator("tbody tr").first).to_contain_text("run-number-7")
    page.get_by_role("button", name="mAP", exact=True).press("Enter")
    expect(page.locator("tbody tr").first).to_contain_text("run-number-0")
    expect(page.get_by_role("img", name="8 runs over mAP, learning_rate")).to_be_visible()
    expect(page.get_by_role("heading", name="mAP by learning_rate")).to_be_visible()
    accessible(page)
    shots(page, "experiment")
    page.get_by_label("Compare run-number-0").check()
    page.get_by_label("Compare run-number-3").press("Space")
    page.get_by_role("button", name="Compare the chosen").press("Enter")
    expect(page.locator("#compared thead th")).to_have_count(2)
    expect(page.get_by_role("img", name="mAP: run-number-3 from")).to_be_visible()
    accessible(page)
    shots(page, "experiment-compared")
    page.get_by_label("Compare run-number-5").check()
    further = [{"MetricName": "mAP", "Timestamp": datetime.now(UTC), "Step": 8, "Value": 0.123}]
    assert not metrics.batch_put_metrics(TrialComponentName="run-3", MetricData=further).get("Errors")
    expect(page.locator("#compared tbody tr").first).to_contain_text("0.123")
    expect(page.get_by_role("img", name="mAP: run-number-3 from 0.8 to 0.123")).to_be_visible()
    expect(page.get_by_label("Compare run-number-5")).to_be_checked()
    page.get_by_label("network", exact=True).uncheck()
    page.get_by_label("Name contains").fill("number-3")
    page.keyboard.press("Enter")
    expect(page.locator("#runs tbody tr")).to_have_count(1)
    expect(page.locator("#runs thead")).not_to_contain_text("network")


def test_the_first_run_comes_by_itself(fresh_studio: Studio, opened: Opened) -> None:
    sagemaker = fresh_studio.client("sagemaker")
    sagemaker.create_experiment(ExperimentName="quiet")
    sagemaker.create_trial(ExperimentName="quiet", TrialName="all")
    page = opened(link(fresh_studio))
    page.goto(f"{fresh_studio.url}/_/experiments/quiet")
    expect(page.get_by_role("heading", name="No run yet")).to_be_visible()
    expect(page.get_by_role("button", name="Copy the code")).to_be_visible()
    accessible(page)
    sagemaker.create_trial_component(TrialComponentName="first")
    sagemaker.associate_trial_component(TrialComponentName="first", TrialName="all")
    expect(page.locator("#run-first")).to_be_visible()
    page.get_by_label("Name contains").fill("fir")
    page.keyboard.press("Enter")
    expect(page.locator("#run-first")).to_be_visible()
