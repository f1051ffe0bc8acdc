"""What a rule's job leaves of its evaluation: ``evaluation.json`` in its output, written again while it looks.

``{"rule", "configuration", "training_job", "status": InProgress | NoIssuesFound | IssuesFound, "step": the last one
that it looked at, "looked": how many values, "finding": {"text", "tensor", "value"} | null, "series": {tensor: [[step,
number], ...]}, "losses": likewise, "actions": [{"name", "target", "done", "text"}, ...], "stopped": [names of training
jobs]}``. Numbers that are not finite are texts: "nan", "inf", "-inf".
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from clary.images.debugger_rules.done import Done
from clary.images.debugger_rules.rule import Finding
from clary.images.debugger_rules.series import Series

NAME = "evaluation.json"
_PERIOD = 5.0  # seconds between two writings while it looks
_SERIES = 12  # tensors whose numbers are written, the one that fired among them


class Evaluation:
    """``losses``: of the training job, to be filled while the rule looks at it."""

    def __init__(self, folder: Path, rule: str, configuration: str, training_job: str) -> None:
        self._file = folder / NAME
        self.losses: Mapping[str, Series] = {}
        self._told = {"rule": rule, "configuration": configuration, "training_job": training_job}
        self._written = 0.0

    def look(self, step: int, looked: int, series: Mapping[str, Series]) -> None:
        """Write how far it is, now and then."""
        if time.monotonic() - self._written >= _PERIOD:
            self.write("InProgress", step, looked, series)

    def write(
        self,
        status: str,
        step: int,
        looked: int,
        series: Mapping[str, Series],
        finding: Finding | None = None,
        done: list[Done] | None = None,
    ) -> None:
        first = finding.tensor if finding else ""
        names = sorted(series, key=lambda name: (name != first, name))[:_SERIES]
        text = json.dumps(
            {
                **self._told,
                "status": status,
                "step": step,
                "looked": looked,
                "finding": None
                if finding is None
                else {"text": finding.text, "tensor": finding.tensor, "value": _plain(finding.value)},
                "series": {name: _points(series[name]) for name in names},
                "losses": {name: _points(each) for name, each in self.losses.items()},
                "actions": [vars(each) for each in done or ()],
                "stopped": [each.stopped for each in done or () if each.stopped],
            }
        )
        self._file.parent.mkdir(parents=True, exist_ok=True)
        aside = self._file.with_name(f".{NAME}")
        aside.write_text(text)
        aside.replace(self._file)
        self._written = time.monotonic()


def _points(series: Series) -> list[list[Any]]:
    return [[step, _plain(number)] for step, number in series.points]


def _plain(number: float | None) -> float | str | None:
    return number if number is None or math.isfinite(number) else str(number)
