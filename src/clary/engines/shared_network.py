"""A network that some sandboxed tasks share and nobody else is on: a loopback of their own, where each has its address.

``python -I -S shared_network.py FOLDER [PORT=SOCKET ...] -- COMMAND ...`` joins the network that goes by that folder and
becomes the command, which is bubblewrap's, without a network of its own. Whoever comes first leaves a process behind, the
holder, in whose network the others join it; where PORT=SOCKET are given it leads these ports of 127.0.0.1 to the
server's Unix sockets, as ``relay.py`` does for one task. Without a command it only sees to it that there is a holder: so
the supervisor calls it first, and the holder is outside the task's control groups. In the folder, each a file that is
locked (flock):

* ``tasks``: shared by the supervisor of every task, for its whole life (see ``supervision.py``); the holder ends when
  it gets it for itself.
* ``holder``: by the holder, whose process id it contains.
* ``door``: while somebody looks for the holder and makes one if there is none.

An ordinary user's network lies in a user namespace; where those are refused to all but bubblewrap it ends with exit
code 1. Standard library only.
"""

# ruff: noqa: PTH103, PTH116, PTH123, PTH208
# (pathlib is left out: this starts with every task, and its import takes milliseconds)
from __future__ import annotations

import contextlib
import ctypes
import fcntl
import os
import signal
import socket
import struct
import sys
import threading
from collections.abc import Sequence

TASKS = "tasks"

_CLONE_NEWUSER, _CLONE_NEWNET = 0x10000000, 0x40000000  # <linux/sched.h>
_SIOCGIFFLAGS, _SIOCSIFFLAGS, _IFF_UP = 0x8913, 0x8914, 1  # <linux/sockios.h>, <linux/if.h>

_LIBC = ctypes.CDLL(None, use_errno=True)


def main(arguments: Sequence[str]) -> None:
    split = arguments.index("--")
    folder, doors, command = arguments[0], arguments[1:split], [*arguments[split + 1 :]]
    os.makedirs(folder, exist_ok=True)
    holder = _find(folder, doors)
    if not command:
        return
    _enter([f"/proc/{holder}/ns/{kind}" for kind in ("user", "net")])
    for number in (signal.SIGPIPE, signal.SIGXFSZ):  # Python ignores them, and what follows shall not
        signal.signal(number, signal.SIG_DFL)
    os.execvp(command[0], command)  # noqa: S606 - no shell is wanted


def _find(folder: str, doors: Sequence[str]) -> int:
    """The process id of the holder, which is made if there is none."""
    door = _open(f"{folder}/door")
    fcntl.flock(door, fcntl.LOCK_EX)
    holder = _open(f"{folder}/holder")
    try:
        fcntl.flock(holder, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        found = os.pread(holder, 32, 0)
    else:
        found = _make(folder, holder, doors)
    os.close(holder)
    os.close(door)
    return int(found)


def _make(folder: str, lock: int, doors: Sequence[str]) -> bytes:
    """Leave the holder behind; its process id, once its network is there."""
    reader, writer = os.pipe()
    if os.fork() == 0:
        if os.fork() == 0:
            _hold(f"{folder}/{TASKS}", lock, writer, doors)
        os._exit(0)
    os.wait()
    os.close(writer)
    found = os.read(reader, 32)
    if not found.strip().isdigit():
        raise OSError(found.decode() or "the network that the hosts share could not be made")
    return found


def _hold(tasks: str, lock: int, writer: int, doors: Sequence[str]) -> None:
    """In the holder: never returns."""
    try:
        os.setsid()  # a signal for a task's group is none for this
        _close_all_but(lock, writer)
        _unshare()
        for each in (door.split("=", 1) for door in doors):
            _lead(int(each[0]), each[1])
        found = str(os.getpid()).encode()
        os.ftruncate(lock, 0)
        os.pwrite(lock, found, 0)
        os.write(writer, found)
        os.close(writer)
        fcntl.flock(_open(tasks), fcntl.LOCK_EX)  # when the last task has gone
        os.close(lock)  # before the other: who comes now makes a holder of its own
    except OSError as problem:
        with contextlib.suppress(OSError):
            os.write(writer, str(problem).encode()[:200])
    finally:
        os._exit(0)


def _unshare() -> None:
    """A network of our own, its loopback up; in a user namespace where we are not allowed one otherwise."""
    if os.getuid() != 0 or _LIBC.unshare(_CLONE_NEWNET):
        uid, gid = os.getuid(), os.getgid()
        _call("unshare", _CLONE_NEWUSER | _CLONE_NEWNET)
        for name, text in (("setgroups", "deny"), ("uid_map", f"{uid} {uid} 1"), ("gid_map", f"{gid} {gid} 1")):
            with open(f"/proc/self/{name}", "w", encoding="ascii") as file:
                file.write(text)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as loopback:
        request = struct.pack("16sH14x", b"lo", 0)
        flags = struct.unpack("16sH14x", fcntl.ioctl(loopback, _SIOCGIFFLAGS, request))[1]
        fcntl.ioctl(loopback, _SIOCSIFFLAGS, struct.pack("16sH14x", b"lo", flags | _IFF_UP))


def _enter(namespaces: Sequence[str]) -> None:
    # Not its own user namespace, if that is what the holder is in: that is an error.
    own = {os.stat(f"/proc/self/ns/{kind}").st_ino for kind in ("user", "net")}
    opened = [os.open(path, os.O_RDONLY | os.O_CLOEXEC) for path in namespaces if os.stat(path).st_ino not in own]
    for fd in opened:
        _call("setns", fd, 0)
        os.close(fd)


def _lead(port: int, path: str) -> None:
    sys.path.insert(0, os.path.abspath(f"{__file__}/../../.."))  # noqa: PTH100
    from clary.engines import relay  # noqa: PLC0415 - only where there are doors

    listener = relay.listen(port)
    threading.Thread(target=relay.accept, args=(listener, path), daemon=True).start()


def _close_all_but(*kept: int) -> None:
    null = os.open(os.devnull, os.O_RDWR)
    for number in (0, 1, 2):
        os.dup2(null, number)
    for name in os.listdir("/proc/self/fd"):
        if int(name) > 2 and int(name) not in kept:
            with contextlib.suppress(OSError):
                os.close(int(name))


def _open(path: str) -> int:
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)


def _call(function: str, *arguments: int) -> None:
    if getattr(_LIBC, function)(*arguments):
        number = ctypes.get_errno()
        raise OSError(number, f"{function}: {os.strerror(number)}")


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except OSError as error:
        sys.exit(f"clary: cannot join the network that the hosts of the job share: {error}")
