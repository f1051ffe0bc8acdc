"""Unpacking a tar archive that somebody else made: nothing lands outside the folder.

Written by hand because Debian 12's Python, 3.11.2, has none of ``tarfile``'s filters yet. Regular files and folders are
written first, links after them, so that nothing is ever written through a link; a link must be relative and stay inside.
Owners, times, devices and special bits are not taken over.
"""

from __future__ import annotations

import os
import shutil
import tarfile
from pathlib import Path, PurePosixPath


class UnsafeArchive(Exception):
    """A member would land outside the folder or is no file, or the archive cannot be read; the message names it."""


def unpack(archive: Path, folder: Path) -> None:
    """All members of a tar archive (plain, gzip, bzip2, xz) below ``folder``; nothing is written if one is unsafe."""
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with tarfile.open(archive) as tar:
            members = [(member, _place(archive, member)) for member in tar]
            for member, place in members:
                if member.isdir():
                    (folder / place).mkdir(parents=True, exist_ok=True)
                elif member.isreg():
                    _write(tar, member, folder / place)
            for member, place in members:
                if member.islnk():  # another name of a file that was just written: its content, once more
                    shutil.copyfile(folder / PurePosixPath(member.linkname), _cleared(folder / place))
            for member, place in members:
                if member.issym():
                    _cleared(folder / place).symlink_to(member.linkname)
    except (tarfile.TarError, EOFError, OSError) as error:
        raise UnsafeArchive(f"{archive.name} cannot be unpacked: {error}") from error


def _place(archive: Path, member: tarfile.TarInfo) -> PurePosixPath:
    """Where a member goes, relative to the folder; ``UnsafeArchive`` if that is nowhere good."""
    name = PurePosixPath(member.name)
    if not (member.isreg() or member.isdir() or member.issym() or member.islnk()):
        raise UnsafeArchive(f"{archive.name}: the member {member.name!r} is refused: it is no file, folder or link")
    if name.is_absolute() or ".." in name.parts:
        raise UnsafeArchive(f"{archive.name}: the member {member.name!r} is refused: it leads out of the folder")
    if member.issym() or member.islnk():
        base = name.parent if member.issym() else PurePosixPath()
        target = os.path.normpath(base / member.linkname)
        if member.linkname.startswith("/") or target.startswith(".."):
            raise UnsafeArchive(
                f"{archive.name}: the member {member.name!r} is refused: its link to {member.linkname!r} leads out of the folder"
            )
    return name


def _write(tar: tarfile.TarFile, member: tarfile.TarInfo, path: Path) -> None:
    stream = tar.extractfile(member)
    if stream is None:
        raise tarfile.ReadError(f"{member.name} cannot be read")
    with stream, _cleared(path).open("wb") as file:
        shutil.copyfileobj(stream, file, 1 << 20)
    path.chmod(0o755 if member.mode & 0o100 else 0o644)


def _cleared(path: Path) -> Path:
    """The path with its folder made and nothing at it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    return path
