"""Who writes: one process of a job, or each under its rank, and with which number it begins.

A process takes the folder by a file ``claim.smd`` with its number; one that finds it taken by another that lives writes nothing.
"""

from __future__ import annotations

import json
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from clary.formats.tensors import layout
from clary.runtime import contract

_CLAIM = "claim.smd"
_STATE = "metadata.json"


@dataclass(frozen=True)
class Worker:
    """``rank`` of ``count``; ``writes``: whether it saves anything."""

    rank: int
    count: int
    writes: bool

    @property
    def name(self) -> str:
        """As files have it."""
        return f"worker_{self.rank}"


def of_job(rank: int | None, count: int | None, *, all_workers: bool) -> Worker:
    """``rank``, ``count``: what the library knows; None where the training is not distributed: then hosts count."""
    if rank is None or count is None:
        hosts = contract.read_config("resourceconfig.json")
        names = hosts.get("hosts", ["algo-1"])
        rank, count = names.index(hosts.get("current_host", names[0])), len(names)
    return Worker(rank, count if all_workers else 1, all_workers or rank == 0)


def claim(folder: Path) -> bool:
    """Whether this process may write there."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / _CLAIM
    while True:
        try:
            with path.open("x") as file:
                file.write(str(os.getpid()))
            return True
        except FileExistsError:
            if _holder(path) not in {None, os.getpid()}:
                return False
            if _holder(path) == os.getpid():
                return True
            path.unlink(missing_ok=True)


def has_smdebug() -> bool:
    """Whether this process has imported the real smdebug, not the small one of ``compatible``."""
    found = getattr(sys.modules.get("smdebug"), "__file__", None)
    return found is not None and not Path(found).is_relative_to(Path(__file__).parent)


def release(folder: Path) -> None:
    """Give up this process's claim."""
    if _holder(folder / _CLAIM) == os.getpid():
        (folder / _CLAIM).unlink(missing_ok=True)


def _holder(path: Path) -> int | None:
    """The process that holds a claim, if it lives."""
    try:
        process = int(path.read_text())
        os.kill(process, 0)
    except (OSError, ValueError):
        return None
    return process


def last_step(folder: Path, worker: str) -> tuple[int, dict[layout.Mode, int]]:
    """The last global step, and those of the modes, that this worker saved there before; -1 if none."""
    steps, modes = -1, {}
    for path in sorted((folder / layout.INDEX).glob(f"*/*_{worker}.json")):
        found = layout.step_and_worker(path.name)
        if found is None:
            continue
        meta = json.loads(path.read_text())["meta"]
        steps, modes[layout.Mode[meta["mode"]]] = max(steps, found[0]), int(meta["mode_step"])
    return steps, modes


def saved_state(checkpoints: Path | None) -> tuple[int, dict[layout.Mode, int]]:
    """As ``last_step``, from beside the checkpoints: what an attempt before this one wrote there."""
    if checkpoints is None or not (checkpoints / _STATE).is_file():
        return -1, {}
    states: list[dict[str, Any]] = json.loads((checkpoints / _STATE).read_text())
    last = max(states, key=lambda state: int(state["latest_global_step_seen"]))
    modes = {layout.Mode[name]: int(step) for name, step in last["latest_mode_step"].items()}
    return int(last["latest_global_step_seen"]), modes


def save_state(checkpoints: Path | None, step: int, saved: int, modes: dict[layout.Mode, int]) -> None:
    """Beside the checkpoints, if there are any: so that a job that begins again goes on counting."""
    if (
        checkpoints is None
        or not checkpoints.is_dir()
        or not any(path.name != _STATE for path in checkpoints.iterdir())
    ):
        return
    state = {
        "training_run": 0,
        "latest_global_step_saved": saved,
        "latest_global_step_seen": step,
        "latest_mode_step": {mode.name: own for mode, own in modes.items()},
    }
    aside = checkpoints / f".{_STATE}.new"
    aside.write_text(json.dumps([state]))
    aside.rename(checkpoints / _STATE)
