"""Numbers over steps, kept so that a report can show all of a training, however long."""

from __future__ import annotations

from clary.images.debugger_rules.modes import ModeKeys
from clary.images.debugger_rules.trial import Trial

_MOST = 600  # points; when there are more, every other one goes


class Series:
    """``points``: (step, number), rising; thinned out evenly as they become many."""

    def __init__(self) -> None:
        self.points: list[tuple[int, float]] = []
        self._every, self._skipped = 1, 0

    def add(self, step: int, number: float) -> None:
        """``step``: the global one."""
        self._skipped += 1
        if self._skipped < self._every:
            return
        self._skipped = 0
        self.points.append((step, number))
        if len(self.points) > _MOST:
            self.points = self.points[::2]
            self._every *= 2


class Losses:
    """The losses of a job, by tensor and mode: what a report shows beside what a rule has found."""

    def __init__(self, trial: Trial) -> None:
        self._trial = trial
        self.series: dict[str, Series] = {}

    def look(self, step: int) -> None:
        """Take in the losses of a step, each by its mean."""
        mode = self._trial.mode(step)
        for name in self._trial.tensor_names(step=step, collection="losses"):
            value = self._trial.tensor(name).reduction_value(step, "mean")
            said = f"{name} ({mode.name})" if mode and mode != ModeKeys.GLOBAL else name
            self.series.setdefault(said, Series()).add(step, float(value))
