"""Rules of users' own, as the examples of SageMaker write them, and a program that asks smdebug itself to evaluate one."""

from __future__ import annotations

GRADIENT = """
from smdebug.rules.rule import Rule

class CustomGradientRule(Rule):
    def __init__(self, base_trial, threshold=10.0):
        super().__init__(base_trial, "")
        self.threshold = float(threshold)

    def invoke_at_step(self, step):
        for tname in self.base_trial.tensor_names(collection="gradients"):
            t = self.base_trial.tensor(tname)
            abs_mean = t.reduction_value(step, "mean", abs=True)
            if abs_mean > self.threshold:
                return True
        return False
"""

REQUIRED = """
from smdebug.exceptions import TensorUnavailable
from smdebug.rules import Rule

class WeightsRest(Rule):
    def __init__(self, base_trial, action_str, steps="2"):
        super().__init__(base_trial, action_str)
        self.steps = int(steps)

    def set_required_tensors(self, step):
        for name in self.base_trial.tensor_names(regex="^Net.*weight"):
            past = self.base_trial.tensor(name).prev_steps(step, self.steps)
            self.req_tensors.add(name, steps=past)

    def invoke_at_step(self, step):
        for tensor in self.req_tensors.get():
            past = self.req_tensors.get_tensor_steps(tensor.name)
            if len(past) < self.steps:
                raise TensorUnavailable(tensor.name)
            values = [tensor.value(each) for each in past]
            if all((values[0] == each).all() for each in values):
                self.logger.info("%s rests", tensor.name)
                return True
        return False
"""

MODES = """
from smdebug import modes
from smdebug.core.modes import ModeKeys
from smdebug.exceptions import StepUnavailable, TensorUnavailableForStep
from smdebug.rules.rule import Rule

class Overfits(Rule):
    def __init__(self, base_trial, ratio):
        super().__init__(base_trial, action_str="")
        self.ratio = float(ratio)
        assert modes.EVAL is ModeKeys.EVAL

    def invoke_at_step(self, step):
        trial = self.base_trial
        if trial.mode(step) != modes.EVAL:
            return False
        found = []
        for name in trial.tensor_names(step=trial.mode_step(step), mode=modes.EVAL, collection="losses"):
            loss = trial.tensor(name)
            assert loss.value(trial.mode_step(step), mode=modes.EVAL) == loss.value(step)
            assert loss.shape(step) == (1,)
            before = loss.steps(mode=modes.TRAIN)
            try:
                loss.value(step, mode=modes.TRAIN)
            except (TensorUnavailableForStep, StepUnavailable):
                pass
            trained = loss.value(before[-1], mode=modes.TRAIN)
            found.append(float(loss.value(step)[0]) > self.ratio * float(trained[0]))
        return bool(found) and all(found)
"""

MISSING = """
from smdebug.rules.rule import Rule

class Missing(Rule):
    def __init__(self, base_trial):
        super().__init__(base_trial, "")

    def invoke_at_step(self, step):
        return self.base_trial.tensor("late").value(step).max() > 2
"""
"""A tensor that is there at some steps only: the others are passed over."""

RAISES = """
from smdebug.rules.rule import Rule

class Raises(Rule):
    def invoke_at_step(self, step):
        return {}["no such key"]
"""

ORACLE = """
import importlib.util, json, sys, warnings
warnings.simplefilter("ignore")
from smdebug.exceptions import NoMoreData, RuleEvaluationConditionMet
from smdebug.rules import invoke_rule
from smdebug.trials import create_trial

def evaluate(source, name, parameters):
    with open("mine.py", "w") as file:
        file.write(source)
    specification = importlib.util.spec_from_file_location("mine", "mine.py")
    module = importlib.util.module_from_spec(specification)
    sys.dont_write_bytecode = True
    specification.loader.exec_module(module)
    rule = getattr(module, name)(create_trial(sys.argv[2]), **parameters)
    try:
        invoke_rule(rule, raise_eval_cond=True)
    except RuleEvaluationConditionMet as met:
        return met.step, str(met)
    except NoMoreData:
        pass
    return None

cases = json.load(open(sys.argv[1]))
print("FOUND" + json.dumps({case: evaluate(*rule) for case, rule in cases.items()}))
"""
"""Evaluates rules under smdebug; prints the step at which each fires, and its words, or null, by case behind FOUND."""
