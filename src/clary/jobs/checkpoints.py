"""Checkpoints: a folder of each host that is filled from S3 before its task starts, and kept in S3 while it runs.

The folder lies beside the task's own (``directory/checkpoints``) and is mounted where CheckpointConfig's LocalPath says.
What of it is in S3 stands in ``checkpoints.json`` there: size, time and number of each file as it was uploaded. So what
changed, and what was deleted, is known again after a crash; whatever else lies below S3Uri is left alone.

Only whole files are uploaded: on Linux those that nobody holds open for writing, elsewhere those that nobody has written
to for a second; one that changes while it is read is not named. Left out are names that no key can have, and links,
which could lead anywhere. Other folders are kept so too (those of ``clary.jobs.debug_output``, and ``output/intermediate``);
``Files`` says how one knows of theirs which are whole.
"""

from __future__ import annotations

import json
import logging
import os
import stat
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from clary.buckets import parse_uri
from clary.clock import machine_ms
from clary.engines.base import Mount, Progress
from clary.engines.durable import replace
from clary.errors import DiskFull, ServiceError
from clary.guarded_buckets import GuardedBuckets

if sys.platform == "linux":
    import fcntl
    import signal

log = logging.getLogger(__name__)

LOCAL_PATH = "/opt/ml/checkpoints"
"""Where they are if LocalPath says nothing."""

_SETTLED = 1.0  # seconds without a write after which a file is held to be whole where nothing better is known
_PERIOD = 1.0  # seconds between two looks at a folder
_PIECE = 1 << 20
_LONGEST_KEY = 1024  # bytes, S3's limit

Judge = Callable[[os.stat_result, bool | None], bool]
"""Whether a changed file is whole, by how it stands and whether somebody holds it open for writing (None: not known)."""

Mark = list[int]
"""What tells a file's content from the one before: size, time of the last write in nanoseconds, inode."""


Files = Literal[
    "settled",  # whole when nobody writes to them any more
    "named",  # written under another name and renamed: whole from the first sight
    "growing",  # every beginning is of use, also while somebody writes on
]


class CannotKeep(Exception):
    """Checkpoints cannot be read from, or written to, S3; the message becomes the job's FailureReason.

    ``passing``: it may go well later (a full disk).
    """

    def __init__(self, message: str, *, passing: bool = False) -> None:
        super().__init__(f"ClientError: {message}")
        self.passing = passing


class _NotWhole(Exception):
    """The file changed while it was read, or whoever reads it was told to stop."""


@dataclass(frozen=True)
class Place:
    """One host's folder of checkpoints. ``directory``: its task's; ``uri``: S3Uri; ``key``: of KMS to encrypt under, or "".

    ``buckets``: S3 with the rights that the job's role has at that moment. ``name``: the folder's; ``noun``: what it holds;
    ``mirrored``: whether what is removed from it is removed from S3; ``needed``: whether the job fails if it cannot be kept.
    ``order``: folders at its top in the order in which their files become visible, before all others: a file of a later one
    is uploaded after those of the earlier ones that were there when it was. ``skipped``: how names end that are left out.
    """

    directory: Path
    uri: str
    key: str
    buckets: Callable[[], GuardedBuckets]
    name: str = "checkpoints"
    noun: str = "Checkpoint"
    mirrored: bool = True
    needed: bool = True
    files: Files = "settled"
    order: tuple[str, ...] = ()
    skipped: tuple[str, ...] = ()

    @property
    def folder(self) -> Path:
        return self.directory / self.name

    @property
    def known(self) -> Path:
        return self.directory / f"{self.name}.json"

    def uri_of(self, name: str) -> str:
        return f"{self.uri.rstrip('/')}/{name}"

    def mount(self, local_path: str) -> Mount:
        return Mount(self.folder, local_path.rstrip("/"), writable=True)


