"""What CreateTrainingJob refuses of managed spot, warm pools and checkpoints."""

from __future__ import annotations

from typing import Any

from clary.context import Context
from clary.errors import ValidationException
from clary.services.sagemaker import local_paths, named_buckets

_MAX_RUNTIME = 86400  # seconds, where a request names none


def check_spot(request: dict[str, Any]) -> None:
    condition = request.get("StoppingCondition", {})
    wait = condition.get("MaxWaitTimeInSeconds")
    if not request.get("EnableManagedSpotTraining"):
        if wait is not None:
            raise ValidationException(
                "Invalid MaxWaitTimeInSeconds. It is only supported when EnableManagedSpotTraining is set to true"
            )
        return
    if wait is None or wait < condition.get("MaxRuntimeInSeconds", _MAX_RUNTIME):
        raise ValidationException(
            "Invalid MaxWaitTimeInSeconds. It must be present and be greater than or equal to MaxRuntimeInSeconds"
        )


def check_keep_alive(request: dict[str, Any]) -> None:
    resources = request["ResourceConfig"]
    if not resources.get("KeepAlivePeriodInSeconds"):
        return
    if request.get("EnableManagedSpotTraining"):
        raise ValidationException(
            "KeepAlivePeriodInSeconds is not supported with managed spot training: leave one of the two out."
        )
    if resources.get("InstanceGroups"):
        raise ValidationException(
            "KeepAlivePeriodInSeconds is not supported with InstanceGroups: leave one of the two out."
        )


def check_checkpoints(context: Context, config: dict[str, Any] | None) -> None:
    if not config:
        return
    named_buckets.require(context, config["S3Uri"], f"The CheckpointConfig's S3Uri {config['S3Uri']}")
    if local := config.get("LocalPath"):
        local_paths.check(local, "CheckpointConfig", "/opt/ml/checkpoints")
