"""Process groups, guardians and orphans: what a supervisor needs of the operating system."""

# ruff: noqa: PTH114, PTH123, PTH208
# (pathlib is left out: the supervisor starts with every task, and its import takes milliseconds)
from __future__ import annotations

import contextlib
import os
import signal
import sys
import time
from collections.abc import Callable


def guardian() -> int:
    """A process that leads the program's group and kills it when this process is gone; returns the group's id."""
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.setpgid(0, 0)
            signal.set_wakeup_fd(-1)
            for number in (
                signal.SIGTERM,
                signal.SIGINT,
                signal.SIGHUP,
                signal.SIGUSR1,
                signal.SIGUSR2,
                signal.SIGQUIT,
            ):
                signal.signal(number, signal.SIG_IGN)
            os.close(writer)
            os.read(reader, 1)
            os.killpg(0, signal.SIGKILL)
        finally:
            os._exit(0)
    with contextlib.suppress(OSError):  # it did so itself
        os.setpgid(pid, pid)
    os.close(reader)
    return pid  # the writer stays open for this process's life


def accompany(command: list[str]) -> tuple[int, int]:
    """Start a program whose standard input ends when this process does, or closes it; its pid and our end of that.

    It takes none of the signals of this process's group, and inherits this process's standard error.
    """
    reader, writer = os.pipe()
    actions = [(os.POSIX_SPAWN_DUP2, reader, 0), (os.POSIX_SPAWN_DUP2, 2, 1)]
    pid = os.posix_spawn(
        command[0],
        command,
        {},
        file_actions=actions,
        setpgroup=0,
        setsigmask=(),
        setsigdef=signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP},
    )
    os.close(reader)
    return pid, writer


def dismiss(pid: int, leash: int | None) -> None:
    """End the program that ``accompany`` started."""
    if leash is not None:
        os.close(leash)
    with contextlib.suppress(OSError):  # ``reap`` may have been quicker
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


def become_subreaper() -> None:
    """Let the program's orphans become this process's children, so that they can be found and ended (Linux)."""
    if sys.platform != "linux":
        return
    try:
        import ctypes  # noqa: PLC0415 - slow, and not in every Python; a sandboxed task does without
    except ImportError:
        return
    ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)  # PR_SET_CHILD_SUBREAPER, <linux/prctl.h>


def reap(deadline: float) -> None:
    """Kill and collect all that descends from this process."""
    while time.monotonic() < deadline:
        for pid in _children():
            with contextlib.suppress(OSError):
                os.kill(pid, signal.SIGKILL)
        try:
            os.waitpid(-1, 0)
        except ChildProcessError:
            return


def _children() -> list[int]:
    found = []
    for name in os.listdir("/proc") if sys.platform == "linux" else ():
        if name.isdigit():
            try:
                with open(f"/proc/{name}/stat", "rb") as file:
                    parent = int(file.read().rpartition(b")")[2].split()[1])
            except OSError:
                continue
            if parent == os.getpid():
                found.append(int(name))
    return found


def kill_group(group: int, number: int) -> None:
    with contextlib.suppress(OSError):  # gone
        os.killpg(group, number)


def run_quietly(command: list[str], environment: dict[str, str]) -> int:
    """Run a program until its end and let its output go; its exit code, 127 if there is no such program."""
    null = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
    descriptors = [(os.POSIX_SPAWN_DUP2, null, number) for number in (0, 1, 2)]
    try:
        pid = os.posix_spawn(command[0], command, environment, file_actions=descriptors)
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    except OSError:
        return 127
    finally:
        os.close(null)


def says_lines(command: list[str], environment: dict[str, str], count: int) -> bool:
    """Run a program until it has printed so many lines, and need not go on, or until its end."""
    output, end = os.pipe()
    said = b""
    try:
        null = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
        descriptors = [(os.POSIX_SPAWN_DUP2, source, number) for number, source in enumerate((null, end, null))]
        try:
            pid = os.posix_spawn(command[0], command, environment, file_actions=descriptors)
        except OSError:
            return False
        finally:
            os.close(end)
            os.close(null)
        while said.count(b"\n") < count and (piece := os.read(output, 4096)):
            said += piece
    finally:
        os.close(output)
    os.waitpid(pid, 0)
    return said.count(b"\n") >= count


def pidfd(pid: int) -> int | None:
    try:
        return os.pidfd_open(pid)
    except (AttributeError, OSError):
        return None


def in_memory(data: bytes) -> int:
    fd = os.memfd_create("arguments")
    with open(fd, "wb", closefd=False) as file:
        file.write(data)
    os.lseek(fd, 0, os.SEEK_SET)
    return fd


def empty(folder: str) -> None:
    """Remove a folder and all in it, as far as that is allowed."""
    for parent, folders, files in os.walk(folder, topdown=False):
        for name in files:
            _try(os.unlink, f"{parent}/{name}")
        for name in folders:
            path = f"{parent}/{name}"
            _try(os.unlink if os.path.islink(path) else os.rmdir, path)
    _try(os.rmdir, folder)


def _try(remove: Callable[[str], None], path: str) -> None:
    with contextlib.suppress(OSError):
        remove(path)
