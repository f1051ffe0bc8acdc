"""Labeling jobs: create, describe, list, stop; and those that a work team is asked by.

What running one means is in ``clary.jobs.labelling``, what people are asked in ``clary.labelling``.
"""

from __future__ import annotations

import secrets
import string
from typing import Any

from clary.context import Context
from clary.errors import ResourceInUse, ResourceNotFound
from clary.services import operation
from clary.services.sagemaker import labeling_job_checks
from clary.services.sagemaker.kinds import Kind
from clary.services.sagemaker.workteams import WORKTEAMS
from clary.store.base import Condition, Record

LABELING_JOBS = Kind(
    name="LabelingJob",
    type="labeling-job",
    status="LabelingJobStatus",
    missing=(ResourceNotFound, "Requested resource not found: labeling job {name}."),
    taken=(
        ResourceInUse,
        "Job name must be unique within an AWS account and region, and a job with this name already exists ({arn})",
    ),
)

_COUNTERS = ("TotalLabeled", "HumanLabeled", "MachineLabeled", "FailedNonRetryableError", "Unlabeled")
_SIGNS = string.ascii_lowercase + string.digits


@operation
def create_labeling_job(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    type_ = labeling_job_checks.check(context, request)
    body = {
        **request,
        "OutputConfig": {"KmsKeyId": "", **request["OutputConfig"]},
        "HumanTaskConfig": labeling_job_checks.with_defaults(request["HumanTaskConfig"]),
        "JobReferenceCode": context.account + "".join(secrets.choice(_SIGNS) for _ in range(16)),
        "LabelCounters": dict.fromkeys(_COUNTERS, 0),
        "_phase": "initializing",
        "_task_type": type_.name,
        "_labels": [],
    }
    name, team = request["LabelingJobName"], request["HumanTaskConfig"]["WorkteamArn"].rpartition("/")[2]
    made = LABELING_JOBS.create(context, name, body, status="Initializing", parent=(WORKTEAMS, team))
    return {"LabelingJobArn": made.arn}


@operation
def describe_labeling_job(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    return LABELING_JOBS.find(context, request["LabelingJobName"]).body


@operation
def list_labeling_jobs(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    jobs, more = LABELING_JOBS.page(context, request, order="Ascending")
    return {"LabelingJobSummaryList": [_summary(job) for job in jobs], **more}


@operation
def list_labeling_jobs_for_workteam(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    arn = request["WorkteamArn"]
    if context.store.find(arn) is None:
        raise ResourceNotFound(str(WORKTEAMS.absent(context, arn)))
    jobs, more = LABELING_JOBS.page(
        context,
        request,
        order="Ascending",
        where=[Condition("HumanTaskConfig.WorkteamArn", "=", arn)],
        filters={"JobReferenceCodeContains": ("JobReferenceCode", "contains")},
    )
    return {"LabelingJobSummaryList": [_for_team(context, job) for job in jobs], **more}


@operation
def stop_labeling_job(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    """Nothing happens to a job that has ended: clients send this to finished ones too."""

    def change(job: Record) -> Record:
        if job.status not in {"Initializing", "InProgress"}:
            return job
        return LABELING_JOBS.edited(context, job, {}, "Stopping")

    LABELING_JOBS.change(context, request["LabelingJobName"], change)
    return {}


def _summary(job: Record) -> dict[str, Any]:
    config = job.body["HumanTaskConfig"]
    consolidation = config.get("AnnotationConsolidationConfig", {})
    functions = {
        "PreHumanTaskLambdaArn": config.get("PreHumanTaskLambdaArn"),
        "AnnotationConsolidationLambdaArn": consolidation.get("AnnotationConsolidationLambdaArn"),
    }
    told = {name: arn for name, arn in functions.items() if arn}
    return {**job.body, "WorkteamArn": config["WorkteamArn"], **told}


def _for_team(context: Context, job: Record) -> dict[str, Any]:
    counters = job.body["LabelCounters"]
    labelled, failed, left = (counters[name] for name in ("HumanLabeled", "FailedNonRetryableError", "Unlabeled"))
    return {
        **job.body,
        "WorkRequesterAccountId": context.account,
        "LabelCounters": {"HumanLabeled": labelled, "PendingHuman": left, "Total": labelled + failed + left},
        "NumberOfHumanWorkersPerDataObject": job.body["HumanTaskConfig"]["NumberOfHumanWorkersPerDataObject"],
    }
