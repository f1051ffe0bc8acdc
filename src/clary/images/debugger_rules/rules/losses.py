"""Rules for how the loss goes.

A loss is the mean of a tensor of the collection losses. A job of XGBoost tells no modes: there what its metrics are called
(``train-rmse``, ``validation-rmse``) says which of them are the validation's.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from clary.images.debugger_rules.modes import ModeKeys
from clary.images.debugger_rules.rules.built_in import BuiltInRule

_OF_TRAINING = re.compile(r"train[-_:]")
_OF_VALIDATION = re.compile(r"(validation|valid|eval|test)[-_:]")


class LossNotDecreasing(BuiltInRule):
    """A loss fell by less than ``diff_percent`` since a step at least ``num_steps`` before, or rose by more than
    ``increase_threshold_percent``; looked at every ``num_steps`` steps of its mode."""

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self._past: dict[tuple[ModeKeys, str], list[tuple[int, float]]] = {}
        self._looked: dict[tuple[ModeKeys, str], int] = {}

    def invoke_at_step(self, step: int) -> bool:
        mode, mode_step = self.base_trial.mode_modestep(step)
        names = self._names(step)
        wanted = self._mode(names)
        if mode is None or mode_step is None or wanted not in {mode, ModeKeys.GLOBAL}:
            return False
        at = step if wanted == ModeKeys.GLOBAL else mode_step
        return any(self._stands(wanted, name, at, step, loss) for name, loss in self.losses(step, names).items())

    def _stands(self, mode: ModeKeys, name: str, at: int, step: int, loss: float) -> bool:
        self.note(name, step, loss)
        past = self._past.setdefault((mode, name), [])
        past.append((at, loss))
        since = self._looked.setdefault((mode, name), at)
        if at - since < self.given["num_steps"]:
            return False
        self._looked[mode, name] = at
        before = [each for each in past if each[0] <= at - self.given["num_steps"]]
        then, was = before[-1]
        del past[: len(before) - 1]
        fell = 100 * (was - loss) / max(abs(was), np.finfo(float).tiny)
        if fell >= self.given["diff_percent"] or -self.given["increase_threshold_percent"] <= fell < 0:
            return False
        how = f"rose by {-fell:.4g} %" if fell < 0 else f"fell by {fell:.4g} %"
        text = f"{name} {how} from {was:.6g} at step {then} to {loss:.6g} at step {at}"
        return self.met(text if np.isfinite(fell) else f"{name} is {loss:g}; it was {was:g} at step {then}", name, loss)

    def _names(self, step: int) -> list[str]:
        given = self.given
        named = self.chosen(step) if given["collection_names"] or given["tensor_regex"] else []
        own = self.base_trial.tensor_names(step=step, collection="losses") if given["use_losses_collection"] else []
        return sorted({*named, *own})

    def _mode(self, names: Sequence[str]) -> ModeKeys:
        """The one that is asked for, else the first in which a loss was saved of EVAL and TRAIN, else GLOBAL."""
        if self.given["mode"]:
            return ModeKeys[self.given["mode"]]
        present = set(self.base_trial.modes())
        for mode in (ModeKeys.EVAL, ModeKeys.TRAIN):
            if mode in present and any(self.base_trial.tensor(name).steps(mode) for name in names):
                return mode
        return ModeKeys.GLOBAL


class Overfit(BuiltInRule):
    """The validation's loss is above the training's by more than ``ratio_threshold`` of that, at ``patience`` steps in a row.

    The training's loss is the mean of the steps since the validation before.
    """

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self._train: list[float] = []
        self._over, self._stale = 0, False

    def invoke_at_step(self, step: int) -> bool:
        if step < self.given["start_step"]:
            return False
        names = self.matching(step, self.given["tensor_regex"]) if self.given["tensor_regex"] else None
        found = self.losses(step, names)
        train, validation = _split(found, self.base_trial.mode(step))
        if train:
            if self._stale:
                self._train, self._stale = [], False
            self._train.append(float(np.mean(list(train.values()))))
        if not validation or not self._train:
            return False
        self._stale = True
        name, loss = next(iter(validation)), float(np.mean(list(validation.values())))
        trained = float(np.mean(self._train))
        ratio = self.note(name, step, (loss - trained) / max(abs(trained), np.finfo(float).tiny))
        self._over = self._over + 1 if ratio > self.given["ratio_threshold"] else 0
        if self._over < max(1, self.given["patience"]):
            return False
        text = f"the validation's loss {loss:.6g} is above the training's {trained:.6g} by {ratio:.4g} of that"
        return self.met(f"{text}, more than {self.given['ratio_threshold']:g}", name, ratio)


class Overtraining(BuiltInRule):
    """The training's loss has not fallen by ``delta`` for ``patience_train`` steps, or the validation's for
    ``patience_validation``."""

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self._best: dict[str, float] = {}
        self._since: dict[str, int] = {}

    def invoke_at_step(self, step: int) -> bool:
        train, validation = _split(self.losses(step), self.base_trial.mode(step))
        return self._stands("train", train, step) or self._stands("validation", validation, step)

    def _stands(self, what: str, losses: Mapping[str, float], step: int) -> bool:
        if not losses:
            return False
        name = next(iter(losses))
        loss = self.note(f"{name} ({what})", step, float(np.mean(list(losses.values()))))
        if loss <= self._best.get(what, float("inf")) - self.given["delta"]:
            self._best[what], self._since[what] = loss, 0
            return False
        self._since[what] = self._since.get(what, 0) + 1
        if self._since[what] < self.given[f"patience_{what}"]:
            return False
        best = self._best.get(what, float("nan"))
        text = f"the loss of {what} has not fallen by {self.given['delta']:g} for {self._since[what]} saved steps"
        return self.met(f"{text}: {loss:.6g}, at best {best:.6g}", name, loss)


def _split(losses: Mapping[str, float], mode: ModeKeys | None) -> tuple[dict[str, float], dict[str, float]]:
    """Those of the training and those of the validation, by the step's mode, or else by their names."""
    if mode == ModeKeys.TRAIN:
        return dict(losses), {}
    if mode == ModeKeys.EVAL:
        return {}, dict(losses)
    if mode == ModeKeys.PREDICT:
        return {}, {}
    train = {name: value for name, value in losses.items() if _OF_TRAINING.match(name)}
    return train, {name: value for name, value in losses.items() if _OF_VALIDATION.match(name)}
