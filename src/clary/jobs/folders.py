"""A channel's objects as files in a folder, so that no job can ever write through one into the stored object.

A channel of a few small objects is copied. Any other becomes a folder of hard links beside ``/opt/ml``, whatever its
size, which the task sees through a mount: read-only, or under a layer that takes what it writes. Encrypted objects are
decrypted into the folder; all of it goes when the job ends.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from urllib.parse import quote

from clary.engines.base import Mount
from clary.guarded_buckets import GuardedBuckets
from clary.jobs.sources import CannotStage, Item

BESIDE = "channels"
"""The folder beside a task's ``ml`` that holds its channels' links."""

_FEW, _SMALL = 200, 16 << 20  # objects, and bytes together, up to which copying is quicker than mounting


def show(
    buckets: GuardedBuckets, items: Sequence[Item], ml: Path, folder: str, *, read_only: bool = False
) -> list[Mount]:
    """Lay objects out as files of ``/opt/ml/<folder>``; returns the mounts still to be made. ``CannotStage``."""
    target = ml / folder
    shutil.rmtree(target, ignore_errors=True)  # what a start before a crash left
    target.mkdir(parents=True)
    few = len(items) <= _FEW and sum(item.entry.size for item in items) <= _SMALL
    if few and not read_only:
        _fill(items, target, lambda item, path: buckets.save(item.entry, Path(path)))
        return []
    beside = ml.parent / BESIDE / quote(folder, safe="")
    shutil.rmtree(beside, ignore_errors=True)
    beside.mkdir(parents=True)
    _fill(items, beside, lambda item, path: link(buckets, item, path))
    return [Mount(beside, f"/opt/ml/{folder}", layered=not read_only)]


def link(buckets: GuardedBuckets, item: Item, path: str) -> None:
    """The object's bytes at ``path``, for reading only."""
    file = buckets.file(item.entry)
    try:
        if file is not None:
            os.link(file, path)
            return
    except OSError:  # another file system, one without links, or too many of them
        pass
    buckets.save(item.entry, Path(path))


def _fill(items: Sequence[Item], folder: Path, put: Callable[[Item, str], None]) -> None:
    files: dict[str, Item] = {}
    folders: dict[str, Item] = {}
    for item in items:
        name = _checked(item)
        other = files.get(name) or folders.get(name)
        if other is not None and (name in folders or other.uri != item.uri):
            raise _clash(other, item)
        if other is not None:  # a manifest may name an object twice
            continue
        try:
            _make(name.rpartition("/")[0], item, folder, files, folders)
            put(item, f"{folder}/{name}")
        except OSError as error:
            raise CannotStage(f"{item.uri} cannot become the file {name!r}: {error.strerror or error}") from error
        files[name] = item


def _make(name: str, item: Item, root: Path, files: dict[str, Item], folders: dict[str, Item]) -> None:
    """A folder and those above it."""
    if not name or name in folders:
        return
    if name in files:
        raise _clash(files[name], item)
    _make(name.rpartition("/")[0], item, root, files, folders)
    (root / name).mkdir()
    folders[name] = item


def _checked(item: Item) -> str:
    if any(part in {"", ".", ".."} for part in item.name.split("/")) or "\0" in item.name:
        raise CannotStage(f"the key {item.entry.key!r} cannot be a file name below the channel's folder")
    return item.name


def _clash(one: Item, other: Item) -> CannotStage:
    return CannotStage(
        f"{one.uri} and {other.uri} cannot both be files: one would have to be a folder of the other's name, or they have "
        "the same name. Use Pipe mode, or keys that do not clash"
    )
