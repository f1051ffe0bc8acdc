"""What CreateTrainingJob refuses of DebugHookConfig and TensorBoardOutputConfig.

What becomes of the two is in ``clary.jobs.debug_output``; their parameters are the hook's, which tells of them in the log.
"""

from __future__ import annotations

from typing import Any

from clary.context import Context
from clary.errors import ValidationException
from clary.services.sagemaker import local_paths, named_buckets

_DEFAULTS = {
    "DebugHookConfig": "/opt/ml/output/tensors",
    "TensorBoardOutputConfig": "/opt/ml/output/tensorboard",
    "CheckpointConfig": "/opt/ml/checkpoints",
}


def check(context: Context, request: dict[str, Any]) -> None:
    for member in ("DebugHookConfig", "TensorBoardOutputConfig"):
        if config := request.get(member):
            uri = config["S3OutputPath"]
            named_buckets.require(context, uri, f"The S3OutputPath {uri} of {member}")
            if local := config.get("LocalPath"):
                local_paths.check(local, member, _DEFAULTS[member])
    _check_apart(request)
    collections = request.get("DebugHookConfig", {}).get("CollectionConfigurations") or []
    if not all(collection.get("CollectionName") for collection in collections):
        raise ValidationException("A collection of DebugHookConfig has no CollectionName: each needs one.")


def _check_apart(request: dict[str, Any]) -> None:
    """Each has a folder of its own: one within the other would be uploaded twice."""
    given = {
        member: request[member].get("LocalPath") or path for member, path in _DEFAULTS.items() if request.get(member)
    }
    for member, path in given.items():
        for other, above in given.items():
            if member != other and f"{path.rstrip('/')}/".startswith(f"{above.rstrip('/')}/"):
                raise ValidationException(
                    f"The LocalPath {path} of {member} lies in that of {other}, {above}: give each a folder of its own."
                )
