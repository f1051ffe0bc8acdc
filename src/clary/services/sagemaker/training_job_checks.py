"""What CreateTrainingJob refuses at once: all that can be known before the job starts."""

from __future__ import annotations

from typing import Any

from clary.context import Context
from clary.errors import NotServed, ValidationException
from clary.services.iam import roles
from clary.services.sagemaker import (
    channels,
    container_images,
    debug_rules,
    experiment_configs,
    hook_configs,
    instance_limit,
    named_buckets,
    profiling,
)
from clary.services.sagemaker.encryption import check_output_key, refuse_volume_key
from clary.services.sagemaker.kinds import refuse
from clary.services.sagemaker.training_job_capacity import check_checkpoints, check_keep_alive, check_spot

# Asked for and not done would be a lie: a member here is refused with its own name.
_NOT_YET = {
    "ServerlessJobConfig": "serverless jobs are not built",
    "SessionChainingConfig": "session chaining is not built",
    "MlflowConfig": "MLflow is not built in",
    "RemoteDebugConfig": "use `clary logs JOB --follow` and the job's folder instead",
}

_NOT_YET_OF_RESOURCES = {
    "TrainingPlanArn": "there are no plans to buy capacity by",
    "InstancePreferences": "name one InstanceType",
    "InstancePlacementConfig": "every instance is on this machine",
}

_LAUNCHERS = {
    "sagemaker_mpi_enabled": "mpi",
    "sagemaker_distributed_dataparallel_enabled": "smdistributed.dataparallel",
    "sagemaker_parameter_server_enabled": "parameter_server",
    "sagemaker_multi_worker_mirrored_strategy_enabled": "multi_worker_mirrored_strategy",
    "sagemaker_pytorch_xla_multi_worker_enabled": "pytorchxla",
}
"""Hyperparameters by which the SDK's ``distribution`` asks for a launcher that Clary does not have."""


def check(context: Context, request: dict[str, Any]) -> None:
    """Everything that can be known before the job starts."""
    for member in ("AlgorithmSpecification", "ResourceConfig"):
        if member not in request:
            raise ValidationException(f"{member} is missing: a training job on this machine needs it.")
    refuse(request, "CreateTrainingJob", _NOT_YET)
    roles.require(context, request["RoleArn"])
    experiment_configs.check(context, request)
    _check_algorithm(context, request["AlgorithmSpecification"])
    check_spot(request)
    check_keep_alive(request)
    check_checkpoints(context, request.get("CheckpointConfig"))
    hook_configs.check(context, request)
    refuse(request["ResourceConfig"], "CreateTrainingJob", _NOT_YET_OF_RESOURCES)
    _check_launcher(request.get("HyperParameters", {}))
    groups = _check_instances(context, request["ResourceConfig"])
    refuse_volume_key(request["ResourceConfig"], "VolumeKmsKeyId", "CreateTrainingJob")
    if (config := request.get("ProfilerConfig")) is not None:
        profiling.check(context, config)
    debug_rules.check(context, request)
    output = request["OutputDataConfig"]
    named_buckets.require(context, output["S3OutputPath"], f"The S3OutputPath {output['S3OutputPath']}")
    intermediate = request.get("HyperParameters", {}).get("sagemaker_s3_output", "").strip('"')
    if intermediate.startswith("s3://"):
        named_buckets.require(context, intermediate, f"The hyperparameter sagemaker_s3_output {intermediate}")
    check_output_key(context, request["RoleArn"], output["S3OutputPath"], output.get("KmsKeyId", ""))
    given, algorithm = request.get("InputDataConfig", []), request["AlgorithmSpecification"]
    channels.check(context, given, algorithm.get("TrainingInputMode", "File"), request["RoleArn"])
    for channel in given:
        _check_groups(channel, groups)


def _check_algorithm(context: Context, algorithm: dict[str, Any]) -> None:
    if "TrainingImage" not in algorithm:
        raise ValidationException(
            "AlgorithmSpecification has neither TrainingImage nor AlgorithmName: name one of them."
        )
    container_images.require(context, algorithm["TrainingImage"], algorithm)


def _check_instances(context: Context, config: dict[str, Any]) -> set[str]:
    """The names of the instance groups, if there are any."""
    groups = config.get("InstanceGroups", [])
    alone = [member for member in ("InstanceType", "InstanceCount") if member in config]
    if groups and alone:
        raise ValidationException(
            f"ResourceConfig has InstanceGroups and {' and '.join(alone)}: give the types and counts in the groups alone."
        )
    if not groups and len(alone) < 2:
        raise ValidationException(
            "ResourceConfig needs InstanceType and InstanceCount, or InstanceGroups that have them."
        )
    counts = [group["InstanceCount"] for group in groups or [config]]
    if min(counts) < 1:
        raise ValidationException("InstanceCount must be at least 1.")
    names = {group["InstanceGroupName"] for group in groups}
    if len(names) < len(groups):
        raise ValidationException("Two instance groups have the same InstanceGroupName: each needs a name of its own.")
    instance_limit.check(context, sum(counts), "training job")
    return names


def _check_launcher(hyperparameters: dict[str, str]) -> None:
    for name, distribution in _LAUNCHERS.items():
        if hyperparameters.get(name, "").strip('"').lower() == "true":
            raise NotServed(
                f"CreateTrainingJob with the distribution {distribution} ({name}) is not served yet: torch_distributed is, "
                "and a script finds the other hosts by SM_HOSTS."
            )


def _check_groups(channel: dict[str, Any], groups: set[str]) -> None:
    for name in channel["DataSource"]["S3DataSource"].get("InstanceGroupNames", []):
        if name not in groups:
            raise ValidationException(
                f"The channel {channel['ChannelName']!r} names the instance group {name!r}, which ResourceConfig does "
                f"not have; it has: {', '.join(sorted(groups)) or 'no groups'}."
            )
