"""What an Autopilot job is asked to do, as the server wrote it into the channel ``job``."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from clary.runtime import contract

REGRESSION, BINARY, MULTICLASS = "Regression", "BinaryClassification", "MulticlassClassification"


@dataclass(frozen=True)
class Description:
    """``seconds`` is the budget of the whole job; ``problem`` and ``metric`` are "" where they are to be found out."""

    target: str
    name: str = "autopilot"
    problem: str = ""
    metric: str = ""
    candidates: int = 10
    seconds: float = 3600.0
    seconds_each: float = 0.0
    validation_fraction: float = 0.2
    algorithms: tuple[str, ...] = ()
    features: tuple[str, ...] = ()
    types: dict[str, str] = field(default_factory=dict)
    weight: str = ""


def read() -> Description:
    """The description of this task."""
    text: dict[str, Any] = json.loads((contract.DATA / "job/job.json").read_text())
    for name in ("algorithms", "features"):
        text[name] = tuple(text.get(name, ()))
    return Description(**text)
