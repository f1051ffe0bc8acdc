"""What a job made, on its way into S3: packed, or file by file."""

from __future__ import annotations

import os
import tarfile
import tempfile
from pathlib import Path

from clary.guarded_buckets import GuardedBuckets


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
