"""Managed spot: when a job's instances are taken away, how long it may wait for others, and what it is billed.

A job is interrupted on order (``_interrupt`` in its body, which ``clary spot interrupt`` writes) or by the rate of the
setting ``spot_interruptions``: then the moment is drawn when it begins to train, so that a crash changes nothing.
"""

from __future__ import annotations

import math
import random
from datetime import datetime, timedelta
from typing import Any

from clary import prices
from clary.context import Context
from clary.jobs import transitions
from clary.store.base import Record

MESSAGE = "Training job interrupted: the spot instances are reclaimed"

_ON_INSTANCES = frozenset({"Downloading", "Training", "Interrupted", "Restarting", "Uploading", "Stopping"})
"""The statuses in which a job has instances; between them it waits for some."""

_LONGEST = 24.0 * 366  # hours; an interruption that comes later than any job lasts


def planned(context: Context, job: Record) -> dict[str, Any]:
    """The member of the body that says when this attempt's instances are taken away, if the rate says they are."""
    settings = context.settings
    if not job.body.get("EnableManagedSpotTraining") or not settings.spot_interruptions:
        return {}
    seed = f"{settings.spot_seed} {job.region} {job.name} {job.body.get('_attempt', 0)}" if settings.spot_seed else None
    hours = random.Random(seed).expovariate(settings.spot_interruptions)  # noqa: S311 - no secret
    return {"_interruption": context.now() + timedelta(hours=min(hours, _LONGEST))}


def left_until_interruption(job: Record, now: datetime) -> float:
    """Seconds until the instances are taken away, 0 and less if that is now; endless if they stay."""
    if job.body.get("_interrupt"):
        return 0.0
    moment = job.body.get("_interruption")
    return (datetime.fromisoformat(moment) - now).total_seconds() if moment else math.inf


def left_to_wait(job: Record, now: datetime) -> float:
    """Seconds that are left of MaxWaitTimeInSeconds, which counts from the creation; endless without it."""
    most = job.body["StoppingCondition"].get("MaxWaitTimeInSeconds")
    return most - (now - job.created).total_seconds() if most and job.created else math.inf


def left_to_train(job: Record, now: datetime) -> float:
    """Seconds that are left of MaxRuntimeInSeconds, which counts the training of all attempts."""
    trained = transitions.spent(job.body["SecondaryStatusTransitions"], {"Training"}, now)
    return float(job.body["StoppingCondition"]["MaxRuntimeInSeconds"]) - trained


def times(job: Record, now: datetime) -> dict[str, Any]:
    """The members that tell how long the job had instances, at its end; none if it never had."""
    if "TrainingStartTime" not in job.body:
        return {}
    seconds = billable = max(1, round(transitions.spent(job.body["SecondaryStatusTransitions"], _ON_INSTANCES, now)))
    if job.body.get("EnableManagedSpotTraining"):
        resources = job.body["ResourceConfig"]
        kind = resources.get("InstanceType") or resources["InstanceGroups"][0]["InstanceType"]
        billable = prices.billable_seconds(seconds, kind)
    return {"TrainingEndTime": now, "TrainingTimeInSeconds": seconds, "BillableTimeInSeconds": billable}
