"""Unpacking a user's archive: no links out of the folder, no ``..``, no devices."""

from __future__ import annotations

import tarfile
from pathlib import Path


class UnsafeArchive(Exception):
    """A member would land outside the folder, or the file is no archive; the message names it."""


def unpack(archive: Path, folder: Path) -> None:
    """All members of a tar archive below ``folder``; ``UnsafeArchive`` before anything unsafe is written."""
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with tarfile.open(archive) as tar:
            members = []
            for member in tar:
                try:
                    members.append(tarfile.data_filter(member, str(folder)))
                except tarfile.FilterError as error:
                    raise UnsafeArchive(f"{archive.name}: the member {member.name!r} is refused: {error}") from None
            tar.extractall(folder, members=members, filter="data")
    except (tarfile.TarError, EOFError, OSError) as error:
        raise UnsafeArchive(f"{archive.name} cannot be unpacked: {error}") from error
