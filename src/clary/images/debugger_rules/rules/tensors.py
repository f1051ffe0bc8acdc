"""Rules for tensors of any kind."""

from __future__ import annotations

import numpy as np

from clary.images.debugger_rules.exceptions import (
    NoMoreData,
    StepUnavailable,
    TensorUnavailable,
    TensorUnavailableForStep,
)
from clary.images.debugger_rules.rules.built_in import BuiltInRule
from clary.images.debugger_rules.trial import Array, Trial


class ExplodingTensor(BuiltInRule):
    """A tensor holds a NaN or, unless ``only_nan``, an infinite number; in its reductions, where it was saved so."""

    def invoke_at_step(self, step: int) -> bool:
        for name in self.chosen(step):
            value = self._numbers(name, step)
            if value is None:
                continue
            nan = int(np.isnan(value).sum())
            infinite = 0 if self.given["only_nan"] else int(np.isinf(value).sum())
            self.note(name, step, nan + infinite)
            if nan or infinite:
                kinds = [f"{count} {noun}" for count, noun in ((nan, "NaN"), (infinite, "infinite")) if count]
                return self.met(f"{name} holds {' and '.join(kinds)} of {value.size} numbers", name, nan + infinite)
        return False

    def _numbers(self, name: str, step: int) -> Array | None:
        tensor = self.base_trial.tensor(name)
        try:
            value = tensor.value(step)
        except StepUnavailable:
            return None
        except TensorUnavailableForStep:
            value = np.array([float(each) for each in tensor.reduction_values(step).values()])
        return value if value.dtype.kind in "fc" and value.size else None


class AllZero(BuiltInRule):
    """At least ``threshold`` percent of a tensor are zeros."""

    def invoke_at_step(self, step: int) -> bool:
        for name, value in self.values(step, self.chosen(step)):
            share = self.note(name, step, 100 * float(np.mean(value == 0)))
            if share >= self.given["threshold"]:
                return self.met(f"{share:g} % of {name} are zeros, {self.given['threshold']:g} % or more", name, share)
        return False


class TensorVariance(BuiltInRule):
    """The variance of a tensor is above ``max_threshold`` or below ``min_threshold``."""

    def invoke_at_step(self, step: int) -> bool:
        least, most = self.given["min_threshold"], self.given["max_threshold"]
        for name, found in self.reduced(step, self.chosen(step), "variance"):
            variance = self.note(name, step, found)
            if most is not None and variance > most:
                return self.met(f"the variance of {name} is {variance:.4g}, above {most:g}", name, variance)
            if least is not None and variance < least:
                return self.met(f"the variance of {name} is {variance:.4g}, below {least:g}", name, variance)
        return False


class UnchangedTensor(BuiltInRule):
    """A tensor is close to what it was at each of the last ``num_steps`` steps at which it was saved, this one counted."""

    def invoke_at_step(self, step: int) -> bool:
        count = max(2, self.given["num_steps"])
        close = {name: self.given[name] for name in ("rtol", "atol", "equal_nan")}
        for name, value in self.values(step, self.chosen(step)):
            before = self.earlier(self.base_trial.tensor(name), step, count - 1)
            self.note(name, step, float(np.mean(value)))
            if len(before) < count - 1:
                continue
            past = [each for earlier in before for _, each in self.values(earlier, [name])]
            if all(each.shape == value.shape and np.allclose(value, each, **close) for each in past):
                return self.met(f"{name} has not changed since step {before[0]}, in {count} steps", name)
        return False


class SimilarAcrossRuns(BuiltInRule):
    """A tensor is at a step what it was at that step of another job, which it waits for if that still runs."""

    def invoke_at_step(self, step: int) -> bool:
        for other in self.other_trials or ():
            if not _has(other, step):
                continue
            for name, value in self.values(step, self.chosen(step)):
                theirs = _value(other, name, step)
                if theirs is None or theirs.shape != value.shape:
                    continue
                away = self.note(name, step, float(np.max(np.abs(np.subtract(value, theirs, dtype=float)))))
                if np.allclose(value, theirs):
                    return self.met(f"{name} equals that of {other.path}: {away:.3g} at most between them", name, away)
        return False


def _has(trial: Trial, step: int) -> bool:
    """Whether a step was saved there, once that is known."""
    try:
        trial.wait_for_steps([step])
    except (StepUnavailable, NoMoreData):
        return False
    return True


def _value(trial: Trial, name: str, step: int) -> Array | None:
    try:
        return trial.tensor(name).value(step)
    except (TensorUnavailable, TensorUnavailableForStep, StepUnavailable):
        return None
