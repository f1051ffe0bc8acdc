"""Taking a job's spot instances away: where it has some, and why not where it has none."""

from __future__ import annotations

from typing import Any

import pytest

from clary.context import Context
from clary.errors import ValidationException
from clary.services.sagemaker.spot_interruptions import interrupt
from clary.store.base import Record
from tests.unit.services.s3.conftest import context

__all__ = ["context"]


def job(context: Context, status: str, secondary: str, **body: Any) -> Record:
    members = {"EnableManagedSpotTraining": True, "SecondaryStatus": secondary, "_has_room": True, **body}
    record = Record(region=context.region, kind="TrainingJob", name="job", body=members, status=status)
    return context.store.create(record)


@pytest.mark.parametrize("secondary", ["Starting", "Downloading", "Training"])
def test_a_job_on_instances_is_told_to_give_them_up(context: Context, secondary: str) -> None:
    job(context, "InProgress", secondary)
    interrupt(context, "job")
    found = context.store.get(context.region, "TrainingJob", "job")
    assert found is not None
    assert found.body["_interrupt"]
    with pytest.raises(ValidationException, match="is being interrupted already"):
        interrupt(context, "job")


def test_a_job_that_is_not_there_is_named(context: Context) -> None:
    with pytest.raises(ValidationException, match=r"There is no training job nothing in us-east-1. See: clary status"):
        interrupt(context, "nothing")


@pytest.mark.parametrize(
    ("status", "secondary", "body", "text"),
    [
        ("InProgress", "Pending", {}, "waits for instances"),
        ("InProgress", "Starting", {"_has_room": False}, "waits for instances"),
        ("InProgress", "Interrupted", {}, "is being interrupted already"),
        ("InProgress", "Restarting", {}, "between two attempts"),
        ("InProgress", "Uploading", {}, "is uploading the model"),
        ("Stopping", "Stopping", {}, "is in status Stopping"),
        ("Completed", "Completed", {}, "is in status Completed"),
        ("InProgress", "Training", {"EnableManagedSpotTraining": False}, "does not run on spot"),
    ],
)
def test_a_job_without_any_is_left_alone_and_says_why(
    context: Context, status: str, secondary: str, body: dict[str, Any], text: str
) -> None:
    before = job(context, status, secondary, **body)
    with pytest.raises(ValidationException, match=text):
        interrupt(context, "job")
    assert context.store.get(context.region, "TrainingJob", "job") == before
