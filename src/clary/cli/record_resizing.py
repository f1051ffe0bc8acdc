"""Resizing images for ``clary records pack``: programs in the environment of the PyTorch image, one for each processor.

Clary's own Python decodes no image; that environment has Pillow.
"""

from __future__ import annotations

import os
import subprocess
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import IO

from rich.console import Console

from clary.cli import images
from clary.cli.record_sources import Labelled
from clary.formats import recordio
from clary.images import catalog
from clary.images.environments import Environments
from clary.settings import Settings

_AHEAD = 4  # images under way for each program
_MOST = 8  # programs


class _Program:
    """One running program. It ends when its input does, so it never outlives the command."""

    def __init__(self, command: list[str], environment: dict[str, str]) -> None:
        self._child = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment, start_new_session=True
        )
        assert self._child.stdin is not None
        assert self._child.stdout is not None
        self._to: IO[bytes] = self._child.stdin
        self._answers = iter(recordio.Reader(self._child.stdout))

    def is_alive(self) -> bool:
        return self._child.poll() is None

    def resize(self, data: bytes) -> bytes:
        """``ValueError`` with its words where it cannot do an image."""
        try:
            self._to.write(recordio.encode(data))
            self._to.flush()
            answer = bytes(next(self._answers))
        except (BrokenPipeError, StopIteration, recordio.BrokenRecord):
            raise ValueError(f"the program that resizes has ended ({self._child.wait()})") from None
        if answer[0] == 0:
            raise ValueError(f"it cannot be decoded: {answer[1:].decode()}")
        return answer[1:]

    def end(self) -> None:
        self._child.kill()
        self._child.wait()
        for stream in (self._child.stdin, self._child.stdout):
            if stream is not None:
                with suppress(BrokenPipeError):  # what it never took
                    stream.close()


class Resizer:
    """Hands out resized images in order, a few read ahead."""

    def __init__(self, command: list[str], environment: dict[str, str]) -> None:
        self._command, self._environment = command, environment
        self._idle: SimpleQueue[_Program] = SimpleQueue()
        self._threads = min(os.cpu_count() or 1, _MOST)

    def resized(
        self, items: Iterable[Labelled], read: Callable[[Path | str], bytes]
    ) -> Iterator[tuple[Labelled, Callable[[], bytes]]]:
        """Each with a call that gives its bytes, or raises what reading raises, or ``ValueError``."""
        waiting: deque[tuple[Labelled, Future[bytes]]] = deque()
        with ThreadPoolExecutor(self._threads) as threads:
            try:
                for item in items:
                    waiting.append((item, threads.submit(self._resize, read, item.place)))
                    if len(waiting) > self._threads * _AHEAD:
                        first, future = waiting.popleft()
                        yield first, future.result
                while waiting:
                    first, future = waiting.popleft()
                    yield first, future.result
            finally:
                for _, future in waiting:  # nobody wants them any more
                    future.cancel()

    def _resize(self, read: Callable[[Path | str], bytes], place: Path | str) -> bytes:
        data = read(place)
        try:
            program = self._idle.get_nowait()
        except Empty:
            program = _Program(self._command, self._environment)
        try:
            return program.resize(data)
        finally:
            if program.is_alive():
                self._idle.put(program)
            else:
                program.end()

    def end(self) -> None:
        with suppress(Empty):
            while True:
                self._idle.get_nowait().end()


@contextmanager
def resizer(settings: Settings, side: int, kind: str, quality: int) -> Iterator[Resizer]:
    """``side``: pixels of the shorter side at most, 0 for any; ``kind``: png, jpeg or same. Builds the image if need be."""
    image = catalog.find("pytorch")
    environments = Environments(settings.cache)
    sizes = (image.download_mb, image.disk_mb)
    python = environments.python(image.lock) or images.build(
        environments, image.lock, image.name, sizes, Console(stderr=True)
    )
    environment = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")}
    environment["PYTHONPATH"] = str(environments.runtime())
    command = [str(python), "-m", "clary.images.pytorch.resize", str(side), kind, str(quality)]
    found = Resizer(command, environment)
    try:
        yield found
    finally:
        found.end()