def restore(place: Place) -> None:
    """Fill the folder with what lies below S3Uri; ``CannotKeep``. It may be repeated before the task starts."""
    place.folder.mkdir(parents=True, exist_ok=True)
    known = {}
    try:
        buckets, prefix = place.buckets(), place.uri_of("")
        for entry in buckets.list(prefix):
            name = entry.key[len(parse_uri(prefix)[1]) :]
            if not name or name.endswith("/"):
                continue
            if any(part in {"", ".", ".."} for part in name.split("/")) or "\0" in name:
                raise CannotKeep(f"Checkpoint download failed: the key {entry.key!r} cannot be a file name")
            path = place.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            buckets.save(entry, path)
            known[name] = _mark(path.stat())
    except (ServiceError, OSError) as error:
        raise CannotKeep(f"Checkpoint download from {place.uri} failed: {error}") from error
    _write(place, known)


def sync(
    place: Place,
    is_whole: Judge = lambda _, held: not held,
    stopped: Callable[[], bool] = lambda: False,
) -> None:
    """Bring S3 to what the folder holds: first uploads, then deletions, so that a newer one is there first. ``CannotKeep``.

    ``stopped``: whether to give up an upload that is under way.
    """
    known = _read(place)
    now: dict[str, Mark] = {}
    try:
        buckets = place.buckets()
        for name, folder, found in _in_order(place):
            mark = _mark(found)
            whole = known.get(name) == mark or _upload(buckets, place, name, folder, mark, is_whole, stopped)
            if whole:
                now[name] = mark
            elif name in known:
                now[name] = known[name]
        if place.mirrored and (gone := known.keys() - now.keys()):
            _write(place, {**known, **now})
            for name in sorted(gone):
                buckets.delete(place.uri_of(name))
    except (ServiceError, OSError) as error:
        passing = isinstance(error, OSError | DiskFull)
        raise CannotKeep(f"{place.noun} upload to {place.uri} failed: {error}", passing=passing) from error
    if now != known:
        _write(place, now)


def _upload(
    buckets: GuardedBuckets,
    place: Place,
    name: str,
    folder: int,
    mark: Mark,
    is_whole: Judge,
    stopped: Callable[[], bool],
) -> bool:
    """Whether the file was whole and is now in S3."""
    try:
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        file = os.open(name.rpartition("/")[2], flags, dir_fd=folder)
    except FileNotFoundError:
        return False
    try:
        found = os.fstat(file)
        if _mark(found) != mark or not (place.files != "settled" or is_whole(found, _is_held(file))):
            return False
        pieces = _pieces(file, mark, stopped, grows=place.files == "growing")
        buckets.put_pieces(place.uri_of(name), pieces, key=place.key)
    except _NotWhole:
        return False
    finally:
        os.close(file)
    return True


def _pieces(file: int, mark: Mark, stopped: Callable[[], bool], *, grows: bool) -> Iterator[bytes]:
    """The bytes that the mark speaks of; ``grows``: more may follow them."""
    left = mark[0]
    while piece := os.read(file, min(_PIECE, left) if grows else _PIECE):
        if stopped():
            raise _NotWhole
        left -= len(piece)
        yield piece
    if left if grows else _mark(os.fstat(file)) != mark:
        raise _NotWhole


def _in_order(place: Place) -> Iterator[tuple[str, int, os.stat_result]]:
    """As ``_files``, by the place's order. What comes after the first look waits for the next: what it needs may be missing."""
    if not place.order:
        yield from (file for file in _files(place.folder) if not file[0].endswith(place.skipped))
        return
    there = {name for name, _, _ in _files(place.folder) if not name.endswith(place.skipped)}
    for top in (*place.order, None):
        for file in _files(place.folder):
            first = file[0].partition("/")[0]
            if file[0] in there and (first == top if top else first not in place.order):
                yield file


def _files(folder: Path) -> Iterator[tuple[str, int, os.stat_result]]:
    """Each plain file: its path in the folder, a descriptor of the directory it lies in, and how it stands.

    Directories are entered by descriptor: a task that puts a link in the place of one leads nobody elsewhere.
    """
    for root, folders, names, descriptor in os.fwalk(folder):
        folders.sort()
        below = Path(root).relative_to(folder).as_posix()
        for leaf in sorted(names):
            name = leaf if below == "." else f"{below}/{leaf}"
            try:
                found = os.stat(leaf, dir_fd=descriptor, follow_symlinks=False)
            except FileNotFoundError:
                continue
            if stat.S_ISREG(found.st_mode) and _can_be_key(name):
                yield name, descriptor, found


