"""Asking a rule at each step that was saved, in their order, until it fires or no more comes."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from clary.images.debugger_rules.exceptions import (
    NoMoreData,
    RuleEvaluationConditionMet,
    StepUnavailable,
    TensorUnavailable,
    TensorUnavailableForStep,
)
from clary.images.debugger_rules.rule import Rule

log = logging.getLogger("smdebug")


def run(rule: Rule, start: int = 0, end: int | None = None, seen: Callable[[int], None] = lambda _: None) -> int:
    """The last step that it was asked for, -1 if there was none; ``seen`` is called after each.

    ``RuleEvaluationConditionMet`` when it fires; what else the rule raises goes through. Steps at which a tensor that it
    wants was not saved are passed over.
    """
    step, since = start - 1, time.monotonic()

    def idle() -> None:
        if rule.idle(time.monotonic() - since):
            raise RuleEvaluationConditionMet(rule.rule_name, max(step, 0))

    while True:
        try:
            following = rule.base_trial.next_step(step, idle)
        except NoMoreData as error:
            log.info("%s", error)
            return step if step >= start else -1
        if end is not None and following >= end:
            return step
        step, since = following, time.monotonic()
        try:
            rule.invoke(step)
        except (TensorUnavailableForStep, StepUnavailable, TensorUnavailable) as error:
            log.debug("%s", error)
        except NoMoreData as error:  # of another trial, or of a later step that the rule wants
            log.info("%s", error)
            return step
        seen(step)


def invoke_rule(
    rule_obj: Rule, start_step: int | None = 0, end_step: int | None = None, raise_eval_cond: bool = False
) -> None:
    """smdebug's; it goes on after the rule has fired, unless ``raise_eval_cond``."""
    start = start_step or 0
    log.info("Started execution of rule %s at step %d", rule_obj.rule_name, start)
    while True:
        try:
            last = run(rule_obj, start, end_step)
            break
        except RuleEvaluationConditionMet as met:
            if raise_eval_cond:
                raise
            last, start = met.step, met.step + 1
            if met.end_of_rule:
                break
    log.info("Ended execution of rule %s at end_step %d", rule_obj.rule_name, last)
