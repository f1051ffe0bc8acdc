"""What the built-in rules share: their parameters, which tensors they look at, and what they saw of them."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from clary.images.debugger_rules.exceptions import StepUnavailable, TensorUnavailableForStep
from clary.images.debugger_rules.modes import ModeKeys
from clary.images.debugger_rules.rule import Rule
from clary.images.debugger_rules.series import Series
from clary.images.debugger_rules.trial import Array, Tensor, Trial

log = logging.getLogger("smdebug")

_TRAINING = frozenset({ModeKeys.TRAIN, ModeKeys.GLOBAL})


class BuiltInRule(Rule):
    """``given``: its parameters by name, as ``table.read`` gives them. ``output``: the folder for what it leaves."""

    def __init__(
        self,
        base_trial: Trial,
        given: Mapping[str, Any],
        other_trials: Sequence[Trial] = (),
        output: Path | None = None,
    ) -> None:
        super().__init__(base_trial, other_trials=other_trials)
        self.given, self.output = given, output
        self.looked = 0
        """How many values it has looked at."""
        self.series: dict[str, Series] = {}
        """By tensor: the steps and the numbers that it judged by."""

    def note(self, tensor: str, step: int, value: float) -> float:
        """Remember what a tensor is judged by at a step; returns it."""
        self.looked += 1
        number = float(value)
        self.series.setdefault(tensor, Series()).add(step, number)
        return number

    def chosen(self, step: int) -> list[str]:
        """The tensors of a step that collection_names or tensor_regex name; all of them where neither is given."""
        collections, pattern = self.given.get("collection_names"), self.given.get("tensor_regex")
        if not collections and not pattern:
            return self.base_trial.tensor_names(step=step)
        found = set()
        for collection in collections or ():
            found |= set(self.base_trial.tensor_names(step=step, collection=collection))
        if pattern:
            found |= set(self.matching(step, pattern))
        return sorted(found)

    def matching(self, step: int, pattern: str) -> list[str]:
        return self.base_trial.tensor_names(step=step, regex=pattern)

    def values(self, step: int, names: Sequence[str]) -> Iterator[tuple[str, Array]]:
        """Of those that hold numbers and were saved whole at a global step."""
        for name in names:
            try:
                value = self.base_trial.tensor(name).value(step)
            except (TensorUnavailableForStep, StepUnavailable):
                continue
            if value.dtype.kind in "biufc" and value.size:
                yield name, value

    def reduced(self, step: int, names: Sequence[str], operation: str, *, of_absolute: bool = False) -> Iterator[Any]:
        """(name, number) of tensors reduced: as that was saved, or of their values."""
        for name in names:
            try:
                yield name, float(self.base_trial.tensor(name).reduction_value(step, operation, abs=of_absolute))
            except (TensorUnavailableForStep, StepUnavailable, TypeError, ValueError):
                continue

    def is_training(self, step: int) -> bool:
        """Whether it is a step in which weights change: one of TRAIN, or of a job that tells no modes."""
        return self.base_trial.mode(step) in _TRAINING

    def earlier(self, tensor: Tensor, step: int, most: int) -> list[int]:
        """The global steps of a tensor before a step, of that step's mode, rising: ``most`` at most."""
        mode, own = self.base_trial.mode_modestep(step)
        if mode is None or own is None:
            return []
        before = tensor.prev_steps(own, most + 1, mode)
        found = (self.base_trial.global_step(mode, each) for each in before if each < own)
        return [each for each in found if each is not None][-most:]

    def losses(self, step: int, names: Sequence[str] | None = None) -> dict[str, float]:
        """The mean of each loss of a step, by tensor."""
        wanted = self.base_trial.tensor_names(step=step, collection="losses") if names is None else names
        return {name: float(np.mean(value)) for name, value in self.values(step, wanted)}
