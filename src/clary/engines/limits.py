"""Memory limits by control groups: found out by making one, for only what the kernel keeps is a limit.

Version 1 (``memory.limit_in_bytes``) and version 2 (``memory.max``), where this user may make groups: as root, or
below a group that was delegated and holds no process. https://docs.kernel.org/admin-guide/cgroup-v2.html
"""

from __future__ import annotations

import hashlib
import os
from functools import lru_cache
from pathlib import Path
from typing import Any

_V1, _V2 = Path("/sys/fs/cgroup/memory"), Path("/sys/fs/cgroup")


@lru_cache
def works() -> bool:
    """Whether a memory limit holds here."""
    return _base() is not None


def memory(directory: Path, limit: int) -> dict[str, Any] | None:
    """What the supervisor needs to keep a task below ``limit`` bytes; None if it cannot."""
    base = _base() if limit else None
    if base is None:
        return None
    name = f"{directory.name}-{hashlib.sha256(os.fsencode(directory)).hexdigest()[:8]}"
    return {"folder": str(base / name), "files": _files(base, limit)}


def _files(base: Path, limit: int) -> list[tuple[str, str, bool]]:
    """(file, value, whether it must hold); swap is not counted on every machine."""
    if (base / "memory.limit_in_bytes").exists():
        return [
            ("memory.limit_in_bytes", str(limit), True),
            ("memory.memsw.limit_in_bytes", str(limit), False),
        ]
    return [("memory.max", str(limit), True), ("memory.swap.max", "0", False)]


@lru_cache
def _base() -> Path | None:
    """A control group of ours that holds groups with a memory limit."""
    for parent in _candidates():
        base = parent / "clary"
        probe = base / f"probe-{os.getpid()}"
        try:
            base.mkdir(exist_ok=True)
            if (base / "cgroup.subtree_control").exists():
                for group in (parent, base):
                    (group / "cgroup.subtree_control").write_text("+memory")
            probe.mkdir(exist_ok=True)
            for name, value, needed in _files(base, 1 << 30):
                if needed:
                    (probe / name).write_text(value)
        except OSError:
            continue
        finally:
            if probe.is_dir():
                probe.rmdir()
        return base
    return None


def _candidates() -> list[Path]:
    if (_V1 / "memory.limit_in_bytes").exists():
        return [_V1 / _own("memory"), _V1]
    return [_V2 / _own(""), _V2]


def _own(controller: str) -> str:
    """This process's control group, relative to the root of its hierarchy."""
    try:
        lines = Path("/proc/self/cgroup").read_text().splitlines()
    except OSError:
        return ""
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if controller in controllers.split(","):
            return path.lstrip("/")
    return ""
