"""Rules for what goes into a model: images, sequences of tokens, labels."""

from __future__ import annotations

from typing import Any

import numpy as np

from clary.images.debugger_rules.rules.built_in import BuiltInRule
from clary.images.debugger_rules.trial import Array


class CheckInputImages(BuiltInRule):
    """The mean of a channel of the images is farther than ``threshold_mean`` from zero, after ``threshold_samples`` images."""

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self._sums: dict[str, Array] = {}
        self._numbers: dict[str, int] = {}
        self._images: dict[str, int] = {}

    def invoke_at_step(self, step: int) -> bool:
        axis = self.given["channel"]
        for name, value in self.values(step, self.matching(step, self.given["regex"])):
            if value.ndim <= axis:
                continue
            others = tuple(each for each in range(value.ndim) if each != axis)
            sums = value.sum(axis=others, dtype=float)
            if self._sums.get(name, sums).shape != sums.shape:
                continue
            self._sums[name] = self._sums.get(name, 0) + sums
            self._numbers[name] = self._numbers.get(name, 0) + value.size // value.shape[axis]
            self._images[name] = self._images.get(name, 0) + value.shape[0]
            means = self._sums[name] / self._numbers[name]
            worst = self.note(name, step, float(np.max(np.abs(means))))
            if self._images[name] >= self.given["threshold_samples"] and worst > self.given["threshold_mean"]:
                text = (
                    f"the mean of channel {int(np.argmax(np.abs(means)))} of {name} is {worst:.4g} from zero over "
                    f"{self._images[name]} images, more than {self.given['threshold_mean']:g}: are they normalised?"
                )
                return self.met(text, name, worst)
        return False


class NLPSequenceRatio(BuiltInRule):
    """More than so many percent of the tokens of a step are a certain one, of which each has its threshold."""

    def invoke_at_step(self, step: int) -> bool:
        thresholds = dict(zip(self.given["token_values"], self.given["token_thresholds_percent"], strict=True))
        for name, value in self.values(step, self.matching(step, self.given["tensor_regex"])):
            for token, most in thresholds.items():
                share = self.note(name, step, 100 * float(np.mean(value == token)))
                if share > most:
                    return self.met(f"{share:.4g} % of {name} are the token {token:g}, above {most:g} %", name, share)
        return False


class ClassImbalance(BuiltInRule):
    """After ``samples`` labels: the largest class has more than ``threshold_imbalance`` times as many as the smallest, or
    more than ``threshold_misprediction`` of a class are predicted to be another."""

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self._counts: dict[int, int] = {}
        self._wrong: dict[int, int] = {}

    def invoke_at_step(self, step: int) -> bool:
        labels = self._joined(step, self.given["labels_regex"])
        if labels is None:
            return False
        labels = classes(labels)
        predictions = self._joined(step, self.given["predictions_regex"])
        found = classes(predictions, argmax=self.given["argmax"]) if predictions is not None else None
        for label in np.unique(labels).tolist():
            mine = labels == label
            self._counts[label] = self._counts.get(label, 0) + int(mine.sum())
            if found is not None and found.shape == labels.shape:
                self._wrong[label] = self._wrong.get(label, 0) + int((found[mine] != label).sum())
        return sum(self._counts.values()) >= self.given["samples"] and self._is_met(step)

    def _is_met(self, step: int) -> bool:
        most, least = max(self._counts, key=self._counts.__getitem__), min(self._counts, key=self._counts.__getitem__)
        ratio = self.note("labels", step, self._counts[most] / self._counts[least])
        if ratio > self.given["threshold_imbalance"]:
            text = f"class {most} has {ratio:.4g} times as many labels as class {least}"
            return self.met(f"{text}, more than {self.given['threshold_imbalance']:g}", "labels", ratio)
        for label, wrong in self._wrong.items():
            share = self.note("predictions", step, wrong / self._counts[label])
            if share > self.given["threshold_misprediction"]:
                text = f"{share:.4g} of class {label} are predicted to be another"
                return self.met(f"{text}, more than {self.given['threshold_misprediction']:g}", "predictions", share)
        return False

    def _joined(self, step: int, pattern: str) -> Array | None:
        """All tensors that match, one behind the other."""
        found = [value for _, value in self.values(step, self.matching(step, pattern))]
        alike = [value for value in found if value.ndim == found[0].ndim]
        return np.concatenate(alike) if alike else None


def classes(value: Array, *, argmax: bool = False) -> Array:
    """A class for each row: the largest column's number, or the number itself, rounded, as probabilities of one class are."""
    if argmax and value.ndim > 1:
        return value.reshape(-1, value.shape[-1]).argmax(axis=1)
    return np.rint(value).astype(int).reshape(-1)
