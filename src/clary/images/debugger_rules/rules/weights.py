"""Rules for weights and gradients."""

from __future__ import annotations

from typing import Any

import numpy as np

from clary.images.debugger_rules.rules.built_in import BuiltInRule


class VanishingGradient(BuiltInRule):
    """The mean of the absolute values of a gradient is below ``threshold``."""

    def invoke_at_step(self, step: int) -> bool:
        names = self.base_trial.tensor_names(step=step, collection="gradients")
        for name, found in self.reduced(step, names, "mean", of_absolute=True):
            mean = self.note(name, step, found)
            if mean < self.given["threshold"]:
                text = f"the mean of the absolute values of {name} is {mean:.4g}, below {self.given['threshold']:g}"
                return self.met(text, name, mean)
        return False


class WeightUpdateRatio(BuiltInRule):
    """By how much of itself a weight changed, in the mean, is above ``large_threshold`` or below ``small_threshold``.

    Since the saved step before, or the first one of the last ``num_steps``.
    """

    def invoke_at_step(self, step: int) -> bool:
        if not self.is_training(step):
            return False
        for name, value in self.values(step, self.base_trial.tensor_names(step=step, collection="weights")):
            most = self.given["num_steps"]
            before = self.earlier(self.base_trial.tensor(name), step, most or 1)
            if most is not None:
                before = [each for each in before if each >= step - most]
            if not before:
                continue
            since = before[-1] if most is None else before[0]
            for _, past in self.values(since, [name]):
                change = np.mean(np.abs(value - past)) / (np.mean(np.abs(past)) + self.given["epsilon"])
                if self._is_outside(name, self.note(name, step, float(change)), since):
                    return True
        return False

    def _is_outside(self, name: str, ratio: float, since: int) -> bool:
        said = f"{name} changed by {ratio:.4g} of itself since step {since}"
        if ratio > self.given["large_threshold"]:
            return self.met(f"{said}, above {self.given['large_threshold']:g}", name, ratio)
        if ratio < self.given["small_threshold"]:
            return self.met(f"{said}, below {self.given['small_threshold']:g}", name, ratio)
        return False


class PoorWeightInitialization(BuiltInRule):
    """In the first ``steps`` saved steps: the variances of the activations' inputs are too far apart from layer to layer,
    a gradient's values lie too close together, or the loss has not fallen for ``patience`` steps."""

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self._steps = self._flat = 0
        self._least = float("inf")

    def invoke_at_step(self, step: int) -> bool:
        if not self.is_training(step):
            return False
        self._steps += 1
        if self._steps > self.given["steps"]:
            return False
        return self._uneven(step) or self._narrow(step) or self._idle(step)

    def _uneven(self, step: int) -> bool:
        names = self.matching(step, self.given["activation_inputs_regex"])
        variances = {name: self.note(name, step, found) for name, found in self.reduced(step, names, "variance")}
        if len(variances) < 2:
            return False
        most, least = max(variances, key=variances.__getitem__), min(variances, key=variances.__getitem__)
        ratio = variances[most] / variances[least] if variances[least] else float("inf")
        if ratio <= self.given["threshold"]:
            return False
        text = f"the variance of {most} is {ratio:.4g} times that of {least}, above {self.given['threshold']:g}"
        return self.met(text, most, ratio)

    def _narrow(self, step: int) -> bool:
        gradients = self.base_trial.tensor_names(step=step, collection="gradients")
        for name, value in self.values(step, gradients):
            low, high = np.percentile(value, [5, 95])
            width = self.note(name, step, float(high - low))
            if width < self.given["distribution_range"]:
                text = (
                    f"the 5th and the 95th percentile of {name} are {width:.4g} apart, below "
                    f"{self.given['distribution_range']:g}"
                )
                return self.met(text, name, width)
        return False

    def _idle(self, step: int) -> bool:
        losses = self.losses(step)
        if not losses:
            return False
        loss = self.note(next(iter(losses)), step, float(np.mean(list(losses.values()))))
        self._flat = 0 if loss < self._least else self._flat + 1
        self._least = min(loss, self._least)
        if self._flat < self.given["patience"]:
            return False
        return self.met(f"the loss has not fallen for {self._flat} saved steps: {loss:.4g}", next(iter(losses)), loss)
