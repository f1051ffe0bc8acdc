"""UpdateTrainingJob: the profiler of a job that runs, and how long the warm pool of one that has ended is kept."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from clary.context import Context
from clary.errors import NotServed, ValidationException
from clary.services import operation
from clary.services.sagemaker import debug_rules, profiling
from clary.services.sagemaker.training_jobs import TRAINING_JOBS
from clary.store.base import Conflict, Record

_RUNNING = frozenset({"Starting", "Pending", "Downloading", "Training"})


@operation
def update_training_job(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    name = request["TrainingJobName"]
    for rule in request.get("ProfilerRuleConfigurations", []):
        debug_rules.refuse_profiler_rule("UpdateTrainingJob", rule)
    if request.get("RemoteDebugConfig", {}).get("EnableRemoteDebug"):
        raise NotServed(
            "UpdateTrainingJob with RemoteDebugConfig is not served: use `clary logs JOB --follow` and the job's folder."
        )
    job = TRAINING_JOBS.find(context, name)
    if "ResourceConfig" in request and request.get("ProfilerConfig"):
        raise ValidationException(
            "ProfilerConfig is updated while a training job runs, ResourceConfig when it has ended: send one of them."
        )
    if "ResourceConfig" in request:
        job = _keep(context, name, request["ResourceConfig"]["KeepAlivePeriodInSeconds"])
    if profiler := request.get("ProfilerConfig"):
        job = _profile(context, name, profiler)
    return {"TrainingJobArn": job.arn}


def _profile(context: Context, name: str, wanted: dict[str, Any]) -> Record:
    def change(job: Record) -> Record:
        status = job.body["SecondaryStatus"] if job.status == "InProgress" else job.status
        if status not in _RUNNING:
            raise ValidationException(f"The request was rejected because the training job is in status {status}.")
        full = {**job.body.get("ProfilerConfig", {}), **wanted}
        profiling.check(context, full)
        return TRAINING_JOBS.edited(context, job, profiling.members(full))

    return TRAINING_JOBS.change(context, name, change)


def _keep(context: Context, name: str, period: int) -> Record:
    """Keep the pool for so many seconds from the job's end; 0, or less than have passed, ends it."""
    while True:
        job = TRAINING_JOBS.find(context, name)
        pool = context.store.get(context.region, "WarmPool", job.body.get("_pool", ""))
        status = job.body.get("WarmPoolStatus", {}).get("Status")
        if status != "Available" or pool is None or pool.status != "Available" or pool.body["Job"] != name:
            told = f"its warm pool's status is {status}" if status else "it has no warm pool"
            raise ValidationException(
                f"KeepAlivePeriodInSeconds of the training job {name} cannot be updated: {told}, not Available."
            )
        until = datetime.fromisoformat(pool.body["Since"]) + timedelta(seconds=period)
        body = {**pool.body, "Until": max(until, context.now())}
        with contextlib.suppress(Conflict):  # a job took it over meanwhile, or its time was over
            context.store.put(replace(pool, body=body))
            break

    def echo(job: Record) -> Record:
        resources = {**job.body["ResourceConfig"], "KeepAlivePeriodInSeconds": period}
        return TRAINING_JOBS.edited(context, job, {"ResourceConfig": resources})

    return TRAINING_JOBS.change(context, name, echo)
