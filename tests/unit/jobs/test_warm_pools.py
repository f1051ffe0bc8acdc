"""Warm pools over crashes: each step may be repeated, and nobody but one job has a pool."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

import pytest

from clary.clock import Clock, Move
from clary.context import Context
from clary.jobs.warm_pools import KIND, WarmPools
from clary.store.base import Record


@pytest.fixture
def pools(context: Context, tmp_path: Path) -> WarmPools:
    return WarmPools(context, cast("Any", None), tmp_path)


def job(context: Context, name: str, keep: int = 60, **body: Any) -> Record:
    members = {
        "RoleArn": "role",
        "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "KeepAlivePeriodInSeconds": keep},
        "EnableNetworkIsolation": False,
        "EnableInterContainerTrafficEncryption": False,
        "SecondaryStatusTransitions": [{"Status": "Completed", "StatusMessage": "Resource retained for reuse"}],
        "_directory": f"training/us-east-1/{name}-0000",
        **body,
    }
    record = Record(region=context.region, kind="TrainingJob", name=name, body=members, status="InProgress")
    return context.store.create(record)


def put(context: Context, record: Record, members: dict[str, Any], status: str = "InProgress") -> Record:
    return context.store.put(replace(record, status=status, body={**record.body, **members}))


def only(context: Context) -> Record:
    (pool,) = context.store.scan(context.region, KIND)
    return pool


def told(context: Context, name: str) -> dict[str, Any]:
    found = context.store.get(context.region, "TrainingJob", name)
    assert found is not None
    return cast("dict[str, Any]", found.body["WarmPoolStatus"])


def ended(context: Context, pools: WarmPools, name: str, **given: Any) -> Record:
    """A job that has gone through all of it."""
    first = put(context, first := job(context, name, **given), pools.enter(first))
    return put(context, first, pools.leave(first, healthy=True), "Completed")


def test_entering_and_leaving_twice_is_doing_it_once(context: Context, pools: WarmPools) -> None:
    first = job(context, "first")
    assert pools.enter(first) == pools.enter(first)  # the crash came before the job was written
    first = put(context, first, pools.enter(first))
    assert pools.leave(first, healthy=True)["WarmPoolStatus"]["Status"] == "Available"
    assert pools.leave(first, healthy=True)["WarmPoolStatus"]["Status"] == "Available"
    assert only(context).status == "Available"


def test_a_job_that_took_a_pool_before_a_crash_finds_it_again(context: Context, pools: WarmPools) -> None:
    ended(context, pools, "first")
    second = job(context, "second", keep=0)
    taken = pools.enter(second)
    assert pools.enter(second) == taken
    assert only(context).body["Job"] == "second"
    assert told(context, "first")["ReusedByJob"] == "second"


def test_a_pool_that_was_taken_before_its_job_had_written_its_end_is_told_as_reused(
    context: Context, pools: WarmPools
) -> None:
    first = put(context, first := job(context, "first"), pools.enter(first))
    pools.leave(first, healthy=True)  # and the crash
    pools.enter(job(context, "second"))
    assert pools.leave(first, healthy=True)["WarmPoolStatus"] == {
        "Status": "Reused",
        "ResourceRetainedBillableTimeInSeconds": 0,
        "ReusedByJob": "second",
    }
    assert only(context).body["Job"] == "second"


def test_what_was_lost_by_an_internal_error_keeps_nothing(context: Context, pools: WarmPools) -> None:
    first = put(context, first := job(context, "first"), pools.enter(first))
    assert pools.leave(first, healthy=False)["WarmPoolStatus"]["Status"] == "Terminated"
    assert pools.leave(first, healthy=False)["WarmPoolStatus"]["Status"] == "Terminated"
    assert list(context.store.scan(context.region, KIND)) == []


@pytest.mark.parametrize(
    "other",
    [
        {"RoleArn": "another"},
        {"EnableNetworkIsolation": True},
        {"EnableInterContainerTrafficEncryption": True},
        {"VpcConfig": {"SecurityGroupIds": ["sg-1"], "Subnets": ["subnet-1"]}},
        {"ResourceConfig": {"InstanceType": "ml.m5.xlarge", "InstanceCount": 1}},
        {"ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 2}},
        {"ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 9}},
        {"EnableManagedSpotTraining": True},
    ],
)
def test_a_job_unlike_it_gets_no_pool(context: Context, pools: WarmPools, other: dict[str, Any]) -> None:
    ended(context, pools, "first")
    assert pools.enter(job(context, "other", keep=0, **other)) == {}
    assert only(context).status == "Available"


def test_a_pool_ends_with_its_time_and_after_seven_days_in_all(context: Context, tmp_path: Path) -> None:
    clock = Clock()
    pools = WarmPools(replace(context, clock=clock), cast("Any", None), tmp_path)
    ended(context, pools, "first", keep=3600)
    assert pools.step(only(context)) == pytest.approx(3600, abs=5)
    clock.follow([Move(at=0, offset=3_600_000)])
    assert pools.step(only(context)) is None
    assert told(context, "first")["Status"] == "Terminated"
    assert list(context.store.scan(context.region, KIND)) == []

    ended(context, pools, "old", keep=3600)
    put_back = only(context)
    created = (clock.now() - timedelta(days=7)).isoformat()
    context.store.put(replace(put_back, body={**put_back.body, "Created": created}))
    young = put(context, young := job(context, "young", keep=3600), pools.enter(young))
    assert pools.leave(young, healthy=True)["WarmPoolStatus"]["Status"] == "Terminated"
