"""Laying a job's files out under ``/opt/ml``: channels, configuration, and the way back into S3.

Large objects are shown by a read-only mount, so a channel of any size starts at once; small ones are copied, which
is quicker than a mount each. Encrypted ones are decrypted into the job's folder, whose inputs are removed at its end. Never
a hard link: a job could write through it into the stored object.
"""

from __future__ import annotations

import json
import os
import tarfile
import tempfile
from pathlib import Path, PurePosixPath
from typing import Any

from clary.buckets import Entry
from clary.engines.base import Mount
from clary.guarded_buckets import GuardedBuckets

_MOUNT_FROM = 1 << 20  # bytes; below, a copy costs less than a mount


class CannotStage(Exception):
    """The input cannot be laid out; the message becomes the job's FailureReason."""


def stage(buckets: GuardedBuckets, uri: str, ml: Path, folder: str) -> list[Mount]:
    """Lay the objects below ``uri`` out as files in ``ml/folder``; returns the mounts still to be made.

    ``folder`` is relative to ``/opt/ml``. A key becomes the path behind the last ``/`` of the prefix; a key that would
    lead out of the folder is refused.
    """
    target = ml / folder
    target.mkdir(parents=True, exist_ok=True)
    mounts = []
    for entry in buckets.list(uri):
        name = _relative(entry, uri)
        if name is None:
            continue
        path = target / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if entry.size >= _MOUNT_FROM and (file := buckets.file(entry)) is not None:
            mounts.append(Mount(file, str(PurePosixPath("/opt/ml") / folder / name)))
        else:
            buckets.save(entry, path)
    return mounts


def _relative(entry: Entry, uri: str) -> str | None:
    """The path of an object below its channel's folder; None for the marker of a folder."""
    prefix = uri.removeprefix("s3://").partition("/")[2]
    name = entry.key[prefix.rfind("/") + 1 :]
    if not name or name.endswith("/"):
        return None
    if any(part in {"", ".", ".."} for part in name.split("/")) or "\0" in name:
        raise CannotStage(
            f"ClientError: Data download failed: the key {entry.key!r} cannot be a file name below the channel's folder"
        )
    return name


def write_json(path: Path, value: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value))


def pack(folder: Path, archive: Path) -> None:
    """``folder``'s content as a gzipped tar, paths relative to it; links are kept as links, never followed."""
    with tarfile.open(archive, "w:gz", compresslevel=1) as tar:
        for item in sorted(folder.iterdir()):
            tar.add(item, arcname=item.name, filter=_ownerless)


def _ownerless(member: tarfile.TarInfo) -> tarfile.TarInfo:
    member.uid = member.gid = 0
    member.uname = member.gname = ""
    return member


def upload_archive(buckets: GuardedBuckets, folder: Path, uri: str, key: str) -> None:
    """``folder`` packed, stored at ``uri``; ``key``: of KMS to encrypt it under, or ""."""
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".pack-") as scratch:
        archive = Path(scratch) / "archive.tar.gz"
        pack(folder, archive)
        buckets.put_file(uri, archive, content_type="application/x-gzip", key=key)


def upload_folder(buckets: GuardedBuckets, folder: Path, uri: str, key: str) -> None:
    """Every file of ``folder`` as an object below ``uri``; links are left out, they could lead anywhere.

    ``key``: of KMS to encrypt them under, or "".
    """
    for root, _, names in os.walk(folder):
        for name in sorted(names):
            path = Path(root) / name
            if path.is_file() and not path.is_symlink():
                buckets.put_file(f"{uri.rstrip('/')}/{path.relative_to(folder).as_posix()}", path, key=key)


def is_empty(folder: Path) -> bool:
    return not folder.is_dir() or next(folder.iterdir(), None) is None
