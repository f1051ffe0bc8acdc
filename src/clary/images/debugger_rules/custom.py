"""Loading a rule of the user's own from its file."""

from __future__ import annotations

import importlib.util
import inspect
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import cast

from clary.images.debugger_rules import table
from clary.images.debugger_rules.rule import Rule
from clary.images.debugger_rules.trial import Trial

_NOT_ITS_OWN = frozenset({*table.OF_EVERY_RULE, "source_s3_uri"})


class CannotLoad(Exception):
    """The file is no Python, or has no such rule; the message says which."""


def rule(file: Path, name: str, parameters: Mapping[str, str], trial: Trial, others: Sequence[Trial]) -> Rule:
    """The rule of that name, made with its parameters, which are texts. ``CannotLoad``, and whatever the file raises."""
    module = _module(file)
    found = getattr(module, name, None)
    if not isinstance(found, type) or not issubclass(found, Rule):
        rules = [key for key, each in vars(module).items() if isinstance(each, type) and issubclass(each, Rule)]
        there = ", ".join(sorted(set(rules) - {"Rule"})) or "none"
        raise CannotLoad(
            f"{file.name} has no rule {name!r}, a class derived from smdebug.rules.rule.Rule; it has: {there}"
        )
    own = {
        key: value
        for key, value in parameters.items()
        if key not in _NOT_ITS_OWN and not table.OTHER_TRIAL.fullmatch(key)
    }
    wanted, make = inspect.signature(found).parameters, cast("Callable[..., Rule]", found)
    if "action_str" in wanted:
        own["action_str"] = ""
    more = {"other_trials": list(others)} if others or "other_trials" in wanted else {}
    return make(trial, **own, **more)


def _module(file: Path) -> ModuleType:
    specification = importlib.util.spec_from_file_location(file.stem, file)
    if specification is None or specification.loader is None:
        raise CannotLoad(f"{file.name} is no Python file")
    module = importlib.util.module_from_spec(specification)
    sys.modules[file.stem] = module
    sys.path.insert(0, str(file.parent))
    specification.loader.exec_module(module)
    return module
