"""What can be wrong with a question for tensors, under the names that smdebug 1.0.34 gives (``smdebug.exceptions``)."""

from __future__ import annotations

from typing import Any

from clary.images.debugger_rules.modes import ModeKeys


class SMDebugError(Exception):
    pass


class SMDebugRuntimeError(SMDebugError, RuntimeError):
    pass


class SMDebugTypeError(SMDebugError, TypeError):
    pass


class SMDebugValueError(SMDebugError, ValueError):
    pass


class SMDebugNotImplementedError(SMDebugError, NotImplementedError):
    pass


class MissingCollectionFiles(SMDebugError):
    def __str__(self) -> str:
        return "Training job has ended. All the collection files could not be loaded"


class StepNotYetAvailable(SMDebugError):
    def __init__(self, step: int, mode: ModeKeys) -> None:
        super().__init__(f"Step {step} of mode {mode.name} not yet available")
        self.step, self.mode = step, mode


class StepUnavailable(SMDebugError):
    def __init__(self, step: int, mode: ModeKeys) -> None:
        super().__init__(f"Step {step} of mode {mode.name} is not available as it was not saved")
        self.step, self.mode = step, mode


class TensorUnavailable(SMDebugError):
    def __init__(self, tname: str) -> None:
        super().__init__(f"Tensor {tname} was not saved.")
        self.tname = tname


class TensorUnavailableForStep(SMDebugError):
    def __init__(self, tname: str, step: int, mode: ModeKeys = ModeKeys.GLOBAL, has_reductions: bool = False) -> None:
        text = f"Value for tensor {tname} is not available for step {step} with mode {mode.name} as it was not saved."
        if has_reductions:
            text += "This tensor has reductions saved for this step. You might want to query for the reductions."
        super().__init__(text)
        self.tname, self.step, self.mode, self.has_reductions = tname, step, mode, has_reductions


class ShapeUnavailableForStep(SMDebugError):
    def __init__(self, tname: str, step: int, mode: ModeKeys = ModeKeys.GLOBAL) -> None:
        super().__init__(
            f"Shape for tensor {tname} is not available for step {step} with mode {mode.name} as it was not saved."
        )
        self.tname, self.step, self.mode = tname, step, mode


class InvalidWorker(SMDebugError):
    def __init__(self, worker: str) -> None:
        super().__init__(f"Invalid Worker: {worker}")
        self.worker = worker


class NoMoreData(SMDebugError):
    def __init__(self, step: int, mode: ModeKeys, last_step: int) -> None:
        self.msg = f"Looking for step {step} of mode {mode.name} and reached end of training. Max step available is {last_step}"
        super().__init__(self.msg)
        self.step, self.mode, self.last_step = step, mode, last_step


class RuleEvaluationConditionMet(SMDebugError):
    def __init__(self, rule_name: str, step: int, end_of_rule: bool = False) -> None:
        super().__init__(f"Evaluation of the rule {rule_name} at step {step} resulted in the condition being met")
        self.rule_name, self.step, self.end_of_rule = rule_name, step, end_of_rule


class InsufficientInformationForRuleInvocation(SMDebugError):
    def __init__(self, rule_name: str, message: Any) -> None:
        super().__init__(f"Insufficient information to invoke rule {rule_name}: {message}")
        self.rule_name, self.message = rule_name, message
