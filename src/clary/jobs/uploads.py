"""What a job made, on its way into S3: packed, or file by file. An object is there whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path

from clary.errors import ServiceError
from clary.guarded_buckets import GuardedBuckets
from clary.jobs import packing


class CannotUpload(Exception):
    """What was made cannot be stored; the message becomes the job's FailureReason."""

    def __init__(self, uri: str, error: Exception) -> None:
        what = f"{error.strerror}: {error.filename}" if isinstance(error, OSError) and error.filename else str(error)
        super().__init__(f"ClientError: Artifact upload failed: {uri}: {what}")


def upload_archive(buckets: GuardedBuckets, folder: Path, uri: str, key: str) -> None:
    """``folder`` packed, stored at ``uri``; ``key``: of KMS to encrypt it under, or "". ``CannotUpload``."""
    try:
        buckets.put_pieces(uri, packing.archive(folder), content_type="application/x-gzip", key=key)
    except (ServiceError, OSError) as error:
        raise CannotUpload(uri, error) from error


def upload_folder(buckets: GuardedBuckets, folder: Path, uri: str, key: str) -> None:
    """Every file of ``folder`` as an object below ``uri``, or none; links are left out, they could lead anywhere.

    ``key``: of KMS to encrypt them under, or "". ``CannotUpload``.
    """
    done = []
    try:
        for root, _, names in os.walk(folder):
            for name in sorted(names):
                path = Path(root) / name
                if path.is_file() and not path.is_symlink():
                    target = f"{uri.rstrip('/')}/{path.relative_to(folder).as_posix()}"
                    done.append(buckets.put_file(target, path, key=key))
    except (ServiceError, OSError) as error:
        buckets.take_back(done)
        raise CannotUpload(uri, error) from error


def is_empty(folder: Path) -> bool:
    return not folder.is_dir() or next(folder.iterdir(), None) is None
