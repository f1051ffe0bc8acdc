"""Training jobs: create, describe, list, stop, delete.

What running one means is in ``clary.jobs.training``.
"""

from __future__ import annotations

import secrets
from typing import Any

from clary.buckets import parse_uri
from clary.context import Context
from clary.errors import NotServed, ResourceInUse, ValidationException
from clary.images import catalog
from clary.services import operation, resources
from clary.services.iam import roles
from clary.services.sagemaker import channels, experiment_configs
from clary.services.sagemaker.encryption import check_output_key, refuse_volume_key
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

# Asked for and not done would be a lie: a member here is refused with its own name.
_NOT_YET = {
    "EnableManagedSpotTraining": "jobs run until they end, without interruptions",
    "CheckpointConfig": "checkpoints are not carried to S3",
    "RetryStrategy": "a failed job is not started again by itself",
    "DebugRuleConfigurations": "rules are not evaluated",
    "ProfilerRuleConfigurations": "rules are not evaluated",
    "ServerlessJobConfig": "serverless jobs are not built",
    "SessionChainingConfig": "session chaining is not built",
    "MlflowConfig": "MLflow is not built in",
    "RemoteDebugConfig": "use `clary logs JOB --follow` and the job's folder instead",
}

_FILTERS: resources.Filters = {
    "WarmPoolStatusEquals": ("WarmPoolStatus.Status", "="),
    "TrainingPlanArnEquals": ("ResourceConfig.TrainingPlanArn", "="),
}


@operation
def create_training_job(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    name = request["TrainingJobName"]
    _check(context, request)
    body = {
        **_with_defaults(request),
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
    return TRAINING_JOBS.find(context, request["TrainingJobName"]).body


@operation
def list_training_jobs(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    jobs, more = TRAINING_JOBS.page(context, request, filters=_FILTERS)
    return {"TrainingJobSummaries": [job.body for job in jobs], **more}


@operation
def stop_training_job(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    def stop(job: Record) -> Record:
        if job.status == "Stopping":
            return job
        if job.status != "InProgress":
            raise ValidationException(f"The request was rejected because the training job is in status {job.status}.")
        now = context.now()
        *earlier, last = job.body["SecondaryStatusTransitions"]
        stopping = {"Status": "Stopping", "StartTime": now, "StatusMessage": "Stopping the training job"}
        transitions = [*earlier, {**last, "EndTime": now}, stopping]
        members = {"SecondaryStatus": "Stopping", "SecondaryStatusTransitions": transitions}
        return TRAINING_JOBS.edited(context, job, members, "Stopping")

    TRAINING_JOBS.change(context, request["TrainingJobName"], stop)
    return {}


@operation
def delete_training_job(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    def check(job: Record) -> None:
        if job.status in {"InProgress", "Stopping"}:
            raise ResourceInUse(
                f"The training job {job.name} is in status {job.status}: stop it and wait until it has ended."
            )

    TRAINING_JOBS.delete(context, request["TrainingJobName"], check)
    return {}


def _check(context: Context, request: dict[str, Any]) -> None:
    """Everything that can be known before the job starts."""
    for member in ("AlgorithmSpecification", "ResourceConfig"):
        if member not in request:
            raise ValidationException(f"{member} is missing: a training job on this machine needs it.")
    for member, instead in _NOT_YET.items():
        if request.get(member):
            raise NotServed(f"CreateTrainingJob with {member} is not served yet: {instead}.")
    roles.require(context, request["RoleArn"])
    experiment_configs.check(context, request)
    _check_algorithm(request["AlgorithmSpecification"])
    _check_stopping(request.get("StoppingCondition", {}))
    if request["ResourceConfig"].get("InstanceGroups") or request["ResourceConfig"].get("InstanceCount", 1) > 1:
        raise NotServed("CreateTrainingJob on several instances is not served yet: ask for InstanceCount=1.")
    refuse_volume_key(request["ResourceConfig"], "VolumeKmsKeyId", "CreateTrainingJob")
    output = request["OutputDataConfig"]
    _check_bucket(context, output["S3OutputPath"])
    check_output_key(context, request["RoleArn"], output["S3OutputPath"], output.get("KmsKeyId", ""))
    channels.check(context, request.get("InputDataConfig", []), _mode(request), request["RoleArn"])


def _check_algorithm(algorithm: dict[str, Any]) -> None:
    if "TrainingImage" not in algorithm:
        raise NotServed("CreateTrainingJob by AlgorithmName is not served yet: name a TrainingImage.")
    try:
        catalog.find(algorithm["TrainingImage"])
    except catalog.UnknownImage as error:
        raise ValidationException(str(error)) from None


def _check_stopping(condition: dict[str, Any]) -> None:
    if "MaxWaitTimeInSeconds" in condition:
        raise ValidationException(
            "Invalid MaxWaitTimeInSeconds. It is only supported when EnableManagedSpotTraining is set to true"
        )


def _check_bucket(context: Context, uri: str) -> None:
    bucket, _ = parse_uri(uri)
    if not context.buckets.exists_bucket(bucket):
        raise ValidationException(
            f"The S3OutputPath {uri} names the bucket {bucket!r}, which does not exist. Create it first."
        )


def _mode(request: dict[str, Any]) -> str:
    mode: str = request["AlgorithmSpecification"].get("TrainingInputMode", "File")
    return mode


def _with_defaults(request: dict[str, Any]) -> dict[str, Any]:
    """The request as Describe shows it: the service fills in what was left out."""
    given = [channels.with_defaults(channel) for channel in request.get("InputDataConfig", [])]
    return {
        "EnableNetworkIsolation": False,
        "EnableInterContainerTrafficEncryption": False,
        "EnableManagedSpotTraining": False,
        "ProfilingStatus": "Disabled",
        **request,
        "AlgorithmSpecification": _algorithm(request),
        "OutputDataConfig": {"KmsKeyId": "", "CompressionType": "GZIP", **request["OutputDataConfig"]},
        "StoppingCondition": {"MaxRuntimeInSeconds": 86400, **request.get("StoppingCondition", {})},
        **({"InputDataConfig": given} if given else {}),
    }


def _algorithm(request: dict[str, Any]) -> dict[str, Any]:
    """With the metrics that the image's built-in algorithm prints, where that is what will run."""
    given = {"TrainingInputMode": "File", **request["AlgorithmSpecification"]}
    built_in = catalog.find(given["TrainingImage"]).metric_definitions
    if (
        built_in
        and not given.get("MetricDefinitions")
        and "sagemaker_program" not in request.get("HyperParameters", {})
    ):
        given["MetricDefinitions"] = list(built_in)
    return given
