"""Processing jobs: create, describe, list, stop, delete.

What running one means is in ``clary.jobs.processing``.
"""

from __future__ import annotations

import secrets
from typing import Any

from clary.context import Context
from clary.errors import ResourceInUse, ValidationException
from clary.services import operation
from clary.services.sagemaker import container_images, job_endings, processing_job_checks
from clary.services.sagemaker.kinds import Kind

PROCESSING_JOBS = Kind(
    name="ProcessingJob",
    type="processing-job",
    status="ProcessingJobStatus",
    missing=(ValidationException, "Could not find requested job with name: {name}"),
    taken=(
        ResourceInUse,
        "Job name must be unique within an AWS account and region, and a job with this name already exists ({arn})",
    ),
)


@operation
def create_processing_job(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    name = request["ProcessingJobName"]
    job = _with_defaults(request)
    processing_job_checks.check(context, job)
    image = container_images.find(context, job["AppSpecification"]["ImageUri"])
    body = {
        **job,
        **({"_beside": True} if image and image.beside else {}),
        "_phase": "starting",
        "_directory": f"processing/{context.region}/{name}-{secrets.token_hex(4)}",
    }
    return {"ProcessingJobArn": PROCESSING_JOBS.create(context, name, body, status="InProgress").arn}


@operation
def describe_processing_job(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    return PROCESSING_JOBS.find(context, request["ProcessingJobName"]).body


@operation
def list_processing_jobs(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    jobs, more = PROCESSING_JOBS.page(context, request)
    return {"ProcessingJobSummaries": [job.body for job in jobs], **more}


@operation
def stop_processing_job(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    return job_endings.stop(context, PROCESSING_JOBS, request["ProcessingJobName"])


@operation
def delete_processing_job(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    PROCESSING_JOBS.delete(
        context, request["ProcessingJobName"], lambda job: job_endings.refuse_running(PROCESSING_JOBS, job)
    )
    return {}


def _with_defaults(request: dict[str, Any]) -> dict[str, Any]:
    """The request as Describe shows it: the service fills in what was left out."""
    inputs = [{"AppManaged": False, **each} for each in request.get("ProcessingInputs", [])]
    for each in inputs:
        if "S3Input" in each:
            each["S3Input"] = {
                "S3InputMode": "File",
                "S3DataDistributionType": "FullyReplicated",
                "S3CompressionType": "None",
                **each["S3Input"],
            }
    config = request.get("ProcessingOutputConfig", {"Outputs": []})
    outputs = [{"AppManaged": False, **each} for each in config["Outputs"]]
    cluster = {"InstanceCount": 1, **request["ProcessingResources"]["ClusterConfig"]}
    return {
        **request,
        "ProcessingResources": {"ClusterConfig": cluster},
        "ProcessingInputs": inputs,
        "ProcessingOutputConfig": {**config, "Outputs": outputs},
        "StoppingCondition": request.get("StoppingCondition", {"MaxRuntimeInSeconds": 86400}),
    }
