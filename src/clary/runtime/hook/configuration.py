"""What to save and when: from the files that the platform lays into the job.

Keys of HookParameters and CollectionParameters: save_interval, start_step, end_step, save_steps ("1,2"), each also for a mode
(``train.save_interval``), include_regex and reductions (both separated by commas), save_histogram; of the hook also save_all
and include_workers. Source: ``smdebug/core/json_config.py``.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from clary.formats.tensors.collections import OPERATIONS, Steps
from clary.formats.tensors.layout import Mode
from clary.runtime import contract

_ALWAYS_RAW = frozenset({"losses", "metrics", "scalars", "sm_metrics", "feature_importance", "average_shap"})
_SKIPPED_OUTSIDE_TRAINING = frozenset({"gradients", "optimizer_variables"})
METRICS = frozenset({"losses", "metrics", "sm_metrics"})
"""Collections whose values are metrics of the job too."""


_NUMBERS: dict[str, Callable[[int, int], int]] = {"save_interval": math.gcd, "start_step": min, "end_step": max}
"""How two numbers of a parameter become one that saves the steps of either."""


class Misconfigured(Exception):
    """A parameter that cannot be used; the message names it and what it takes."""


@dataclass
class Collection:
    """What is saved of the tensors in it; a script may change it before the first step.

    ``steps``: by mode; what is missing is the hook's. ``reductions``: None for the hook's. ``modules``: of torch, and whether
    what goes in and what comes out is in it.
    """

    name: str
    include_regex: list[str] = field(default_factory=list)
    tensor_names: set[str] = field(default_factory=set)
    steps: dict[Mode, Steps] = field(default_factory=dict)
    reductions: tuple[str, ...] | None = None
    raw: bool | None = None
    save_histogram: bool = True
    saved: bool = False
    modules: list[tuple[Any, bool, bool]] = field(default_factory=list)

    def include(self, patterns: str | list[str]) -> None:
        """Take in the tensors in whose names these regular expressions are found."""
        self.include_regex += [patterns] if isinstance(patterns, str) else patterns

    def add_module_tensors(self, module: Any, inputs: bool = False, outputs: bool = True) -> None:
        """Take in what goes into and comes out of a module of torch."""
        self.modules.append((module, inputs, outputs))

    def add_tensor_name(self, name: str) -> None:
        """As smdebug's collections have it."""
        self.tensor_names.add(name)

    @property
    def is_scalar(self) -> bool:
        return self.name in _ALWAYS_RAW

    def takes(self, mode: Mode) -> bool:
        """Whether it is saved in this mode at all."""
        return mode not in {Mode.EVAL, Mode.PREDICT} or self.name not in _SKIPPED_OUTSIDE_TRAINING


@dataclass(frozen=True)
class Configuration:
    """``folder``: for the tensors; ``board``: for TensorBoard, if it is wanted; ``checkpoints``: where the script keeps them."""

    folder: Path
    board: Path | None
    checkpoints: Path | None
    steps: Mapping[Mode, Steps]
    reductions: tuple[str, ...]
    include_regex: tuple[str, ...]
    save_all: bool
    all_workers: bool
    collections: tuple[Collection, ...]


def read(interval: int, file: Path | None = None) -> Configuration:
    """``interval``: every how many steps is saved where nothing else is said. ``Misconfigured``, ``FileNotFoundError``."""
    config = _json(file or Path(os.environ.get("SMDEBUG_CONFIG_FILE_PATH") or contract.CONFIG / "debughookconfig.json"))
    parameters = config.get("HookParameters") or {}
    steps = _steps("HookParameters", parameters, dict.fromkeys(Mode, Steps(interval)))
    workers = parameters.get("include_workers", "one")
    if workers not in {"one", "all"}:
        raise Misconfigured(f"include_workers of HookParameters is {workers!r}: it takes 'one' or 'all'")
    return Configuration(
        folder=Path(config.get("LocalPath") or contract.OUTPUT / "tensors"),
        board=_local(
            os.environ.get("TENSORBOARD_CONFIG_FILE_PATH") or contract.CONFIG / "tensorboardoutputconfig.json"
        ),
        checkpoints=_local(os.environ.get("SM_CHECKPOINT_CONFIG_FILE") or contract.CONFIG / "checkpointconfig.json"),
        steps=steps,
        reductions=_reductions("HookParameters", parameters),
        include_regex=tuple(_split(parameters.get("include_regex", ""))),
        save_all=_truth("save_all of HookParameters", parameters.get("save_all", "false")),
        all_workers=workers == "all",
        collections=tuple(_collection(each, steps) for each in merged(config.get("CollectionConfigurations") or [])),
    )


