"""Transform jobs: create, describe, list, stop.

What running one means is in ``clary.jobs.transform``.
"""

from __future__ import annotations

import secrets
from typing import Any

from clary.buckets import parse_uri
from clary.context import Context
from clary.errors import ResourceInUse, ValidationException
from clary.formats import json_path
from clary.services import operation
from clary.services.sagemaker import experiment_configs, job_endings, named_buckets
from clary.services.sagemaker.encryption import check_output_key, refuse_volume_key
from clary.services.sagemaker.kinds import Kind, refuse
from clary.services.sagemaker.models import MODELS

TRANSFORM_JOBS = Kind(
    name="TransformJob",
    type="transform-job",
    status="TransformJobStatus",
    missing=(ValidationException, "Could not find requested job with name: {name}"),
    taken=(
        ResourceInUse,
        "Job name must be unique within an AWS account and region, and a job with this name already exists ({arn})",
    ),
)

_MOST_MEGABYTES = 100
"""Of one payload, and of all those that are under way at once."""


@operation
def create_transform_job(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    name = request["TransformJobName"]
    _check(context, request)
    body = {
        **_with_defaults(request),
        "_phase": "starting",
        "_directory": f"transform/{context.region}/{name}-{secrets.token_hex(4)}",
    }
    return {"TransformJobArn": TRANSFORM_JOBS.create(context, name, body, status="InProgress").arn}


@operation
def describe_transform_job(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    return TRANSFORM_JOBS.find(context, request["TransformJobName"]).body


@operation
def list_transform_jobs(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    jobs, more = TRANSFORM_JOBS.page(context, request)
    return {"TransformJobSummaries": [job.body for job in jobs], **more}


@operation
def stop_transform_job(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    return job_endings.stop(context, TRANSFORM_JOBS, request["TransformJobName"])


def _check(context: Context, request: dict[str, Any]) -> None:
    """Everything that can be known before the job starts."""
    model = MODELS.find(context, request["ModelName"])
    role = model.body.get("ExecutionRoleArn", "")
    if not role and not context.identity.owner:
        raise ValidationException(
            f"The model {model.name} names no ExecutionRoleArn, with whose rights the job would read and write: make "
            "one that does."
        )
    experiment_configs.check(context, request)
    resources = request["TransformResources"]
    refuse_volume_key(resources, "VolumeKmsKeyId", "CreateTransformJob")
    refuse(
        resources,
        "CreateTransformJob",
        {"TransformAmiVersion": "jobs run on this machine's own system and drivers; leave it out"},
    )
    if (capture := request.get("DataCaptureConfig")) is not None:
        target = capture["DestinationS3Uri"]
        named_buckets.require(context, target, f"The DestinationS3Uri {target}")
        refuse_volume_key(capture, "KmsKeyId", "CreateTransformJob with DataCaptureConfig")
    _check_source(request["TransformInput"]["DataSource"]["S3DataSource"])
    output = request["TransformOutput"]
    named_buckets.require(context, output["S3OutputPath"], f"The S3OutputPath {output['S3OutputPath']}")
    if role:
        check_output_key(context, role, output["S3OutputPath"], output.get("KmsKeyId", ""))
    _check_sizes(request)
    _check_processing(request)


def _check_source(source: dict[str, Any]) -> None:
    if source["S3DataType"] not in {"S3Prefix", "ManifestFile"}:
        raise ValidationException(
            f"S3DataType {source['S3DataType']} is not compatible with a transform job: use S3Prefix or ManifestFile."
        )
    parse_uri(source["S3Uri"])


def _check_sizes(request: dict[str, Any]) -> None:
    payload, parallel = request.get("MaxPayloadInMB", 0), request.get("MaxConcurrentTransforms", 0)
    if payload > _MOST_MEGABYTES:
        raise ValidationException(f"MaxPayloadInMB is {payload}: it cannot be greater than {_MOST_MEGABYTES}.")
    if payload * parallel > _MOST_MEGABYTES:
        raise ValidationException(
            f"MaxConcurrentTransforms * MaxPayloadInMB is {payload * parallel}: it cannot exceed {_MOST_MEGABYTES}."
        )


def _check_processing(request: dict[str, Any]) -> None:
    asked = request.get("DataProcessing", {})
    for member in ("InputFilter", "OutputFilter"):
        try:
            json_path.parse(asked.get(member) or "$")
        except json_path.BadPath as error:
            raise ValidationException(f"DataProcessing.{member}: {error}.") from None
    content = _media(request["TransformInput"].get("ContentType", ""))
    accept = _media(request["TransformOutput"].get("Accept", ""))
    if asked.get("JoinSource") == "Input" and content and accept and (content == "text/csv") != (accept == "text/csv"):
        raise ValidationException(
            f"DataProcessing.JoinSource=Input joins answers of the form of the input: ContentType is {content} and "
            f"Accept is {accept}."
        )


def _media(content_type: str) -> str:
    return content_type.partition(";")[0].strip().lower()


def _with_defaults(request: dict[str, Any]) -> dict[str, Any]:
    """The request as Describe shows it: the service fills in what was left out."""
    return {
        **request,
        "TransformInput": {"CompressionType": "None", "SplitType": "None", **request["TransformInput"]},
        "TransformOutput": {"AssembleWith": "None", "KmsKeyId": "", **request["TransformOutput"]},
        "DataProcessing": {
            "InputFilter": "$",
            "OutputFilter": "$",
            "JoinSource": "None",
            **request.get("DataProcessing", {}),
        },
    }
