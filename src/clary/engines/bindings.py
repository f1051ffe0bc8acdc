"""A program that mounts many files below a folder, or layers over folders, and becomes another one that sees them there.

``python -I -S bindings.py FD PROGRAM ARGUMENT...``; FD holds JSON: {folder, home, mounts: [source, target, writable,
layer]}, targets being real paths below ``folder``. A layer, if it is not "", is a folder that takes what is written to the
source, which stays as it is; both are then relative to ``home``. bubblewrap reads the whole mount table for each mount
that it makes: 2 s for a thousand of them, 11 s for 2,500. Here a mount takes some 50 µs, in a mount namespace of this
process's own, and bubblewrap is left with one. An ordinary user needs a user namespace for that; where that is refused
(Ubuntu's AppArmor allows it to bubblewrap only) nothing is mounted and it ends with exit code 1.
"""

# ruff: noqa: PTH103, PTH112, PTH120, PTH123
# (pathlib is left out: its import takes milliseconds of each start)
from __future__ import annotations

import contextlib
import ctypes
import json
import os
import signal
import sys

_CLONE_NEWNS, _CLONE_NEWUSER = 0x20000, 0x10000000  # <linux/sched.h>
_RDONLY, _REMOUNT, _BIND, _REC, _PRIVATE = 1, 32, 4096, 16384, 1 << 18  # <linux/mount.h>
_KEPT = os.ST_NOSUID | os.ST_NODEV | os.ST_NOEXEC if sys.platform == "linux" else 0  # may not be taken off

_LIBC = ctypes.CDLL(None, use_errno=True)


def _call(function: str, *arguments: object) -> None:
    if getattr(_LIBC, function)(*arguments):
        number = ctypes.get_errno()
        raise OSError(number, f"{function}: {os.strerror(number)}")


def _mount(source: str | None, target: str, flags: int) -> None:
    _call("mount", source and os.fsencode(source), os.fsencode(target), None, ctypes.c_ulong(flags), None)


def enter() -> None:
    """A mount namespace of our own, whose mounts nobody else sees; ``OSError`` where that is refused."""
    uid, gid = os.getuid(), os.getgid()
    _call("unshare", _CLONE_NEWNS | (_CLONE_NEWUSER if uid else 0))
    if uid:
        for name, text in (("setgroups", "deny"), ("uid_map", f"{uid} {uid} 1"), ("gid_map", f"{gid} {gid} 1")):
            with open(f"/proc/self/{name}", "w", encoding="ascii") as file:
                file.write(text)
    _mount(None, "/", _REC | _PRIVATE)


def bind(source: str, target: str, *, writable: bool) -> None:
    if os.path.isdir(source):
        os.makedirs(target, exist_ok=True)
    else:
        os.makedirs(os.path.dirname(target), exist_ok=True)
        with contextlib.suppress(FileExistsError):
            os.close(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    _mount(source, target, _BIND)
    if not writable:
        _mount(None, target, _REMOUNT | _BIND | _RDONLY | (os.statvfs(source).f_flag & _KEPT))


def overlay(source: str, target: str, layer: str) -> None:
    """``source`` and ``layer`` hold neither comma nor colon, overlayfs's separators."""
    for folder in (f"{layer}/upper", f"{layer}/scratch", target):
        os.makedirs(folder, exist_ok=True)
    options = f"lowerdir={source},upperdir={layer}/upper,workdir={layer}/scratch{',userxattr' if os.getuid() else ''}"
    flags = ctypes.c_ulong(os.ST_NOSUID | os.ST_NODEV)
    _call("mount", b"overlay", os.fsencode(target), b"overlay", flags, os.fsencode(options))


def main(descriptor: str, *command: str) -> None:
    with open(int(descriptor), encoding="utf-8") as file:
        wanted = json.load(file)
    enter()
    os.chdir(wanted["home"])
    _mount(wanted["folder"], wanted["folder"], _BIND | _REC)
    for source, target, writable, layer in wanted["mounts"]:
        if layer:
            overlay(source, target, layer)
        else:
            bind(source, target, writable=writable)
    os.chdir("/")
    for number in (signal.SIGPIPE, signal.SIGXFSZ):  # Python ignores them, and what follows shall not
        signal.signal(number, signal.SIG_DFL)
    os.execv(command[0], command)  # noqa: S606 - what this program is for


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except OSError as problem:
        sys.exit(f"clary: cannot mount the task's files: {problem}")
