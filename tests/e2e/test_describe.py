"""``clary describe``: one page of a job, for whoever asks what became of it."""

from __future__ import annotations

import pytest

from tests import jobs
from tests.conftest import Studio


def test_what_is_not_there_is_told_with_the_way_out(studio: Studio) -> None:
    found = studio.clary("describe", "nothing", "--data", str(studio.data))
    assert found.returncode == 1
    assert "There is no job and no endpoint named 'nothing'. See: clary status" in found.stderr


@pytest.mark.slow
def test_a_job_is_shown_with_its_steps_its_reason_and_its_price(studio: Studio) -> None:
    s3, sagemaker = studio.client("s3"), studio.client("sagemaker")
    jobs.prepare(s3)
    request = jobs.training(s3, "shown", "print('loss=0.25;'); raise SystemExit('no beds left')")
    request["AlgorithmSpecification"]["MetricDefinitions"] = [{"Name": "loss", "Regex": "loss=(.*?);"}]
    sagemaker.create_training_job(**request)
    jobs.ended(sagemaker, "shown")
    page = studio.clary(
        "describe", "shown", "--data", str(studio.data), env={**studio.environment, "COLUMNS": "200"}
    ).stdout
    for text in (
        "TrainingJob shown: Failed",
        "no beds left",
        "Downloading (",
        "loss = 0.25",
        "$0.0",
        "clary logs shown",
    ):
        assert text in page, page
