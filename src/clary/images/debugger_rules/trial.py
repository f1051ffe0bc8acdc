"""What a training job saves, as rules ask for it: smdebug's trial and its tensors, over ``clary.formats.tensors``.

Every question first takes in what has come, unless the trial is held ``still``; so a rule sees one state from its first
look to its last. Values are numpy arrays.
"""

from __future__ import annotations

import re
import time
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from enum import Enum
from pathlib import Path
from typing import Any

import numpy as np

from clary.formats.tensors import layout
from clary.formats.tensors.collections import Collection
from clary.formats.tensors.layout import Mode
from clary.formats.tensors.reader import Tensors, Unavailable
from clary.formats.tensors.values import TEXT
from clary.images.debugger_rules.exceptions import (
    MissingCollectionFiles,
    NoMoreData,
    ShapeUnavailableForStep,
    StepNotYetAvailable,
    StepUnavailable,
    TensorUnavailable,
    TensorUnavailableForStep,
)
from clary.images.debugger_rules.modes import ModeKeys

_PERIOD = 0.2  # seconds between two looks at the folder while nothing has come
_MOMENT = 100_000_000  # nanoseconds

Array = Any
"""A numpy array."""


class StepState(Enum):
    """Whether a step is there, was passed over, or may come yet."""

    UNAVAILABLE = 0
    AVAILABLE = 1
    NOT_YET_AVAILABLE = 2


