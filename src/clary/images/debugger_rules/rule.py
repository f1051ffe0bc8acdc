"""A rule: a class that is asked at each step that was saved whether its condition is met. smdebug's ``rules.rule``.

What smdebug's rules find there is found here: ``base_trial``, ``other_trials``, ``req_tensors``, ``logger``,
``rule_name``, ``report``. A built-in rule tells in ``finding`` what met its condition.
"""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

from clary.images.debugger_rules.exceptions import RuleEvaluationConditionMet, TensorUnavailable
from clary.images.debugger_rules.trial import Tensor, Trial

log = logging.getLogger("smdebug")


@dataclass(frozen=True)
class Finding:
    """What met a rule's condition, in a sentence; ``tensor`` and ``value``, where it is one of one tensor."""

    text: str
    tensor: str = ""
    value: float | None = None


class RequiredTensors:
    """The tensors that a rule has said it needs at a step: they are fetched, and are there, when it is asked."""

    def __init__(self, base_trial: Trial, other_trials: Sequence[Trial] | None = None) -> None:
        self._base = base_trial
        self._wanted: dict[Trial, dict[str, list[int]]] = {trial: {} for trial in (base_trial, *(other_trials or ()))}

    def add(
        self, name: str, steps: Sequence[int], trial: Trial | None = None, should_match_regex: bool = False
    ) -> None:
        """``TensorUnavailable`` if none of that name was saved; ``should_match_regex``: all that match it, none too."""
        of = trial or self._base
        if not should_match_regex and not of.has_tensor(name):
            raise TensorUnavailable(name)
        for each in of.tensor_names(regex=name) if should_match_regex else [name]:
            self._wanted[of].setdefault(each, []).extend(steps)

    def get_tensor_steps(self, name: str, trial: Trial | None = None) -> list[int]:
        return self._wanted[trial or self._base][name]

    def get_names(self, trial: Trial | None = None) -> list[str]:
        return list(self._wanted[trial or self._base])

    def get(self, trial: Trial | None = None) -> list[Tensor]:
        of = trial or self._base
        return [of.tensor(name) for name in self._wanted[of]]

    def clear(self) -> None:
        for wanted in self._wanted.values():
            wanted.clear()

    def fetch(self) -> None:
        """Waits for the steps; raises what keeps a value from being had."""
        for trial, wanted in self._wanted.items():
            trial.wait_for_steps(sorted({step for steps in wanted.values() for step in steps}))
            for name, steps in wanted.items():
                for step in steps:
                    trial.tensor(name).value(step)


class Rule(ABC):
    """``action_str``: what is done when it fires, beside what action_json asks for, in the same form."""

    def __init__(self, base_trial: Trial, action_str: str = "", other_trials: Sequence[Trial] | None = None) -> None:
        self.base_trial = base_trial
        self.other_trials = other_trials
        self.trials = [base_trial, *(other_trials or ())]
        self.req_tensors = RequiredTensors(base_trial, other_trials)
        self.action_str = action_str
        self.logger = log
        self.rule_name = type(self).__name__
        self.finding: Finding | None = None
        self.report: dict[str, Any] = {
            "RuleTriggered": 0,
            "Violations": 0,
            "Details": {},
            "Datapoints": 0,
            "RuleParameters": "",
        }

    def set_required_tensors(self, step: int) -> None:  # noqa: B027 - few need it
        """Say by ``req_tensors`` what is needed at a step."""

    @abstractmethod
    def invoke_at_step(self, step: int) -> bool:
        """Whether the condition is met at this global step, which was saved."""

    def invoke(self, step: int) -> None:
        """Ask it for one step, once that is there. ``RuleEvaluationConditionMet``, and what its tensors raise."""
        self.base_trial.wait_for_steps([step])
        with ExitStack() as still:
            for trial in self.trials:  # it sees the same steps from its first look to its last
                still.enter_context(trial.still())
            self.req_tensors.clear()
            self.set_required_tensors(step)
            self.req_tensors.fetch()
            met = self.invoke_at_step(step)
        if met:
            raise RuleEvaluationConditionMet(self.rule_name, step)

    def idle(self, seconds: float) -> bool:  # noqa: ARG002 - of those that look at the time
        """Whether its condition is met while nothing has come for so long."""
        return False

    def finish(self) -> None:  # noqa: B027 - few need it
        """Called when no more data comes."""

    def met(self, text: str, tensor: str = "", value: float | None = None) -> bool:
        """The condition is met, and why; for ``return self.met(...)``."""
        self.finding = Finding(text, tensor, None if value is None else float(value))
        return True
