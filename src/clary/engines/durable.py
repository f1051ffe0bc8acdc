"""Files that are there whole or not at all, also after a power loss or on a full disk."""

# ruff: noqa: PTH104, PTH120, PTH123
# (pathlib is left out: the supervisor starts with every task, and its import takes milliseconds)
from __future__ import annotations

import os

_RESERVED = 4096  # bytes


def replace(path: str, content: str | bytes, mode: int = 0o600) -> None:
    """Write a file so that it is there whole or not at all, also after a power loss. ``mode``: less the umask's."""
    scratch = f"{path}.new"
    fd = os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, mode)
    with open(fd, "wb") as file:
        file.write(content.encode() if isinstance(content, str) else content)
        file.flush()
        os.fsync(fd)
    _publish(scratch, path)


def reserve(path: str) -> None:
    """Take the room now that ``replace_reserved`` will need."""
    fd = os.open(f"{path}.new", os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        os.write(fd, b" " * _RESERVED)
        os.fsync(fd)
    finally:
        os.close(fd)


def replace_reserved(path: str, text: str) -> None:
    """As ``replace``, into the room that ``reserve`` took; the rest of it stays blank."""
    scratch = f"{path}.new"
    fd = os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        os.write(fd, text.encode())
        os.fsync(fd)
    finally:
        os.close(fd)
    _publish(scratch, path)


def _publish(scratch: str, path: str) -> None:
    os.rename(scratch, path)
    folder = os.open(os.path.dirname(path), os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