class Trial:
    """``folder``: that of the layout; ``path``: where it is said to lie. It waits for the collections of all workers.

    ``MissingCollectionFiles`` if the job ends without them.
    """

    def __init__(self, folder: Path, name: str = "", path: str = "") -> None:
        self.name, self.path = name or folder.name, path or str(folder)
        self._folder = folder
        self._held = 0
        self._seen: object = None
        self._names: dict[str, Tensor] = {}
        self._known: dict[object, Any] = {}  # what was worked out of what is there now
        self._tensors = Tensors(folder)
        while not self._tensors.complete:
            if self._tensors.loaded_all:
                raise MissingCollectionFiles
            self._wait()

    def __hash__(self) -> int:
        return hash((self.name, self.path))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Trial) and (self.name, self.path) == (other.name, other.path)

    # what is there

    @property
    def loaded_all_steps(self) -> bool:
        """Whether the job has ended and all that it saved was taken in."""
        return self._tensors.loaded_all

    @property
    def num_workers(self) -> int:
        return self._tensors.num_workers

    def refresh_data(self) -> None:
        """Take in what has come."""
        if self.loaded_all_steps:
            return
        state, newest = self._state()
        if state != self._seen:
            self._tensors.refresh()
            self._known.clear()
            # A folder's time does not tell two changes of one moment apart.
            self._seen = state if time.time_ns() - newest > _MOMENT else None

    def maybe_refresh(self, _: str | None = None) -> None:
        """The same, unless the trial is held still."""
        if not self._held:
            self.refresh_data()

    @contextmanager
    def still(self) -> Iterator[None]:
        """Take in nothing meanwhile."""
        self._held += 1
        try:
            yield
        finally:
            self._held -= 1

    def collections(self) -> dict[str, Collection]:
        self.maybe_refresh()
        return self._tensors.collections

    def collection(self, coll_name: str) -> Collection | None:
        return self.collections().get(coll_name)

    def workers(self) -> list[str]:
        self.maybe_refresh()
        return self._tensors.workers

    # steps

    def steps(self, mode: ModeKeys = ModeKeys.GLOBAL, show_incomplete_steps: bool = False) -> list[int]:
        """Those that were saved, by all workers if ``show_incomplete_steps`` is False, rising."""
        self.maybe_refresh()
        found = self._steps(mode)
        if show_incomplete_steps or self.loaded_all_steps or self.num_workers <= 1:
            return found
        return [step for step in found if self._is_complete(self._global(step, mode))]

    def modes(self) -> list[ModeKeys]:
        """Without GLOBAL."""
        self.maybe_refresh()
        return [ModeKeys(int(mode)) for mode in self._tensors.modes() if mode != Mode.GLOBAL]

    def global_step(self, mode: ModeKeys, mode_step: int) -> int | None:
        """Of a step in its mode; None if there is none."""
        self.maybe_refresh()
        try:
            return self._global(mode_step, mode)
        except KeyError:
            return None

    def mode_modestep(self, global_step: int) -> tuple[ModeKeys, int] | tuple[None, None]:
        """Of a global step its mode, and its number in that; twice None if there is none."""
        self.maybe_refresh()
        try:
            mode, step = self._tensors.mode_of(global_step)
        except KeyError:
            return None, None
        return ModeKeys(int(mode)), step

    def mode(self, global_step: int) -> ModeKeys | None:
        return self.mode_modestep(global_step)[0]

    def mode_step(self, global_step: int) -> int | None:
        return self.mode_modestep(global_step)[1]

    def has_passed_step(self, step: int, mode: ModeKeys = ModeKeys.GLOBAL) -> StepState:
        """A step is available once all workers have saved it."""
        known = self.steps(mode, show_incomplete_steps=True)
        at = bisect_left(known, step)
        if at < len(known):
            whole = self.loaded_all_steps or self._is_complete(self._global(known[at], mode))
            if not whole:
                return StepState.NOT_YET_AVAILABLE
            return StepState.AVAILABLE if known[at] == step else StepState.UNAVAILABLE
        return StepState.UNAVAILABLE if self.loaded_all_steps else StepState.NOT_YET_AVAILABLE

    def wait_for_steps(self, required_steps: Sequence[int], mode: ModeKeys = ModeKeys.GLOBAL) -> None:
        """``StepUnavailable`` for one that was passed over, ``NoMoreData`` for one after the last of an ended job."""
        for step in required_steps:
            while (state := self.has_passed_step(step, mode)) == StepState.NOT_YET_AVAILABLE:
                self._wait()
            if state == StepState.UNAVAILABLE:
                last = max(self.steps(mode, show_incomplete_steps=True), default=-1)
                if step < last or not self.loaded_all_steps:
                    raise StepUnavailable(step, mode)
                raise NoMoreData(step, mode, last)

    def next_step(self, after: int, idle: Callable[[], None] = lambda: None) -> int:
        """The first global step above ``after`` that all workers have saved; waits for it, ``idle`` is called meanwhile.

        ``NoMoreData``.
        """
        while True:
            known = self.steps(show_incomplete_steps=True)
            at = bisect_left(known, after + 1)
            if at < len(known) and (self.loaded_all_steps or self._is_complete(known[at])):
                return known[at]
            if at == len(known) and self.loaded_all_steps:
                raise NoMoreData(after + 1, ModeKeys.GLOBAL, known[-1] if known else -1)
            idle()
            self._wait()

    # tensors

    def tensor_names(
        self,
        show_prefixed_tensors: bool = False,  # noqa: ARG002 - smdebug's, which does not look at it either
        *,
        step: int | None = None,
        mode: ModeKeys = ModeKeys.GLOBAL,
        regex: str | Sequence[str] | None = None,
        collection: str | Collection | None = None,
    ) -> list[str]:
        """By name: all, or those saved at a step, in a mode, that match one of the patterns, of a collection."""
        if regex is not None and collection is not None:
            raise ValueError("Only one of `regex` or `collection` can be passed to this method")
        self.maybe_refresh()
        found = self._of_collection(collection) if collection is not None else self._all()
        if regex is not None:
            patterns = [regex] if isinstance(regex, str) else list(regex)
            found = self._once(("regex", *patterns), lambda: _matching(self._all(), patterns))
        if step is None and mode == ModeKeys.GLOBAL:
            return list(found)
        if step is None:
            return [name for name in found if self.saved_steps(name, mode)]
        try:
            here = self._tensors.names_at(self._global(step, mode))
        except KeyError:  # a step that this mode has not
            return []
        return [name for name in found if name in here]

    def tensor(self, tname: str) -> Tensor:
        """``TensorUnavailable``."""
        if not self.has_tensor(tname):
            raise TensorUnavailable(tname)
        return self._names.setdefault(tname, Tensor(tname, self))

    def has_tensor(self, tname: str) -> bool:
        if tname in self._names:
            return True
        self.maybe_refresh()
        return tname in self._all()

    def inputs(self, step: int, mode: ModeKeys = ModeKeys.GLOBAL) -> list[Array]:
        return self._values(step, self.tensor_names(step=step, mode=mode, collection="inputs"))

    def labels(self, step: int, mode: ModeKeys = ModeKeys.GLOBAL) -> list[Array]:
        return self._values(step, self.tensor_names(step=step, mode=mode, regex="labels*"))

    def predictions(self, step: int, mode: ModeKeys = ModeKeys.GLOBAL) -> list[Array]:
        return self._values(step, self.tensor_names(step=step, mode=mode, regex="predictions*"))

    # for its tensors

    def saved_steps(self, name: str, mode: ModeKeys) -> list[int]:
        found: list[int] = self._once((name, mode), lambda: self._tensors.steps(name, _own(mode)))
        return found

    def read(self, name: str, step: int, mode: ModeKeys, worker: str | None, operation: str | None = None) -> Array:
        """``Unavailable``."""
        value = self._tensors.value(name, step, _own(mode), worker, operation)
        if value.dtype == TEXT:
            return np.array(value.texts)
        return np.frombuffer(value.data, dtype=value.dtype).reshape(value.shape)

    def operations(self, name: str) -> list[str]:
        return self._tensors.operations(name)

    def saved_by(self, step: int) -> list[str]:
        """The workers that saved a global step."""
        return self._tensors.saved_by(step)

    def _values(self, step: int, names: Sequence[str]) -> list[Array]:
        return [self.tensor(name).value(step) for name in names]

    def _of_collection(self, collection: str | Collection) -> list[str]:
        name = collection if isinstance(collection, str) else collection.name
        if name not in self._tensors.collections:  # no worker knows it: nothing is in it
            return []
        found: list[str] = self._once(("collection", name), lambda: self._tensors.names(collection=name))
        return found

    def _all(self) -> list[str]:
        found: list[str] = self._once("names", self._tensors.names)
        return found

    def _steps(self, mode: ModeKeys) -> list[int]:
        found: list[int] = self._once(mode, lambda: self._tensors.steps(mode=_own(mode)))
        return found

    def _once(self, key: object, make: Callable[[], Any]) -> Any:
        """What ``make`` makes of what is there now."""
        if key not in self._known:
            self._known[key] = make()
        return self._known[key]

    def _is_complete(self, step: int) -> bool:
        """Whether all workers have saved a global step; those before one that is complete are held to be."""
        if self.num_workers <= 1:
            return True
        later = (each for each in reversed(self._steps(ModeKeys.GLOBAL)) if each >= step)
        return any(len(self.saved_by(each)) >= self.num_workers for each in later)

    def _global(self, step: int, mode: ModeKeys) -> int:
        return step if mode == ModeKeys.GLOBAL else self._tensors.global_step(Mode(mode.value), step)

    def _wait(self) -> None:
        """Until something has come, or a moment."""
        if self._state()[0] == self._seen:
            time.sleep(_PERIOD)
        self.refresh_data()

    def _state(self) -> tuple[object, int]:
        """What differs when something has come: the times of the folders that files come into; and the newest of them."""
        index = self._folder / layout.INDEX
        try:
            below = sorted(index.iterdir())
        except FileNotFoundError:
            below = []
        times = [_changed(folder) for folder in (index, *below[-2:], self._folder / layout.COLLECTIONS)]
        return (times, (self._folder / layout.END).exists()), max(times)


