"""Finding the server of a data folder: whether one runs, and where it answers."""

from __future__ import annotations

import fcntl
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import click


@dataclass(frozen=True)
class Server:
    """``url`` of the API for clients, ``local`` on this machine, ``tunnel`` the port of its proxy, ``pid`` its process.

    ``settings``: those in force that commands tell about.
    """

    url: str
    local: str
    tunnel: int
    pid: int
    settings: Mapping[str, str]


def running(data: Path) -> Server | None:
    """The server that holds the folder's lock, once it serves; a lock, not a pid, says that it lives."""
    if not is_locked(data):
        return None
    try:
        found = json.loads((data / "server.json").read_text())
        return Server(found["url"], found["local"], found["tunnel"], found["pid"], found["settings"])
    except (OSError, ValueError, KeyError):
        return None  # it is starting


def is_locked(data: Path) -> bool:
    try:
        file = (data / "lock").open("rb")
    except OSError:
        return False
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except OSError:
            return True
    return False


def require(data: Path) -> Server:
    """The running server; a message that says how to start one if there is none."""
    server = running(data)
    if server is None:
        given = "" if data == Path("~/.clary").expanduser() else f" --data {data}"
        raise click.ClickException(f"No server runs on {data}. Start one: clary up --detach{given}")
    return server
