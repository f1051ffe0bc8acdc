"""Training jobs: create, describe, list, stop, delete.

What is refused at once is in ``training_job_checks``, what running one means in ``clary.jobs.training``.
"""

from __future__ import annotations

import secrets
from datetime import datetime
from typing import Any

from clary.context import Context
from clary.errors import ResourceInUse, ValidationException
from clary.services import operation, resources
from clary.services.sagemaker import (
    algorithm_jobs,
    channels,
    container_images,
    debug_rules,
    job_endings,
    profiling,
    training_job_checks,
)
from clary.services.sagemaker.kinds import Kind
from clary.store.base import Record

TRAINING_JOBS = Kind(
    name="TrainingJob",
    type="training-job",
    status="TrainingJobStatus",
    missing=(ValidationException, "Requested resource not found."),
    taken=(
        ResourceInUse,
        "Training job names must be unique within an AWS account and region, and a training job with this name "
        "already exists ({arn})",
    ),
)

_FILTERS: resources.Filters = {
    "WarmPoolStatusEquals": ("WarmPoolStatus.Status", "="),
    "TrainingPlanArnEquals": ("ResourceConfig.TrainingPlanArn", "="),
}


@operation
def create_training_job(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    name = request["TrainingJobName"]
    request = algorithm_jobs.filled(context, request)
    training_job_checks.check(context, request)
    body = {
        **_with_defaults(request),
        **debug_rules.members(context, request),
        "SecondaryStatus": "Starting",
        "SecondaryStatusTransitions": [
            {"Status": "Starting", "StartTime": context.now(), "StatusMessage": "Starting the training job"}
        ],
        "_phase": "starting",
        "_directory": f"training/{context.region}/{name}-{secrets.token_hex(4)}",
    }
    return {"TrainingJobArn": TRAINING_JOBS.create(context, name, body, status="InProgress").arn}


@operation
def describe_training_job(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    return _shown(context, TRAINING_JOBS.find(context, request["TrainingJobName"]))


@operation
def list_training_jobs(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    jobs, more = TRAINING_JOBS.page(context, request, filters=_FILTERS)
    return {"TrainingJobSummaries": [_shown(context, job) for job in jobs], **more}


@operation
def stop_training_job(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    def stopping(job: Record) -> dict[str, Any]:
        now = context.now()
        *earlier, last = job.body["SecondaryStatusTransitions"]
        step = {"Status": "Stopping", "StartTime": now, "StatusMessage": "Stopping the training job"}
        transitions = [*earlier, {**last, "EndTime": now}, step]
        return {"SecondaryStatus": "Stopping", "SecondaryStatusTransitions": transitions}

    return job_endings.stop(context, TRAINING_JOBS, request["TrainingJobName"], stopping)


@operation
def delete_training_job(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    def check(job: Record) -> None:
        job_endings.refuse_running(TRAINING_JOBS, job)
        if job.body.get("WarmPoolStatus", {}).get("Status") == "Available":
            raise ResourceInUse(
                f"The training job {job.name} keeps a warm pool: end that first, by UpdateTrainingJob with "
                "KeepAlivePeriodInSeconds 0."
            )

    TRAINING_JOBS.delete(context, request["TrainingJobName"], check)
    return {}


def _shown(context: Context, job: Record) -> dict[str, Any]:
    """The job as Describe tells it: the time that its warm pool has waited grows until it ends."""
    pool = job.body.get("WarmPoolStatus", {})
    if pool.get("Status") != "Available":
        return job.body
    waited = context.now() - datetime.fromisoformat(job.body["TrainingEndTime"])
    seconds = max(0, round(waited.total_seconds()))
    return {**job.body, "WarmPoolStatus": {**pool, "ResourceRetainedBillableTimeInSeconds": seconds}}


def _with_defaults(request: dict[str, Any]) -> dict[str, Any]:
    """The request as Describe shows it: the service fills in what was left out."""
    given = [channels.with_defaults(channel) for channel in request.get("InputDataConfig", [])]
    return {
        "EnableNetworkIsolation": False,
        "EnableInterContainerTrafficEncryption": False,
        "EnableManagedSpotTraining": False,
        **request,
        **profiling.members(request.get("ProfilerConfig")),
        "AlgorithmSpecification": _algorithm(request),
        "OutputDataConfig": {"KmsKeyId": "", "CompressionType": "GZIP", **request["OutputDataConfig"]},
        "StoppingCondition": {"MaxRuntimeInSeconds": 86400, **request.get("StoppingCondition", {})},
        **({"InputDataConfig": given} if given else {}),
    }


def _algorithm(request: dict[str, Any]) -> dict[str, Any]:
    """With the metrics that the image's built-in algorithm prints, where that is what will run."""
    given = {"TrainingInputMode": "File", **request["AlgorithmSpecification"]}
    built_in = container_images.metric_definitions(given["TrainingImage"])
    own = given.get("ContainerEntrypoint") or "sagemaker_program" in request.get("HyperParameters", {})
    if built_in and not own and not given.get("MetricDefinitions"):
        given["MetricDefinitions"] = built_in
    return given
