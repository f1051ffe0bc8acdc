"""The names under which a rule of one's own finds what rules are made of: those of smdebug 1.0.34.

Only what rules use is there; importing another module is an ImportError. smdebug itself cannot be in an image: it wants
protobuf 3, numpy 1, and modules that newer Pythons have not any more.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

from clary.images.debugger_rules import exceptions, modes, rule, trial
from clary.images.debugger_rules.loop import invoke_rule

_EXCEPTIONS = {name: value for name, value in vars(exceptions).items() if isinstance(value, type)}


class CollectionKeys:
    """The names of the collections that there are without a configuration."""

    DEFAULT, ALL = "default", "all"
    WEIGHTS, BIASES, GRADIENTS, LOSSES, METRICS = "weights", "biases", "gradients", "losses", "metrics"
    INPUTS, OUTPUTS, LAYERS, OPTIMIZER_VARIABLES, SM_METRICS = (
        "inputs", "outputs", "layers", "optimizer_variables", "sm_metrics",
    )  # fmt: skip
    HYPERPARAMETERS, PREDICTIONS, LABELS, TREES = "hyperparameters", "predictions", "labels", "trees"
    FEATURE_IMPORTANCE, AVERAGE_SHAP, FULL_SHAP = "feature_importance", "average_shap", "full_shap"


def create_trial(path: str, name: str | None = None, **_: Any) -> trial.Trial:
    """The tensors in a folder, also those of this rule's jobs by their S3 URIs; ``FileNotFoundError`` for any other."""
    folder = _FOLDERS.get(path.rstrip("/"), path)
    if "://" in folder:
        known = ", ".join(_FOLDERS) or "none"
        raise FileNotFoundError(
            f"The tensors at {path} are not at hand here: name them as other_trials_s3_input_paths of the rule, which "
            f"brings them; there are: {known}."
        )
    return trial.Trial(Path(folder), name or "", path)


def get_logger(name: str = "smdebug") -> logging.Logger:
    return logging.getLogger(name)


_FOLDERS: dict[str, str] = {}  # of trials by their S3 URIs
_MODES = {"ModeKeys": modes.ModeKeys}
_RULES = {"Rule": rule.Rule}
_TRIALS = {"create_trial": create_trial}
_MODULES: dict[str, dict[str, Any]] = {
    "smdebug": {"modes": modes.ModeKeys, "CollectionKeys": CollectionKeys},
    "smdebug.core": {},
    "smdebug.core.modes": {**_MODES, "str_to_mode_keys": lambda text: modes.ModeKeys[text.upper()]},
    "smdebug.core.collection": {"CollectionKeys": CollectionKeys},
    "smdebug.core.logger": {"get_logger": get_logger},
    "smdebug.core.reductions": {"get_numpy_reduction": lambda name, data, abs=False: trial.reduced(  # noqa: A006
        data, name, of_absolute=abs
    )},
    "smdebug.core.tensor": {"Tensor": trial.Tensor, "StepState": trial.StepState},
    "smdebug.exceptions": _EXCEPTIONS,
    "smdebug.rules": {**_RULES, "invoke_rule": invoke_rule},
    "smdebug.rules.rule": _RULES,
    "smdebug.rules.rule_invoker": {"invoke_rule": invoke_rule},
    "smdebug.rules.req_tensors": {"RequiredTensors": rule.RequiredTensors},
    "smdebug.trials": _TRIALS,
    "smdebug.trials.trial": {"Trial": trial.Trial},
    "smdebug.trials.utils": _TRIALS,
    "smdebug.analysis": {},
    "smdebug.analysis.utils": {},
}  # fmt: skip


def offer(folders: Mapping[str, str]) -> None:
    """Let ``import smdebug`` find these modules; ``folders``: of trials by their S3 URIs."""
    _FOLDERS.update({uri.rstrip("/"): folder for uri, folder in folders.items()})
    for name, members in _MODULES.items():
        module = ModuleType(name, "A part of smdebug, by Clary.")
        module.__dict__.update(members)
        module.__path__ = []  # a package without files: what is not above is not there
        sys.modules[name] = module
        parent, _, leaf = name.rpartition(".")
        if parent and leaf not in sys.modules[parent].__dict__:
            setattr(sys.modules[parent], leaf, module)
