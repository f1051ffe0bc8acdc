"""Rules for what goes into activation functions and comes out of them. The first axis of their tensors is the batch."""

from __future__ import annotations

import numpy as np

from clary.images.debugger_rules.rules.built_in import BuiltInRule
from clary.images.debugger_rules.trial import Array


class DeadRelu(BuiltInRule):
    """More than ``threshold_layer`` percent of a layer's ReLUs are above zero for less than ``threshold_inactivity``
    percent of the batch."""

    def invoke_at_step(self, step: int) -> bool:
        for name, value in self.values(step, self.matching(step, self.given["tensor_regex"])):
            dead = self.note(name, step, _idle(value > 0, self.given["threshold_inactivity"]))
            if dead > self.given["threshold_layer"]:
                text = f"{dead:.4g} % of the ReLUs of {name} are dead, above {self.given['threshold_layer']:g} %"
                return self.met(text, name, dead)
        return False


class SaturatedActivation(BuiltInRule):
    """More than ``threshold_layer`` percent of a layer's tanh or sigmoid functions get inputs between their thresholds
    for less than ``threshold_inactivity`` percent of the batch."""

    def invoke_at_step(self, step: int) -> bool:
        for name, value in self.values(step, self.matching(step, self.given["tensor_regex"])):
            kind = "sigmoid" if "sigmoid" in name.lower() else "tanh"
            least, most = self.given[f"threshold_{kind}_min"], self.given[f"threshold_{kind}_max"]
            active = (value > least) & (value < most)
            saturated = self.note(name, step, _idle(active, self.given["threshold_inactivity"]))
            if saturated > self.given["threshold_layer"]:
                text = f"{saturated:.4g} % of {name} are saturated, above {self.given['threshold_layer']:g} %"
                return self.met(text, name, saturated)
        return False


def _idle(active: Array, threshold: float) -> float:
    """How many percent of the nodes are active for less than ``threshold`` percent of the batch."""
    nodes = active.reshape(active.shape[0], -1) if active.ndim > 1 else active.reshape(1, -1)
    return 100 * float(np.mean(100 * nodes.mean(axis=0) < threshold))
