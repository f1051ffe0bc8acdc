"""Feeds the FIFOs of a task's channels in Pipe mode, epoch after epoch; runs beside the task, as its companion.

``python -I -S feeder.py PLAN``. The plan, JSON: ``{folder, problem, channels: [{name, items, share, seed, gzip, wrap}]}``, as
``clary.jobs.pipes`` writes it. An item is a list of parts, each {file, uri} or {text}. A channel's epoch n goes through
``<folder>/<name>_<n>``, and the FIFO of the next one is there as soon as somebody opens this one. A reader that closes early
gets the next epoch from its start.

It needs neither the server nor any right: what it reads was linked beside the task before that started. It ends when its
standard input does, and with exit code 1, the reason in the file ``problem``, when a channel cannot be fed: the task is
killed then. The task can do what it likes in ``folder``: nothing is
opened there through a link, and nothing written to that is not a FIFO.
"""

# ruff: noqa: PTH123
# (pathlib is left out: this starts with every task that reads a pipe, and its import takes milliseconds)
from __future__ import annotations

import contextlib
import fcntl
import itertools
import json
import os
import stat
import sys
import threading
import zlib
from collections.abc import Iterator
from typing import Any

if __name__ == "__main__":
    sys.path.insert(0, os.path.abspath(f"{__file__}/../../.."))  # noqa: PTH100

from clary.engines.durable import replace
from clary.formats import recordio
from clary.jobs.dealing import deal

_PIECE = 1 << 20  # bytes moved at a time, and held by a FIFO where the kernel lets it
_GZIP = 31  # zlib's window bits for a gzip member


class CannotFeed(Exception):
    """The message becomes the job's FailureReason."""


class _FolderGone(Exception):
    """The task has removed the folder of its FIFOs, and so can open none of them."""


class Channel:
    """One channel of a plan; ``folder``: a descriptor of the folder of its FIFOs."""

    def __init__(self, folder: int, given: dict[str, Any]) -> None:
        self._folder, self._given, self._name = folder, given, given["name"]

    def feed(self) -> None:
        """Returns when the task has removed the folder; ``CannotFeed``."""
        with contextlib.suppress(_FolderGone):
            self._feed()

    def _feed(self) -> None:
        for epoch in itertools.count():
            given = self._given
            items = deal(given["items"], tuple(given["share"]), given["seed"], epoch)
            pipe = self._open(f"{self._name}_{epoch}")
            self._make(f"{self._name}_{epoch + 1}")
            try:
                for item in items:
                    for part in item:
                        self._send(pipe, part)
            except BrokenPipeError:
                pass  # closed early: on with the next epoch
            os.close(pipe)
            with contextlib.suppress(OSError):
                os.unlink(f"{self._name}_{epoch}", dir_fd=self._folder)

    def _make(self, name: str) -> None:
        try:
            os.mkfifo(name, 0o600, dir_fd=self._folder)
        except FileExistsError:
            pass
        except FileNotFoundError as error:
            raise _FolderGone from error
        except OSError as error:
            raise CannotFeed(f"the FIFO {name} cannot be made: {error.strerror}") from error

    def _open(self, name: str) -> int:
        """Waits for a reader."""
        self._make(name)
        try:
            pipe = os.open(name, os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=self._folder)
        except OSError as error:
            raise CannotFeed(f"the FIFO {name} cannot be opened any more: {error.strerror}") from error
        if not stat.S_ISFIFO(os.fstat(pipe).st_mode):
            raise CannotFeed(f"something else stands in the place of the FIFO {name}")
        if hasattr(fcntl, "F_SETPIPE_SZ"):  # Linux
            with contextlib.suppress(OSError):  # more than this user may have
                fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, _PIECE)
        return pipe

    def _send(self, pipe: int, part: dict[str, str]) -> None:
        if "text" in part:
            data = part["text"].encode()
            _write(pipe, recordio.encode(data) if self._given["wrap"] else data)
            return
        uri = part["uri"]
        try:
            self._send_file(pipe, part["file"], uri)
        except BrokenPipeError:
            raise
        except OSError as error:
            raise CannotFeed(f"{uri} cannot be read: {error.strerror}") from error

    def _send_file(self, pipe: int, path: str, uri: str) -> None:
        with open(path, "rb", buffering=0) as file:
            if not self._given["gzip"] and not self._given["wrap"]:
                _move(file.fileno(), pipe)
                return
            read: Iterator[bytes] = iter(lambda: file.read(_PIECE), b"")
            pieces = _unzipped(read, uri) if self._given["gzip"] else read
            if not self._given["wrap"]:
                for piece in pieces:
                    _write(pipe, piece)
                return
            try:
                record = recordio.encode(b"".join(pieces))
            except ValueError as error:
                raise CannotFeed(f"{uri} cannot be wrapped: {error}") from error
            _write(pipe, record)


def _unzipped(pieces: Iterator[bytes], uri: str) -> Iterator[bytes]:
    """The content of a gzip file, of all its members; ``CannotFeed``."""
    member = zlib.decompressobj(_GZIP)
    began = False
    for data in pieces:
        rest = data
        while rest:
            began = True
            try:
                content = member.decompress(rest, _PIECE)
            except zlib.error as error:
                raise CannotFeed(f"{uri} is no gzip file, or a damaged one: {error}") from error
            if content:
                yield content
            rest = member.unconsumed_tail
            if member.eof:
                rest, member, began = member.unused_data, zlib.decompressobj(_GZIP), False
                rest = rest if rest.strip(b"\0") else b""  # padding, as of tapes
    if began:
        raise CannotFeed(f"{uri} is a gzip file that ends too early: it was cut short")


def _move(source: int, pipe: int) -> None:
    """A file into a FIFO; by the kernel alone where it can."""
    while hasattr(os, "splice"):
        if not os.splice(source, pipe, _PIECE):
            return
    while data := os.read(source, _PIECE):
        _write(pipe, data)


def _write(pipe: int, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(pipe, rest) :]


def _feed(channel: Channel, name: str, problem: str) -> None:
    """A thread's work; whatever goes wrong in it ends the process."""
    good = False
    try:
        channel.feed()
        good = True
    except CannotFeed as error:
        replace(problem, f"ClientError: Data download failed: the channel {name!r}: {error}")
    finally:
        if not good:
            # A child keeps the FIFOs open until the task is dead, which would take half of its data for the whole.
            if os.fork() == 0:
                os.read(0, 1)
            os._exit(1)


def main(plan: str) -> None:
    with open(plan, encoding="utf-8") as file:
        wanted = json.load(file)
    folder = os.open(wanted["folder"], os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    for given in wanted["channels"]:
        arguments = (Channel(folder, given), given["name"], wanted["problem"])
        threading.Thread(target=_feed, args=arguments, daemon=True).start()
    os.read(0, 1)  # the supervisor closes it at the task's end, or dies
    os._exit(0)


if __name__ == "__main__":
    main(sys.argv[1])
