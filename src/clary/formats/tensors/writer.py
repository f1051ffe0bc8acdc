"""Writing the tensors of one worker: a step at a time, which is there whole or not at all.

No event is flushed to the disk itself: they are diagnostics, and a job that saves many must not wait for the disk.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from clary.formats.tensors import collections, events, layout
from clary.formats.tensors.collections import Collection
from clary.formats.tensors.events import Event
from clary.formats.tensors.layout import Mode
from clary.formats.tensors.values import Value


class Step:
    """The tensors of one step as they come; they are visible after ``close``. ``step``: the global one."""

    def __init__(self, folder: Path, worker: str, step: int, mode: Mode, mode_step: int) -> None:
        self._folder, self._worker, self.step = folder, worker, step
        self.mode, self.mode_step = mode, mode_step
        self._index: list[dict[str, str | int]] = []
        self._at = 0
        self._path = folder / layout.event_file(step, worker)
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._file = _aside(self._path).open("wb")

    def add(self, name: str, value: Value, at: float) -> None:
        """``at``: when it had this value, in epoch seconds.

        ``OSError``, or ``ValueError`` of a type that the format has no place for; nothing is written then.
        """
        pieces = events.encode(Event(name, self.step, self.mode, self.mode_step, value, at))
        self._file.writelines(pieces)
        length = sum(map(len, pieces))
        self._index.append({"tensorname": name, "start_idx": self._at, "length": length})
        self._at += length

    def close(self) -> bool:
        """Let readers see it: the events first, then their index. Returns whether there was anything."""
        self._file.close()
        if not self._index:
            _aside(self._path).unlink()
            self._path.parent.rmdir()
            return False
        _aside(self._path).rename(self._path)
        meta = {
            "mode": self.mode.name,
            "mode_step": self.mode_step,
            "event_file_name": layout.event_file(self.step, self._worker),
        }
        text = json.dumps({"meta": meta, "tensor_payload": self._index})
        _write(self._folder / layout.index_file(self.step, self._worker), text)
        return True


def write_collections(folder: Path, worker: str, found: Sequence[Collection], workers: int) -> None:
    """What the worker saves; readers wait for this file of each worker before they look at any other."""
    _write(folder / layout.collections_file(worker), collections.encode(found, workers))


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    _aside(path).write_text(text)
    _aside(path).rename(path)


def _aside(path: Path) -> Path:
    return path.with_name(path.name + layout.SUFFIX)