class Tensor:
    """One tensor over the steps. A step counts in the ``mode`` that is given, over all of them without one."""

    def __init__(self, name: str, trial: Trial) -> None:
        self.name, self.trial = name, trial

    def steps(self, mode: ModeKeys = ModeKeys.GLOBAL, show_incomplete_steps: bool = False) -> list[int]:
        whole = self.trial.steps(mode, show_incomplete_steps)
        own = self.trial.saved_steps(self.name, mode)
        if self.trial.num_workers <= 1:
            return list(own)
        known = set(whole)
        return [step for step in own if step in known]

    def value(self, step_num: int, mode: ModeKeys = ModeKeys.GLOBAL, worker: str | None = None) -> Array:
        """As ``worker`` saved it, or any; ``TensorUnavailableForStep``, ``StepUnavailable``, ``StepNotYetAvailable``."""
        try:
            return self.trial.read(self.name, step_num, mode, worker)
        except Unavailable:
            self._complain(step_num, mode)
            raise

    def values(self, mode: ModeKeys = ModeKeys.GLOBAL, worker: str | None = None) -> dict[int, Array]:
        return {step: self.value(step, mode, worker) for step in self.steps(mode)}

    def shape(self, step_num: int, mode: ModeKeys = ModeKeys.GLOBAL, worker: str | None = None) -> tuple[int, ...]:
        """``ShapeUnavailableForStep``."""
        try:
            return tuple(self.value(step_num, mode, worker).shape)
        except TensorUnavailableForStep:
            raise ShapeUnavailableForStep(self.name, step_num, mode) from None

    def reduction_value(
        self,
        step_num: int,
        reduction_name: str,
        mode: ModeKeys = ModeKeys.GLOBAL,
        worker: str | None = None,
        abs: bool = False,  # noqa: A002 - smdebug's name
    ) -> Any:
        """As it was saved, else of the value. ``reduction_name``: min, max, mean, std, variance, sum, prod, l1, l2."""
        operation = f"{'abs_' if abs else ''}{reduction_name}"
        try:
            return self.trial.read(self.name, step_num, mode, worker, operation).reshape(-1)[0]
        except Unavailable:
            return reduced(self.value(step_num, mode, worker), reduction_name, of_absolute=abs)

    def reduction_values(
        self, step_num: int, mode: ModeKeys = ModeKeys.GLOBAL, worker: str | None = None
    ) -> dict[tuple[str, bool], Any]:
        """Those that were saved, by operation and whether it is of the absolute values."""
        found = {}
        for operation in self.trial.operations(self.name):
            name, of_absolute = operation.removeprefix("abs_"), operation.startswith("abs_")
            found[name, of_absolute] = self.reduction_value(step_num, name, mode, worker, of_absolute)
        return found

    def workers(self, step_num: int, mode: ModeKeys = ModeKeys.GLOBAL) -> list[str]:
        """Those that saved the step; ``TensorUnavailableForStep``."""
        step = self.trial.global_step(mode, step_num) if mode != ModeKeys.GLOBAL else step_num
        if step is None:
            raise TensorUnavailableForStep(self.name, step_num, mode)
        return self.trial.saved_by(step)

    def prev_steps(self, step: int, n: int | None = None, mode: ModeKeys = ModeKeys.GLOBAL) -> list[int]:
        """The last ``n`` of its steps up to and with ``step``; all of them without ``n``."""
        known = self.steps(mode)
        before = known[: bisect_right(known, step)]
        return before[-n:] if n else before

    def _complain(self, step: int, mode: ModeKeys) -> None:
        """Raise what says why there is no value."""
        match self.trial.has_passed_step(step, mode):
            case StepState.AVAILABLE:
                raise TensorUnavailableForStep(self.name, step, mode, bool(self.trial.operations(self.name)))
            case StepState.UNAVAILABLE:
                raise StepUnavailable(step, mode)
        raise StepNotYetAvailable(step, mode)


def reduced(value: Array, operation: str, *, of_absolute: bool = False) -> Any:
    """One number of a tensor; ``ValueError`` for an operation that there is not."""
    numbers = np.abs(value) if of_absolute else value
    match operation:
        case "l1" | "l2":
            return np.linalg.norm(np.asarray(numbers, dtype=float).reshape(-1), ord=int(operation[1]))
        case "variance":
            return np.var(numbers)
        case "min" | "max" | "mean" | "std" | "sum" | "prod":
            return getattr(np, operation)(numbers)
    raise ValueError(f"Invalid reduction name {operation}")


def _matching(names: Sequence[str], patterns: Sequence[str]) -> list[str]:
    return [name for name in names if any(re.search(pattern, name) for pattern in patterns)]


def _own(mode: ModeKeys) -> Mode | None:
    return None if mode == ModeKeys.GLOBAL else Mode(mode.value)


def _changed(folder: Path) -> int:
    try:
        return folder.stat().st_mtime_ns
    except FileNotFoundError:
        return 0
