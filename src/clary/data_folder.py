"""The data folder: who holds it, which ports it remembers, where its server answers.

A lock that the server holds for its whole life, not a pid file, says who runs.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import socket
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import IO

DOORS = "doors"
"""The folder of the Unix sockets by which tasks without a network reach the server."""

# File systems on which SQLite's locks and renames do not hold between machines.
_NETWORK = frozenset(
    {"nfs", "nfs4", "cifs", "smb3", "smbfs", "afpfs", "9p", "fuse.sshfs", "glusterfs", "lustre", "webdav"}
)
_ROOM = 50_000_000  # bytes that must be free


class FolderProblem(Exception):
    """The folder cannot be used; the message says why and the way out."""


class DataFolder:
    """Made (mode 0700) if it is not there; ``FolderProblem`` if it lies on a network or belongs to somebody else."""

    def __init__(self, path: Path) -> None:
        self.path = path
        kind = file_system(path)
        if kind in _NETWORK:
            raise FolderProblem(
                f"{path} lies on a network file system ({kind}), where a power cut or a second machine can lose "
                "records. Choose a local folder: clary up --data /var/tmp/clary"
            )
        try:
            path.mkdir(parents=True, exist_ok=True, mode=0o700)
            path.chmod(0o700)
        except OSError as error:
            raise FolderProblem(
                f"{path} cannot be used as a data folder: {error.strerror}. Choose another: --data DIR"
            ) from None
        self._lock: IO[bytes] | None = None

    def lock(self) -> bool:
        """Take the folder until this process ends; False if another server has it. ``FolderProblem`` if it is broken."""
        try:
            file = (self.path / "lock").open("ab")
        except OSError as error:
            raise FolderProblem(
                f"{self.path} cannot be written: {error.strerror}. Make it writable, or choose another: --data DIR"
            ) from None
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            file.close()
            return False
        os.set_inheritable(file.fileno(), False)
        self._lock = file
        self._check()
        self.retract()
        return True

    def unlock(self) -> None:
        """Let another server have the folder; the end of the process does the same."""
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def listen(self, name: str, host: str, port: int) -> socket.socket:
        """A listening socket; port 0 takes the one of last time if it is free, else any."""
        remembered = self._ports()
        wanted = [port] if port else [*([remembered[name]] if name in remembered else []), 0]
        for candidate in wanted:
            # The protocol must be named: a socket of protocol 0 keeps Nagle's algorithm on in asyncio, 40 ms a call.
            family = socket.AF_INET6 if ":" in host else socket.AF_INET
            listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                listener.bind((host, candidate))
            except OSError as error:
                listener.close()
                if candidate == wanted[-1]:
                    raise FolderProblem(
                        f"port {candidate} on {host} cannot be had: {error.strerror}. "
                        "Take another, or any free one: clary up --port 0"
                    ) from None
                continue
            listener.listen(512)
            self._remember(name, listener.getsockname()[1])
            return listener
        raise AssertionError("the last candidate either binds or raises")

    def door(self, name: str) -> socket.socket:
        """A listening Unix socket ``doors/<name>``, for tasks that have no network; only the owner may connect."""
        folder = self.path / DOORS
        folder.mkdir(mode=0o700, exist_ok=True)
        (folder / name).unlink(missing_ok=True)
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        # By a short name: a socket's path has 107 bytes at most, and the data folder may lie deep.
        where = os.open(folder, os.O_RDONLY)
        try:
            listener.bind(f"/proc/self/fd/{where}/{name}" if sys.platform == "linux" else str(folder / name))
        finally:
            os.close(where)
        (folder / name).chmod(0o600)
        listener.listen(512)
        return listener

    def announce(self, url: str, tunnel: int, local: str = "", settings: Mapping[str, str] | None = None) -> None:
        """Say where the server answers; ``local`` where it does on this machine, if that is elsewhere.

        ``settings``: those in force that commands tell about.
        """
        found = {
            "url": url,
            "local": local or url,
            "tunnel": tunnel,
            "pid": os.getpid(),
            "settings": dict(settings or {}),
        }
        self._write("server.json", found)

    def retract(self) -> None:
        (self.path / "server.json").unlink(missing_ok=True)

    def shortage(self) -> str:
        """Says so if the folder's disk has almost no room; empty if it has."""
        free = shutil.disk_usage(self.path).free
        return "" if free >= _ROOM else f"{free / 1e6:.0f} MB are free on the disk of {self.path}"

    def _check(self) -> None:
        """An empty database would be taken for a new one, and all objects for left-overs."""
        database = self.path / "clary.db"
        if (self.path / "objects" / "incoming").is_dir() and not (database.exists() and database.stat().st_size):
            raise FolderProblem(
                f"{database} is gone or empty, but the objects that it names are there. Nothing was changed. Put the "
                f"database back (copies: {self.path / 'backups'}), restore a backup into a new folder (clary restore "
                "FILE --data DIR), or choose another folder: --data DIR"
            )

    def _ports(self) -> dict[str, int]:
        try:
            ports = json.loads((self.path / "ports.json").read_text())
        except (OSError, ValueError):
            return {}
        return {str(name): int(port) for name, port in ports.items()}

    def _remember(self, name: str, port: int) -> None:
        self._write("ports.json", {**self._ports(), name: port})

    def _write(self, name: str, value: object) -> None:
        aside = self.path / f".{name}.new"
        aside.write_text(json.dumps(value))
        aside.replace(self.path / name)


def file_system(path: Path, table: Path = Path("/proc/self/mounts")) -> str:
    """The type of the file system that ``path`` (or its nearest existing parent) lies on; "" if it cannot be told.

    ``table`` lists the mounts, as Linux does.
    """
    if not sys.platform.startswith("linux"):
        return ""
    existing = next(p for p in [path, *path.parents] if p.exists()).resolve()
    best, kind = "", ""
    try:
        mounts = table.read_text().splitlines()
    except OSError:
        return ""
    for line in mounts:
        _, point, found, *_ = line.split(" ")
        point = point.replace("\\040", " ")
        inside = existing == Path(point) or point == "/" or str(existing).startswith(point.rstrip("/") + "/")
        if inside and len(point) >= len(best):
            best, kind = point, found
    return kind
