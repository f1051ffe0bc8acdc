"""What is remembered beside a working copy's files: a small JSON object in a file, whole or not there."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from clary.engines import durable


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """One at a time may change what is in this folder: a page may be open twice, and a command runs beside it."""
    held = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield
    finally:
        os.close(held)


def read(path: Path) -> dict[str, Any]:
    """Empty where nothing was written yet."""
    try:
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    return found


def write(path: Path, told: dict[str, Any]) -> None:
    """Whoever reads meanwhile finds what was there before. For one at a time."""
    durable.replace(str(path), json.dumps(told, indent=1) + "\n")
