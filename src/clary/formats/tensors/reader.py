"""Reading the tensors of a job from a folder, also while it is being written.

``refresh`` takes in what is new; between two of them nothing changes. What cannot be read (a file that is not of the layout, or
one that was cut off) is left out; its tensor is then unavailable.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from clary.formats.protobuf import BrokenMessage
from clary.formats.tensors import collections, events, layout
from clary.formats.tensors.collections import Collection
from clary.formats.tensors.layout import Mode
from clary.formats.tensors.values import Value


class Unavailable(LookupError):
    """A tensor was not saved at that step, or its bytes are not there."""


@dataclass(frozen=True)
class _Saved:
    """Where a tensor's record lies; ``step`` is global."""

    step: int
    mode: Mode
    mode_step: int
    worker: str
    file: str
    start: int
    length: int


class Tensors:
    """``folder``: that of the layout, which need not be there yet. A step is the global one unless a mode is named."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.loaded_all = False
        """Whether the job has ended and all that it saved is known."""
        self.collections: dict[str, Collection] = {}
        """Of all workers together, by name."""
        self.workers: list[str] = []
        """Those that saved anything, by name."""
        self._collected: set[str] = set()
        self._num_workers = 0
        self._saved: dict[str, dict[tuple[int, str], _Saved]] = {}
        self._steps: dict[tuple[Mode, int], int] = {}  # mode and its step → the global step
        self._modes: dict[int, tuple[Mode, int]] = {}
        self._savers: dict[int, set[str]] = {}
        self._names_at: dict[int, set[str]] = {}
        self._read: set[Path] = set()
        self.refresh()

    @property
    def num_workers(self) -> int:
        """How many the job has, as their collections say; 0 before there are any."""
        return self._num_workers

    @property
    def complete(self) -> bool:
        """Whether the collections of every worker are there."""
        return 0 < self._num_workers <= len(self._collected)

    def refresh(self) -> None:
        """Take in what was written since the last time."""
        ended = (self.folder / layout.END).exists()  # before the rest, so that nothing is missed when it is there
        self._refresh_collections()
        for path in sorted((self.folder / layout.INDEX).glob("*/*.json")):
            if path not in self._read:
                self._take(path)
        self.loaded_all = ended

    def names(self, collection: str | None = None, pattern: str | None = None) -> list[str]:
        """Of all tensors, sorted: those of a collection, those in which a regular expression is found; ``KeyError``."""
        found = set(self._saved)
        found |= {reduced[0] for name in found if (reduced := collections.reduced(name))}
        found = {name for name in found if collections.reduced(name) is None}
        if collection is not None:
            chosen = self.collections[collection]
            found = {each for each in found if each in chosen.tensors or _matches(each, chosen.patterns)}
        return sorted(name for name in found if pattern is None or re.search(pattern, name))

    def in_order(self) -> list[str]:
        """The names of all tensors in the order in which they were first saved: that of the data's way through a network."""
        found = (collections.reduced(name) for name in self._saved)
        return list(dict.fromkeys(way[0] if way else name for name, way in zip(self._saved, found, strict=True)))

    def steps(self, name: str | None = None, mode: Mode | None = None) -> list[int]:
        """At which steps a tensor, or any, was saved, rising: of ``mode`` by its own count, else global ones."""
        if name is None:
            known = [(step, *self._modes[step]) for step in self._modes]
        else:
            known = [(each.step, each.mode, each.mode_step) for each in self._all(name)]
        return sorted({own if mode else step for step, found, own in known if mode in {None, found}})

    def saved_by(self, step: int) -> list[str]:
        """The workers that saved anything at a global step, by name."""
        return sorted(self._savers.get(step, ()))

    def names_at(self, step: int) -> frozenset[str]:
        """Of the tensors that were saved at a global step, whole or reduced."""
        return frozenset(self._names_at.get(step, ()))

    def modes(self) -> list[Mode]:
        """Those of which anything was saved."""
        return sorted({mode for mode, _ in self._steps})

    def mode_of(self, step: int) -> tuple[Mode, int]:
        """The mode of a global step, and its own count there; ``KeyError`` if nothing was saved at it."""
        return self._modes[step]

    def global_step(self, mode: Mode, step: int) -> int:
        """``KeyError`` if nothing was saved then."""
        return self._steps[mode, step]

    def operations(self, name: str) -> list[str]:
        """The reductions under which a tensor was saved, as ``abs_max``."""
        known = (collections.reduced(each) for each in self._saved)
        return sorted(found[1] for found in known if found and found[0] == name)

    def value(
        self, name: str, step: int, mode: Mode | None = None, worker: str | None = None, operation: str | None = None
    ) -> Value:
        """What a tensor was at a step; ``Unavailable``. ``worker``: the first that saved it, if none is named.

        ``operation``: that reduction of it, which was saved in place of it or beside it.
        """
        stored = name if operation is None else collections.reduction_name(name, operation)
        at = step if mode is None else self._steps.get((mode, step), -1)
        saved = self._saved.get(stored, {})
        known = [saved[at, each] for each in self.workers if (at, each) in saved and worker in {None, each}]
        if not known:
            raise Unavailable(f"The tensor {stored} was not saved at step {step}{f' of {mode.name}' if mode else ''}.")
        try:
            with self._inside(self.folder / known[0].file).open("rb") as file:
                file.seek(known[0].start)
                return events.decode(file.read(known[0].length)).value
        except (OSError, ValueError, IndexError, BrokenMessage) as error:
            raise Unavailable(f"The tensor {stored} of step {step} cannot be read: {error}") from error

    def _all(self, name: str) -> Iterator[_Saved]:
        for stored in (name, *(collections.reduction_name(name, each) for each in self.operations(name))):
            yield from self._saved.get(stored, {}).values()

    def _inside(self, path: Path) -> Path:
        """The path, unless a link or ``..`` leads out of the folder: who writes there is not trusted. ``OSError``."""
        if not path.resolve().is_relative_to(self.folder.resolve()):
            raise OSError(f"{path} leads out of {self.folder}")
        return path

    def _refresh_collections(self) -> None:
        """A worker writes its file again when it knows more tensors: so they are read each time."""
        merged: dict[str, Collection] = {}
        for path in sorted((self.folder / layout.COLLECTIONS).glob("*_collections.json")):
            worker = layout.worker_of_collections(path.name)
            try:
                found, self._num_workers = collections.decode(self._inside(path).read_text())
            except (OSError, ValueError):
                continue
            self._collected.add(worker or "")
            for name, each in found.items():
                before = merged.get(name, each)
                merged[name] = Collection(
                    name, each.patterns, tuple(sorted({*before.tensors, *each.tensors})), each.steps, each.reductions,
                    each.raw, each.histogram,
                )  # fmt: skip
        self.collections = merged or self.collections

    def _take(self, path: Path) -> None:
        named = layout.step_and_worker(path.name)
        if named is None:
            return
        step, worker = named
        try:
            found = json.loads(self._inside(path).read_text())
            meta = found["meta"]
            mode, mode_step, file = Mode[meta["mode"]], int(meta["mode_step"]), str(meta["event_file_name"])
            places = [
                (str(each["tensorname"]), int(each["start_idx"]), max(0, int(each["length"])))
                for each in found.get("tensor_payload") or []
            ]
        except (OSError, ValueError, KeyError, TypeError):
            return
        self._read.add(path)
        self._steps[mode, mode_step] = step
        self._modes[step] = mode, mode_step
        self._savers.setdefault(step, set()).add(worker)
        if worker not in self.workers:
            self.workers = sorted([*self.workers, worker])
        here = self._names_at.setdefault(step, set())
        for name, start, length in places:
            way = collections.reduced(name)
            here.add(way[0] if way else name)
            saved = _Saved(step, mode, mode_step, worker, file, start, length)
            self._saved.setdefault(name, {})[step, worker] = saved


def _matches(name: str, patterns: Sequence[str]) -> bool:
    try:
        return any(re.search(each, name) for each in patterns)
    except re.error:  # the collections were written by somebody else's program
        return False
