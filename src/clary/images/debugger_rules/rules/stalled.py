"""A rule for a training job that saves nothing any more."""

from __future__ import annotations

from clary.images.debugger_rules.rules.built_in import BuiltInRule


class StalledTrainingRule(BuiltInRule):
    """No tensor has come for ``threshold`` seconds; its evaluator asks it while it waits."""

    def invoke_at_step(self, step: int) -> bool:
        self.note("steps", step, step)
        return False

    def idle(self, seconds: float) -> bool:
        if seconds < self.given["threshold"]:
            return False
        text = f"no new tensor for {seconds:.0f} seconds, {self.given['threshold']:g} or more"
        return self.met(text, value=seconds)