def reductions(names: list[str], where: str) -> tuple[str, ...]:
    """As files name them: ``abs_l2_norm`` is ``abs_l2``. ``Misconfigured``."""
    found = tuple(name.removesuffix("_norm") for name in names)
    for name, given in zip(found, names, strict=True):
        if name.removeprefix("abs_") not in OPERATIONS:
            known = ", ".join(OPERATIONS)
            raise Misconfigured(
                f"reductions of {where} have {given!r}: they take {known}, each also with abs_ before it"
            )
    return found


def merged(configs: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """One of each name: the SageMaker SDK sends a collection once for each rule that needs it, and once as the user wants it.

    What either saves is saved: at an interval that holds both, from the earlier step, to the later one.
    """
    found: dict[str, dict[str, Any]] = {}
    for config in configs:
        name, parameters = config.get("CollectionName") or "", dict(config.get("CollectionParameters") or {})
        before = found.setdefault(name, {"CollectionName": name, "CollectionParameters": {}})["CollectionParameters"]
        for key, value in parameters.items():
            before[key] = _either(key, before[key], value) if key in before else value
    return list(found.values())


def _either(key: str, one: str, other: str) -> str:
    """Two values of a parameter as one; what is no number stays, for its own message."""
    what = key.rpartition(".")[2]
    if what in {"save_steps", "include_regex", "reductions"}:
        return one if one == other else f"{one},{other}"
    both = _NUMBERS.get(what)
    if both is None or not (str(one).isdigit() and str(other).isdigit()):
        return other
    return str(both(int(one), int(other)))


def _collection(config: dict[str, Any], steps: Mapping[Mode, Steps]) -> Collection:
    name, parameters = config.get("CollectionName") or "", config.get("CollectionParameters") or {}
    if not name:
        raise Misconfigured("a collection of CollectionConfigurations has no CollectionName")
    where = f"the collection {name}"
    return Collection(
        name,
        _split(parameters.get("include_regex", "")),
        steps=_steps(where, parameters, steps),
        reductions=_reductions(where, parameters) if "reductions" in parameters else None,
        save_histogram=_truth(f"save_histogram of {where}", parameters.get("save_histogram", "true")),
        saved=True,
    )


def _steps(where: str, parameters: dict[str, str], base: Mapping[Mode, Steps]) -> dict[Mode, Steps]:
    """For each mode: its own keys, then those of all modes, then what stands above."""
    found = {}
    for mode in Mode:
        steps = base[mode]
        for prefix in ("", f"{mode.name.lower()}."):
            given = {key: parameters[prefix + key] for key in _KEYS if prefix + key in parameters}
            members = {_KEYS[key]: _number(f"{prefix}{key} of {where}", value) for key, value in given.items()}
            if f"{prefix}save_steps" in parameters:
                texts = _split(parameters[f"{prefix}save_steps"])
                members["named"] = tuple(_number(f"{prefix}save_steps of {where}", text) for text in texts)
            steps = replace(steps, **members)
        if steps.interval < 1:
            raise Misconfigured(f"save_interval of {where} is {steps.interval}: it takes a number from 1")
        found[mode] = steps
    return found


_KEYS = {"save_interval": "interval", "start_step": "start", "end_step": "end"}


def _reductions(where: str, parameters: dict[str, str]) -> tuple[str, ...]:
    return reductions(_split(parameters.get("reductions", "")), where)


def _split(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def _number(where: str, value: Any) -> Any:
    try:
        return int(value)
    except (TypeError, ValueError):
        raise Misconfigured(f"{where} is {value!r}: it takes a whole number") from None


def _truth(where: str, value: Any) -> bool:
    text = str(value).strip().lower()
    if text not in {"true", "false"}:
        raise Misconfigured(f"{where} is {value!r}: it takes true or false")
    return text == "true"


def _json(file: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(file.read_text())
    return found


def _local(file: str | Path) -> Path | None:
    """The LocalPath in a file of the platform's, if it is there."""
    if not Path(file).is_file():
        return None
    local = _json(Path(file)).get("LocalPath")
    return Path(local) if local else None
