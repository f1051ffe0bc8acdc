"""A task without a sandbox: its mounts laid out as files it can reach, and where it finds them.

Below ``/opt/ml`` a mount becomes a copy in the task's own folder (a copy-on-write one where the file system has them;
never a hard link, a job could write through it), a writable one a symbolic link. Others are used where they are.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import socket
import sys
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

from clary.engines.base import CannotIsolate, Mount, Task

_ML = PurePosixPath("/opt/ml")
_CLONE = 0x40049409  # FICLONE, <linux/fs.h>


def where(task: Task, target: str) -> str:
    """The real path of what a sandboxed task would see at ``target``."""
    path = PurePosixPath(target)
    if path.is_relative_to(_ML):
        return str(task.directory / "ml" / path.relative_to(_ML))
    best = max(
        (mount for mount in task.mounts if path.is_relative_to(mount.target)),
        key=lambda mount: len(mount.target),
        default=None,
    )
    return str(best.source / path.relative_to(best.target)) if best else target


def check_names(hosts: Mapping[str, str], complaint: str) -> None:
    """``CannotIsolate`` unless this machine itself knows the names by which tasks reach each other."""
    for name in hosts:
        try:
            socket.getaddrinfo(name, None)
        except OSError:
            raise CannotIsolate(
                f"the hosts of a job reach each other by their names ({', '.join(hosts)}), which needs a sandbox: "
                f"{complaint}. Or name them in this machine's /etc/hosts: 127.0.0.1 {' '.join(hosts)}"
            ) from None


def clear(task: Task) -> None:
    """Make way for the writable mounts below ``/opt/ml``: empty folders, and the links of a start that was cut off."""
    for mount in task.mounts:
        if not mount.writable or not PurePosixPath(mount.target).is_relative_to(_ML):
            continue
        path = Path(where(task, mount.target))
        if path.is_symlink() and path.readlink() == mount.source:
            path.unlink()
        elif path.is_dir() and not path.is_symlink():
            with contextlib.suppress(OSError):  # it is not empty: the mount will say so
                path.rmdir()


def lay_out(task: Task) -> None:
    """Make the mounts below ``/opt/ml``. It may be repeated."""
    for mount in sorted(task.mounts, key=lambda mount: mount.target.count("/")):
        if PurePosixPath(mount.target).is_relative_to(_ML):
            _realise(mount, Path(where(task, mount.target)))


def _realise(mount: Mount, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if mount.writable:
        path.unlink(missing_ok=True)
        path.symlink_to(mount.source)
    elif mount.source.is_dir():
        shutil.copytree(mount.source, path, symlinks=True, dirs_exist_ok=True, copy_function=clone)
        if mount.layered:
            _make_writable(path)
    else:
        clone(str(mount.source), str(path))


def _make_writable(folder: Path) -> None:
    for path in folder.rglob("*"):
        if not path.is_symlink():
            path.chmod(path.stat().st_mode | 0o200)


def clone(source: str, target: str) -> str:
    """Copy a file, sharing its blocks until one is written to, where the file system can (Btrfs, XFS)."""
    scratch = f"{target}.copy"
    with Path(source).open("rb") as original, Path(scratch).open("wb") as copy:
        if not _share(original.fileno(), copy.fileno()):
            shutil.copyfileobj(original, copy, 1 << 20)
    shutil.copymode(source, scratch)
    Path(scratch).replace(target)
    return target


def _share(original: int, copy: int) -> bool:
    if sys.platform != "linux":
        return False

    try:
        fcntl.ioctl(copy, _CLONE, original)
    except OSError:
        os.lseek(copy, 0, os.SEEK_SET)
        return False
    return True
