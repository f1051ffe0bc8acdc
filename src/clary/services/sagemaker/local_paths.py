"""The folders that a request names inside a job: where its checkpoints and tensors are to lie."""

from __future__ import annotations

from pathlib import PurePosixPath

from clary.errors import NotServed, ValidationException

# Where a folder would hide what a job needs, below each of these too.
_SYSTEM = "/usr /bin /sbin /lib /lib32 /lib64 /etc /proc /dev /sys /run /nix /gnu".split()
_TAKEN = "/opt/ml/input /opt/ml/model /opt/ml/code /opt/ml/sagemaker".split()
_OUTPUT = {f"/opt/ml/output/{name}" for name in "data failure intermediate message metrics profiler success".split()}


def check(local: str, member: str, default: str) -> None:
    """``ValidationException`` if the LocalPath ``local`` of that member cannot be its folder; ``default``: one that can."""
    path = PurePosixPath(local)
    parts = local.rstrip("/").split("/")
    if not path.is_absolute() or any(part in {"", ".", ".."} for part in parts[1:]) or "\0" in local:
        raise ValidationException(
            f"Invalid LocalPath {local!r} of {member}: it takes an absolute path without '..', as {default}"
        )
    taken = any(path.is_relative_to(each) for each in (*_SYSTEM, *_TAKEN, *_OUTPUT))
    if taken or local.rstrip("/") in {"/opt/ml", "/opt/ml/output", "/tmp"}:  # noqa: S108
        raise ValidationException(
            f"Invalid LocalPath {local!r} of {member}: the job needs that folder for something else. "
            f"Use {default}, or a folder of your own."
        )
    if len(parts) < 3:
        raise NotServed(
            f"The LocalPath {local!r} of {member} lies at the top of the file system, which is not served: use a "
            f"folder below another one, as {default}."
        )
