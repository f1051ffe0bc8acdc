"""How the task speaks to the reconciler: by files, each whole when it is there.

``candidates.jsonl`` grows by a line for each candidate; ``progress.json`` is replaced; below ``artifacts`` lie reports,
which ``progress.json`` names once they are written.
"""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

from clary.runtime import contract

FOLDER = contract.OUTPUT / "autopilot"
ARTIFACTS = FOLDER / "artifacts"


class ClientError(Exception):
    """The mistake is in what was asked or given; the text becomes the job's FailureReason."""


class Messages:
    def __init__(self) -> None:
        self._progress: dict[str, Any] = {"artifacts": []}
        ARTIFACTS.mkdir(parents=True, exist_ok=True)
        (FOLDER / "candidates.jsonl").unlink(missing_ok=True)

    def progress(self, **members: Any) -> None:
        """Say where the job stands: ``status`` is an AutoMLJobSecondaryStatus."""
        self._progress |= members
        aside = FOLDER / "progress.json.new"
        aside.write_text(json.dumps({**self._progress, "at": time.time()}))
        aside.replace(FOLDER / "progress.json")

    def candidate(self, line: dict[str, Any]) -> None:
        with (FOLDER / "candidates.jsonl").open("a") as file:
            file.write(json.dumps(line) + "\n")
            file.flush()
            os.fsync(file.fileno())

    def artifact(self, path: str, content: str | bytes) -> Path:
        """Write a report, and say that it is there."""
        target = ARTIFACTS / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content.encode() if isinstance(content, str) else content)
        self.progress(artifacts=[*self._progress["artifacts"], path])
        return target
