"""The arithmetic of spot: when it ends, how long a job may wait, what it is billed, and why it begins again."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from clary.context import Context
from clary.jobs import attempts, spot
from clary.store.base import Record

T0 = datetime(2026, 1, 1, tzinfo=UTC)


def at(seconds: float) -> datetime:
    return T0 + timedelta(seconds=seconds)


def job(*passed: tuple[str, float, float | None], **body: Any) -> Record:
    """A spot job; ``passed``: statuses with the seconds at which they began and ended."""
    transitions = [
        {"Status": s, "StartTime": at(a).isoformat(), **({} if b is None else {"EndTime": at(b).isoformat()})}
        for s, a, b in passed
    ]
    members = {
        "EnableManagedSpotTraining": True,
        "StoppingCondition": {"MaxRuntimeInSeconds": 100, "MaxWaitTimeInSeconds": 300},
        "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1},
        "SecondaryStatusTransitions": transitions,
        "_directory": "training/us-east-1/job-abcd",
        **body,
    }
    return Record(region="us-east-1", kind="TrainingJob", name="job", body=members, status="InProgress", created=T0)


TWICE = (
    ("Starting", 0, 5),
    ("Downloading", 5, 10),
    ("Training", 10, 40),
    ("Interrupted", 40, 45),
    ("Starting", 45, 200),
    ("Downloading", 200, 202),
    ("Training", 202, None),
)


def test_time_on_instances_is_that_of_all_attempts_and_not_of_the_waiting() -> None:
    found = spot.times(job(*TWICE, TrainingStartTime=at(5).isoformat()), at(262))
    assert found == {"TrainingEndTime": at(262), "TrainingTimeInSeconds": 102, "BillableTimeInSeconds": 31}
    assert spot.times(job(("Starting", 0, None)), at(262)) == {}


def test_a_job_on_demand_is_billed_all_its_time_and_at_least_a_second() -> None:
    on_demand = job(("Downloading", 0, None), EnableManagedSpotTraining=False, TrainingStartTime=T0.isoformat())
    found = spot.times(on_demand, at(0.1))
    assert (found["TrainingTimeInSeconds"], found["BillableTimeInSeconds"]) == (1, 1)
    assert spot.times(on_demand, at(9))["BillableTimeInSeconds"] == 9


def test_limits_count_training_of_all_attempts_and_waiting_from_the_creation() -> None:
    assert spot.left_to_train(job(*TWICE), at(262)) == 10
    assert spot.left_to_wait(job(*TWICE), at(262)) == 38
    assert spot.left_to_wait(job(*TWICE, StoppingCondition={"MaxRuntimeInSeconds": 1}), at(262)) == math.inf


def test_interruptions_come_by_order_or_at_the_moment_that_was_drawn() -> None:
    assert spot.left_until_interruption(job(), T0) == math.inf
    assert spot.left_until_interruption(job(_interrupt=T0.isoformat()), T0) == 0
    assert spot.left_until_interruption(job(_interruption=at(7).isoformat()), T0) == 7


def test_the_rate_draws_a_moment_for_spot_jobs_alone_and_the_same_by_the_same_seed(context: Context) -> None:
    assert spot.planned(context, job()) == {}
    often = replace(context, settings=replace(context.settings, spot_interruptions=60.0, spot_seed="a"))
    assert spot.planned(often, job(EnableManagedSpotTraining=False)) == {}

    def minutes(found: dict[str, Any], now: datetime) -> float:
        return float((found["_interruption"] - now).total_seconds()) / 60

    first, again, next_ = (minutes(spot.planned(often, j), often.now()) for j in (job(), job(), job(_attempt=1)))
    assert first == pytest.approx(again, abs=0.01)
    assert first != pytest.approx(next_, abs=0.01)
    drawn = [minutes(spot.planned(often, job(_attempt=n)), often.now()) for n in range(2000)]
    assert sum(drawn) / len(drawn) == pytest.approx(1, rel=0.1)  # sixty an hour


@pytest.mark.parametrize(
    ("body", "lost", "why"),
    [
        ({}, False, ""),
        ({"_interrupted": True}, False, "Interrupted"),
        ({"_interrupted": True}, True, "Interrupted"),
        ({"_interrupted": True, "_overdue": "MaxWaitTimeExceeded"}, False, ""),
        ({"_interrupted": True, "_cannot_keep": "x"}, False, ""),
        ({}, True, ""),
        ({"RetryStrategy": {"MaximumRetryAttempts": 2}}, True, "Restarting"),
        ({"RetryStrategy": {"MaximumRetryAttempts": 2}, "_retries": 2}, True, ""),
        ({"RetryStrategy": {"MaximumRetryAttempts": 2}}, False, ""),
    ],
)
def test_why_a_job_begins_again(body: dict[str, Any], lost: bool, why: str) -> None:
    assert attempts.cause(job(**body), lost=lost) == why
    assert attempts.cause(replace(job(**body), status="Stopping"), lost=lost) == ""


def test_each_attempt_has_a_folder_of_its_own_and_knows_the_one_before() -> None:
    first = job(_interrupt="x", _interrupted=True, _has_room=True)
    assert attempts.before(first) is None
    second = replace(first, body={**first.body, **attempts.following(first, "Interrupted")})
    assert second.body["_directory"] == "training/us-east-1/job-abcd.1"
    assert not any(second.body[name] for name in ("_interrupt", "_interrupted", "_interruption", "_has_room"))
    assert attempts.before(second) == "training/us-east-1/job-abcd"
    third = attempts.following(second, "Restarting")
    assert (third["_directory"], third["_retries"]) == ("training/us-east-1/job-abcd.2", 1)


@pytest.mark.parametrize(("said", "status"), [(None, ""), (True, "MaxRuntimeExceeded"), ("MaxWaitTimeExceeded",) * 2])
def test_a_job_whose_time_is_over_says_which(said: Any, status: str) -> None:
    assert attempts.overdue(job(_overdue=said)) == status
    assert not status or status in attempts.OVERDUE