def _can_be_key(name: str) -> bool:
    try:
        return len(name.encode()) <= _LONGEST_KEY
    except UnicodeEncodeError:  # bytes that are no text
        return False


def _mark(found: os.stat_result) -> Mark:
    return [found.st_size, found.st_mtime_ns, found.st_ino]


def _is_held(file: int) -> bool | None:
    """Whether somebody holds it open for writing, or mapped so; None where that cannot be known.

    Linux gives a lease for reading on a file only if nobody does: fcntl(2), F_SETLEASE.
    """
    if sys.platform != "linux":
        return None
    try:
        # Whoever opens it for writing in this instant is told of by a signal: one that is ignored.
        fcntl.fcntl(file, fcntl.F_SETSIG, signal.SIGURG)
        fcntl.fcntl(file, fcntl.F_SETLEASE, fcntl.F_RDLCK)
    except BlockingIOError:
        return True
    except OSError:  # another's file, or a file system without leases
        return None
    fcntl.fcntl(file, fcntl.F_SETLEASE, fcntl.F_UNLCK)
    return False


def _read(place: Place) -> dict[str, Mark]:
    try:
        found: dict[str, Mark] = json.loads(place.known.read_bytes())
    except FileNotFoundError:
        return {}
    return found


def _write(place: Place, known: dict[str, Mark]) -> None:
    replace(str(place.known), json.dumps(known))


class Followers:
    """Keeps the folders of running tasks in S3, each in a thread of its own. Nothing of it must outlive the process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._following: dict[Path, _Follower] = {}
        self._closed = threading.Event()

    def follow(self, place: Place) -> None:
        """Look at the folder every second from now on, if that is not done already; ``CannotKeep`` if that went wrong."""
        with self._lock:
            follower = self._following.get(place.folder)
            if follower is None:
                follower = self._following[place.folder] = _Follower(place, self._closed)
                follower.start()
        if follower.problem is not None:
            raise follower.problem

    def finish(self, place: Place, end: Progress) -> None:
        """The last upload, once the task has ended; ``CannotKeep``. It may be repeated.

        Of a program that was killed, or whose end nobody saw, what it wrote in its last second may be half a file: the
        one that S3 holds stays.
        """
        with self._lock:
            follower = self._following.pop(place.folder, None)
        if follower is not None:
            follower.end()
        killed, ended = end.lost or end.exit_code == 137, end.ended or _machine_time()
        sync(place, lambda found, held: not held and not (killed and _is_young(found, ended)))

    def close(self) -> None:
        """Stop all of them; an upload under way is given up and made again after the next start."""
        self._closed.set()
        with self._lock:
            following, self._following = list(self._following.values()), {}
        for follower in following:
            follower.end()


class _Follower(threading.Thread):
    """Uploads what settled, over and over; ``problem``: why it gave up."""

    def __init__(self, place: Place, closed: threading.Event) -> None:
        super().__init__(name=f"{place.name}-{place.directory.name}", daemon=True)
        self._place, self._closed = place, closed
        self._ended = threading.Event()
        self.problem: CannotKeep | None = None

    def run(self) -> None:
        while not self._ended.wait(_PERIOD):
            try:
                sync(self._place, _seems_whole, self._closed.is_set)
            except CannotKeep as error:
                if not error.passing:
                    self.problem = error
                    return
                log.warning("%s", error)

    def end(self) -> None:
        self._ended.set()
        self.join()


def _seems_whole(found: os.stat_result, held: bool | None) -> bool:
    """Of a file whose writer lives."""
    return held is False or (held is None and not _is_young(found, _machine_time()))


def _is_young(found: os.stat_result, now: float) -> bool:
    return 0 <= now - found.st_mtime < _SETTLED


def _machine_time() -> float:
    """The time that files have, in seconds since 1970."""
    return machine_ms() / 1000
