"""Which tensors are saved at which step, and the files that they go into. It knows no library: ``Kind`` does."""

from __future__ import annotations

import json
import os
import re
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, Protocol

from clary.formats.tensors import collections, tensorboard, values
from clary.formats.tensors.layout import Mode
from clary.formats.tensors.tensorboard import Histogram
from clary.formats.tensors.values import Value
from clary.formats.tensors.writer import Step, write_collections
from clary.runtime import contract
from clary.runtime.hook import workers
from clary.runtime.hook.configuration import METRICS, Collection, Configuration
from clary.runtime.hook.workers import Worker


class Kind(Protocol):
    """Tensors of a library."""

    def value(self, tensor: Any) -> Value | None:
        """As it is saved; None of one that is empty."""

    def reduced(self, tensor: Any, operation: str) -> float:
        """``operation``: of ``collections.OPERATIONS``, also with ``abs_`` before it."""

    def histogram(self, tensor: Any) -> Histogram | None:
        """None where there is nothing to count."""


class Saver:
    """Counts steps, and saves at each what its collections ask for. ``worker``: asked when the first step begins."""

    def __init__(
        self,
        configuration: Configuration,
        kind: Kind,
        patterns: Mapping[str, Iterable[str]],
        always: Iterable[str],
        worker: Callable[[], Worker],
    ) -> None:
        self.configuration, self._kind, self._worker_of = configuration, kind, worker
        self.mode = Mode.GLOBAL
        self.step = -1
        self.mode_steps: dict[Mode, int] = {}
        self.collections = {name: Collection(name, list(found)) for name, found in patterns.items()}
        self._choose(always)
        self._active: tuple[Collection, ...] = ()
        self._of: dict[str, tuple[Collection, ...]] = {}
        self._next: dict[Mode, int | None] = {}  # the step of each mode before which nothing is saved
        self._known: set[str] = set()
        self._written: set[str] | None = None
        self._worker: Worker | None = None
        self._file: Step | None = None
        self._board: tensorboard.Step | None = None
        self._scalars: list[tuple[str, float, float, bool]] = []
        self._last_saved = -1

    def _choose(self, always: Iterable[str]) -> None:
        configuration = self.configuration
        for given in configuration.collections:
            own = self.collections.setdefault(given.name, given)
            if own is not given:
                own.include_regex += given.include_regex
                own.steps, own.reductions, own.save_histogram = given.steps, given.reductions, given.save_histogram
                own.saved = True
        for name in always:
            self.collections[name].saved = True
        if configuration.include_regex:
            self.collections["default"].include_regex += configuration.include_regex
            self.collections["default"].saved = True
        if configuration.save_all or self.collections["all"].saved:
            self.collections["all"].include_regex.append(".*")
            self.collections["all"].saved = True

    def begin(self, mode: Mode | None = None, step: int | None = None) -> tuple[Collection, ...]:
        """A new step; returns the collections that are saved at it. ``step``: its number in its mode, if that is known."""
        self.end()
        if mode is not None:
            self.mode = mode
        if self._worker is None:
            self._begin_work()
        self.step += 1
        own = self.mode_steps.get(self.mode, -1) + 1 if step is None else step
        self.mode_steps[self.mode] = own
        due = self._next.get(self.mode, 0)
        self._active = () if due is None or own < due else self._due(own)
        return self._active

    def _due(self, step: int) -> tuple[Collection, ...]:
        """What is saved at this step of the mode; notes when there is something again."""
        assert self._worker is not None
        saved = [each for each in self.collections.values() if each.saved and each.takes(self.mode)]
        if not self._worker.writes:
            saved = []
        later = [self._steps(each).next(step + 1) for each in saved]
        self._next[self.mode] = min((each for each in later if each is not None), default=None)
        return tuple(each for each in saved if self._steps(each).has(step))

    @property
    def active(self) -> tuple[Collection, ...]:
        """The collections that are saved at this step."""
        return self._active

    def changed(self) -> None:
        """A collection was added to or changed."""
        self._of.clear()
        self._next.clear()

    def wants(self, name: str) -> bool:
        """Whether a tensor of this name is saved at this step."""
        return any(each in self._active for each in self._collections_of(name))

    def save(self, name: str, tensor: Any) -> None:
        """Save it as its collections ask for at this step, if they do."""
        chosen = [each for each in self._collections_of(name) if each in self._active]
        if not chosen or (value := self._kind.value(tensor)) is None:
            return
        file, at = self._open(), time.time()
        operations = {each for one in chosen for each in self._reductions(one)}
        for operation in sorted(operations):
            number = values.scalar(self._kind.reduced(tensor, operation))
            file.add(collections.reduction_name(name, operation), number, at)
        if any(self._is_raw(each) for each in chosen):
            file.add(name, value, at)
        self._known.add(name)
        for each in chosen:
            each.tensor_names.add(name)
        if any(each.name in METRICS for each in chosen):
            self._metric(name, self._kind.reduced(tensor, "mean"), at)
        self._show(name, tensor, chosen, at)

    def scalar(self, name: str, number: float, *, is_metric: bool = False, at: float | None = None) -> None:
        """Save a number at the end of this step, whether anything else of it is saved or not."""
        self._scalars.append((f"scalar/{name}", number, at or time.time(), is_metric))

    def end(self) -> None:
        """Let readers see what was saved of this step."""
        if self._file is None and not self._scalars:
            return
        if self._worker is None:  # before the first step, which takes the numbers
            return
        for name, number, at, is_metric in self._scalars if self._worker.writes else ():
            self._open().add(name, values.scalar(number), at)
            if self.configuration.board is not None:
                self._board_step(at).scalar(name, number)
            if is_metric:
                self._metric(name, number, at)
        self._scalars.clear()
        if self._file is None:
            return
        file, self._file = self._file, None
        if file.close():
            self._last_saved = file.step
            self._write_collections()
            workers.save_state(self.configuration.checkpoints, self.step, self._last_saved, self.mode_steps)
        if self._board is not None:
            self._board.close()
            self._board = None

    def close(self) -> None:
        """End the last step; another process may claim the folder then."""
        self.end()
        if self._worker is not None and self._worker.count == 1:
            workers.release(self.configuration.folder)

    # steps

    def _begin_work(self) -> None:
        worker = self._worker_of()
        if workers.has_smdebug():  # the script brought it, to save by that
            worker = Worker(worker.rank, worker.count, writes=False)
        if worker.writes and worker.count == 1 and not workers.claim(self.configuration.folder):
            worker = Worker(worker.rank, worker.count, writes=False)
            print(
                "Clary: another process of this job saves the tensors; this one does not.", file=sys.stderr, flush=True
            )
        self._worker = worker
        before = workers.last_step(self.configuration.folder, worker.name)
        earlier = workers.saved_state(self.configuration.checkpoints)
        self.step, modes = max(before, earlier, key=lambda found: found[0])
        self.mode_steps = {**modes, **self.mode_steps}

    def _steps(self, collection: Collection) -> collections.Steps:
        return collection.steps.get(self.mode) or self.configuration.steps[self.mode]

    def _reductions(self, collection: Collection) -> tuple[str, ...]:
        if collection.is_scalar:
            return ()
        return self.configuration.reductions if collection.reductions is None else collection.reductions

    def _is_raw(self, collection: Collection) -> bool:
        return not self._reductions(collection) if collection.raw is None else collection.raw

    def _collections_of(self, name: str) -> tuple[Collection, ...]:
        if (found := self._of.get(name)) is None:
            saved = (each for each in self.collections.values() if each.saved)
            found = self._of[name] = tuple(
                each
                for each in saved
                if name in each.tensor_names or any(re.search(pattern, name) for pattern in each.include_regex)
            )
        return found

    # files

    def _open(self) -> Step:
        if self._file is None:
            assert self._worker is not None
            step, own = max(self.step, 0), max(self.mode_steps.get(self.mode, 0), 0)
            self._file = Step(self.configuration.folder, self._worker.name, step, self.mode, own)
        return self._file

    def _write_collections(self) -> None:
        assert self._worker is not None
        if self._written == self._known:
            return
        self._written = set(self._known)
        found = [
            collections.Collection(
                each.name,
                tuple(each.include_regex),
                tuple(each.tensor_names),
                {mode: each.steps.get(mode) or self.configuration.steps[mode] for mode in Mode},
                self._reductions(each),
                self._is_raw(each),
                each.save_histogram and not each.is_scalar,
            )
            for each in self.collections.values()
        ]
        write_collections(self.configuration.folder, self._worker.name, found, self._worker.count)

    def _board_step(self, at: float) -> tensorboard.Step:
        if self._board is None:
            assert self.configuration.board is not None
            self._board = tensorboard.Step(self.configuration.board, self.mode, max(self.step, 0), at)
        return self._board

    def _show(self, name: str, tensor: Any, chosen: list[Collection], at: float) -> None:
        """TensorBoard's part: a number of losses and metrics, else a histogram."""
        if self.configuration.board is None:
            return
        if any(each.name in METRICS for each in chosen):
            self._board_step(at).scalar(name, self._kind.reduced(tensor, "mean"))
            return
        for each in chosen:
            if each.save_histogram and not each.is_scalar:
                if (found := self._kind.histogram(tensor)) is not None:
                    self._board_step(at).histogram(f"{each.name}/{name}", found)
                break

    def _metric(self, name: str, number: float, at: float) -> None:
        """A line in the file from which the platform takes metrics of the job."""
        if "TRAINING_JOB_NAME" not in os.environ:
            return
        folder = Path(os.environ.get("SAGEMAKER_METRICS_DIRECTORY") or contract.METRICS)
        folder.mkdir(parents=True, exist_ok=True)
        line = {
            "MetricName": f"{name}_{self.mode.name}",
            "Value": number,
            "Timestamp": at,
            "IterationNumber": max(self.mode_steps.get(self.mode, 0), 0),
        }
        with (folder / f"{os.getpid()}.json").open("a") as file:
            file.write(json.dumps(line) + "\n")
