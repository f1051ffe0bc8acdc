"""Collections: sets of tensors under a name, each with the steps at which it is saved and what of it is.

One JSON file a worker: ``{"collections": {name: {...}}, "_meta": {"num_workers": n}}``. Readers refuse other keys at the top.
Source: ``smdebug/core/collection_manager.py``, ``collection.py``, ``save_config.py`` and ``reduction_config.py``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from clary.formats.tensors.layout import Mode

OPERATIONS = ("min", "max", "mean", "std", "variance", "sum", "prod", "l1", "l2")
"""What a tensor can be reduced to, as files name it."""
_REDUCTIONS = "smdebug/reductions/"


@dataclass(frozen=True)
class Steps:
    """Which steps are saved: those named, and of ``start`` to ``end`` (left out) those that ``interval`` divides."""

    interval: int = 500
    start: int = 0
    end: int | None = None
    named: tuple[int, ...] = ()

    def has(self, step: int) -> bool:
        """``step``: of the mode, from 0."""
        if step in self.named:
            return True
        return step >= self.start and (self.end is None or step < self.end) and step % self.interval == 0

    def next(self, step: int) -> int | None:
        """The first that is saved, from ``step`` on; None if none is."""
        first = max(step, self.start)
        regular = first + -first % self.interval
        known = [each for each in self.named if each >= step]
        return min([*known, *([regular] if self.end is None or regular < self.end else [])], default=None)


@dataclass(frozen=True)
class Collection:
    """``steps``: by mode; ``patterns``: regular expressions, found anywhere in a name; ``tensors``: names known to be in it.

    ``reductions``: operations, with ``abs_`` before those of the absolute values; ``raw``: whether the tensor itself is saved.
    """

    name: str
    patterns: tuple[str, ...] = ()
    tensors: tuple[str, ...] = ()
    steps: Mapping[Mode, Steps] = field(default_factory=lambda: dict.fromkeys(Mode, Steps()))
    reductions: tuple[str, ...] = ()
    raw: bool = True
    histogram: bool = True


def reduction_name(tensor: str, operation: str) -> str:
    """What a reduced tensor is called. ``operation``: one of ``OPERATIONS``, or with ``abs_`` before it."""
    return f"{_REDUCTIONS}{operation}/{tensor}"


def reduced(name: str) -> tuple[str, str] | None:
    """The tensor and the operation of a reduced tensor's name; None if it is no such name."""
    if not name.startswith(_REDUCTIONS):
        return None
    operation, _, tensor = name.removeprefix(_REDUCTIONS).partition("/")
    return tensor, operation


def encode(collections: Sequence[Collection], workers: int) -> str:
    """The file's JSON. ``workers``: how many write."""
    entries = {each.name: _entry(each) for each in collections}
    return json.dumps({"collections": entries, "_meta": {"num_workers": workers}})


def decode(text: str) -> tuple[dict[str, Collection], int]:
    """The collections by name, and how many workers there are; ``ValueError`` if it is not such a file."""
    try:
        found = json.loads(text)
        entries = {name: _collection(name, entry) for name, entry in found["collections"].items()}
        return entries, int(found.get("_meta", {}).get("num_workers", 1))
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"no file of collections: {error!r}") from error


def _entry(collection: Collection) -> dict[str, Any]:
    norms = [each for each in collection.reductions if each.removeprefix("abs_") in {"l1", "l2"}]
    spelt = [f"{each}_norm" if each in norms else each for each in collection.reductions]
    return {
        "name": collection.name,
        "include_regex": list(collection.patterns),
        "tensor_names": sorted(collection.tensors),
        "reduction_config": {"save_raw_tensor": collection.raw, "reductions": ",".join(spelt), "save_shape": False},
        "save_config": {mode.name: _saved(steps) for mode, steps in collection.steps.items()},
        "save_histogram": collection.histogram,
    }


def _saved(steps: Steps) -> dict[str, Any]:
    return {
        "save_interval": steps.interval,
        "save_steps": list(steps.named),
        "start_step": steps.start,
        "end_step": steps.end,
    }


def _collection(name: str, entry: dict[str, Any]) -> Collection:
    reduction, saved = entry.get("reduction_config") or {}, entry.get("save_config") or {}
    spelt = [each.strip() for each in (reduction.get("reductions") or "").split(",") if each.strip()]
    return Collection(
        name,
        tuple(entry.get("include_regex") or ()),
        tuple(entry.get("tensor_names") or ()),
        {mode: _steps(saved.get(mode.name) or {}) for mode in Mode},
        tuple(each.removesuffix("_norm") for each in spelt),
        bool(reduction.get("save_raw_tensor", not spelt)),
        bool(entry.get("save_histogram", True)),
    )


def _steps(saved: dict[str, Any]) -> Steps:
    named = tuple(saved.get("save_steps") or ())
    return Steps(saved.get("save_interval") or 500, saved.get("start_step") or 0, saved.get("end_step"), named)
