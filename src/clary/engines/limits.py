"""Limits of memory and CPUs by control groups: found out by making one, for only what the kernel keeps is a limit.

Version 1 (``memory.limit_in_bytes``, ``cpu.cfs_quota_us``, each in a hierarchy of its own) and version 2
(``memory.max``, ``cpu.max``), where this user may make groups: as root, or below a group that was delegated and holds
no process. https://docs.kernel.org/admin-guide/cgroup-v2.html
"""

from __future__ import annotations

import hashlib
import os
from functools import lru_cache
from pathlib import Path
from typing import Any

_ROOT = Path("/sys/fs/cgroup")
_PERIOD = 100_000  # microseconds in which a CPU's share is counted

Files = list[tuple[str, str, bool]]
"""(file, value, whether it must hold)."""


@lru_cache
def works() -> bool:
    """Whether a memory limit holds here."""
    return _base("memory") is not None


def groups(directory: Path, memory_bytes: int, cpus: int) -> list[dict[str, Any]]:
    """The control groups that a supervisor makes to keep a task's limits, as far as it can; 0 is no limit."""
    wanted = {"memory": memory_bytes, "cpu": cpus if cpus < (os.cpu_count() or 1) else 0}
    name = f"{directory.name}-{hashlib.sha256(os.fsencode(directory)).hexdigest()[:8]}"
    found: dict[Path, Files] = {}
    for controller, limit in wanted.items():
        base = _base(controller) if limit else None
        if base is not None:
            found.setdefault(base / name, []).extend(_files(base, controller, limit))
    return [{"folder": str(folder), "files": files} for folder, files in found.items()]


def _files(base: Path, controller: str, limit: int) -> Files:
    """Swap is not counted on every machine."""
    old = not (base / "cgroup.subtree_control").exists()
    if controller == "cpu":
        if old:
            return [("cpu.cfs_period_us", str(_PERIOD), True), ("cpu.cfs_quota_us", str(limit * _PERIOD), True)]
        return [("cpu.max", f"{limit * _PERIOD} {_PERIOD}", True)]
    if old:
        return [("memory.limit_in_bytes", str(limit), True), ("memory.memsw.limit_in_bytes", str(limit), False)]
    return [("memory.max", str(limit), True), ("memory.swap.max", "0", False)]


@lru_cache
def _base(controller: str) -> Path | None:
    """A control group of ours that holds groups with a limit of this kind."""
    for parent in _candidates(controller):
        base = parent / "clary"
        probe = base / f"probe-{os.getpid()}"
        try:
            base.mkdir(exist_ok=True)
            if (base / "cgroup.subtree_control").exists():
                for group in (parent, base):
                    (group / "cgroup.subtree_control").write_text(f"+{controller}")
            probe.mkdir(exist_ok=True)
            for name, value, needed in _files(base, controller, 1 << 30 if controller == "memory" else 1):
                if needed:
                    (probe / name).write_text(value)
        except OSError:
            continue
        finally:
            if probe.is_dir():
                probe.rmdir()
        return base
    return None


def _candidates(controller: str) -> list[Path]:
    if (_ROOT / controller / "cgroup.procs").exists():
        return [_ROOT / controller / _own(controller), _ROOT / controller]
    return [_ROOT / _own(""), _ROOT]


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
