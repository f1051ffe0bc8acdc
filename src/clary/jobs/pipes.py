"""Channels in Pipe mode: what the feeder beside the task needs, laid ready before the task starts.

Each object is linked (an encrypted one decrypted) into a folder beside ``/opt/ml``, where the task cannot see it: so the
feeder needs no right of the role and no server, and an object that is deleted meanwhile is still there for the next epoch.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from clary.engines.durable import replace
from clary.guarded_buckets import GuardedBuckets
from clary.jobs import folders
from clary.jobs.dealing import Share
from clary.jobs.sources import CannotStage, Item, Line

_FEEDER = Path(__file__).with_name("feeder.py")
_DATA = "input/data"


@dataclass(frozen=True)
class Pipe:
    """A channel. ``share`` and ``seed`` as ``dealing.deal`` takes them, epoch by epoch.

    ``gzip``: objects are decompressed. ``wrap``: each part becomes a RecordIO record.
    """

    name: str
    lines: Sequence[Line]
    share: Share
    seed: int | None
    gzip: bool
    wrap: bool


def lay(buckets: GuardedBuckets, pipes: Sequence[Pipe], ml: Path) -> list[str]:
    """Make the first FIFOs and the feeder's plan; returns the command of the feeder."""
    data, beside = ml / _DATA, _beside(ml)
    data.mkdir(parents=True, exist_ok=True)
    shutil.rmtree(beside, ignore_errors=True)  # what a start before a crash left
    beside.mkdir(parents=True)
    channels = []
    for number, pipe in enumerate(pipes):
        with contextlib.suppress(FileExistsError):
            os.mkfifo(data / f"{pipe.name}_0", 0o600)
        (beside / str(number)).mkdir()
        items = _linked(buckets, pipe.lines, beside / str(number))
        channels.append(
            {
                "name": pipe.name,
                "items": items,
                "share": pipe.share,
                "seed": pipe.seed,
                "gzip": pipe.gzip,
                "wrap": pipe.wrap,
            }
        )
    plan = {"folder": str(data), "problem": str(beside / "problem"), "channels": channels}
    replace(str(beside / "plan.json"), json.dumps(plan))
    return [sys.executable, "-I", "-S", str(_FEEDER), str(beside / "plan.json")]


def problem(ml: Path) -> str:
    """Why the task's feeder gave up, as a FailureReason; "" if it did not."""
    try:
        return (_beside(ml) / "problem").read_text()
    except FileNotFoundError:
        return ""


def _beside(ml: Path) -> Path:
    return ml.parent / folders.BESIDE / "pipes"


def _linked(buckets: GuardedBuckets, lines: Sequence[Line], folder: Path) -> list[list[dict[str, str]]]:
    """The feeder's items; an object that is named more than once is linked once."""
    files: dict[str, str] = {}
    items = []
    for line in lines:
        parts = []
        for part in line:
            if isinstance(part, Item):
                parts.append({"file": _link(buckets, part, folder, files), "uri": part.uri})
            else:
                parts.append({"text": part})
        items.append(parts)
    return items


def _link(buckets: GuardedBuckets, item: Item, folder: Path, files: dict[str, str]) -> str:
    path = files.get(item.entry.blob)
    if path is None:
        path = files[item.entry.blob] = f"{folder}/{len(files)}"
        try:
            folders.link(buckets, item, path)
        except OSError as error:
            raise CannotStage(f"{item.uri} cannot be read: {error.strerror or error}") from error
    return path
