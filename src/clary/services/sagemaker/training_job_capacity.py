"""What CreateTrainingJob refuses of managed spot, warm pools and checkpoints."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Any

from clary.context import Context
from clary.errors import NotServed, ValidationException
from clary.services.sagemaker import named_buckets

_MAX_RUNTIME = 86400  # seconds, where a request names none

# Where a folder of checkpoints would hide what a job needs, below each of these too.
_SYSTEM = "/usr /bin /sbin /lib /lib32 /lib64 /etc /proc /dev /sys /run /nix /gnu".split()
_TAKEN = "/opt/ml/input /opt/ml/model /opt/ml/output /opt/ml/code /opt/ml/sagemaker".split()


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
        _check_local_path(local)


def _check_local_path(local: str) -> None:
    path = PurePosixPath(local)
    parts = local.rstrip("/").split("/")
    if not path.is_absolute() or any(part in {"", ".", ".."} for part in parts[1:]) or "\0" in local:
        raise ValidationException(
            f"Invalid LocalPath {local!r} of CheckpointConfig: it takes an absolute path without '..', as /opt/ml/checkpoints"
        )
    if local.rstrip("/") in {"/opt/ml", "/tmp"} or any(path.is_relative_to(taken) for taken in (*_SYSTEM, *_TAKEN)):  # noqa: S108
        raise ValidationException(
            f"Invalid LocalPath {local!r} of CheckpointConfig: the job needs that folder for something else. "
            "Use /opt/ml/checkpoints, or a folder of your own."
        )
    if len(parts) < 3:
        raise NotServed(
            f"The LocalPath {local!r} of CheckpointConfig lies at the top of the file system, which is not served: use a "
            "folder below another one, as /opt/ml/checkpoints."
        )
