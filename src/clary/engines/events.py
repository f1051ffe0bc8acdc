"""Hints from supervisors: a named pipe in the tasks' folder on which they write the directory that has news.

The pipe is a convenience: a hint may be lost or come twice, and nothing depends on it. A supervisor that is killed writes
nothing, so its process is watched too.
"""

from __future__ import annotations

import contextlib
import os
import select
import threading
from collections.abc import Callable
from pathlib import Path

from clary.engines.processes import pidfd

Listener = Callable[[Path], None]

_AGAIN = b"."  # a line that says: look at what is watched again
_LOOK = 1.0  # seconds between two looks at processes that cannot be waited for: on macOS, or just gone


class Events:
    """Reads the pipe in a thread of its own, from the first subscription on. Listeners are quick and do not raise."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._listeners: list[Listener] = []
        self._lock = threading.Lock()
        self._pipe: int | None = None
        self._thread: threading.Thread | None = None
        self._watched: dict[Path, int | None] = {}  # a descriptor that tells of the process's end, where there is such

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        with self._lock:
            self._listeners.append(listener)
            if self._thread is None:
                self._pipe = self._open()
                self._thread = threading.Thread(
                    target=self._read, args=(self._pipe,), name="engine-events", daemon=True
                )
                self._thread.start()

        def unsubscribe() -> None:
            with self._lock:
                if listener in self._listeners:
                    self._listeners.remove(listener)

        return unsubscribe

    def watch(self, directory: Path, pid: int) -> None:
        """Tell the listeners of this directory when its supervisor, a living process, is gone."""
        with self._lock:
            if self._pipe is None or directory in self._watched:
                return
            self._watched[directory] = pidfd(pid)
            os.write(self._pipe, _AGAIN + b"\n")

    def close(self) -> None:
        with self._lock:
            thread, pipe, self._thread, self._pipe = self._thread, self._pipe, None, None
            self._listeners.clear()
        if thread is None or pipe is None:
            return
        os.set_blocking(pipe, True)
        os.write(pipe, b"\n\n")  # an empty line is the end
        if thread is not threading.current_thread():
            thread.join()
        os.close(pipe)
        for descriptor in self._watched.values():
            if descriptor is not None:
                os.close(descriptor)
        self._watched.clear()

    def _open(self) -> int:
        with contextlib.suppress(FileExistsError):
            os.mkfifo(self.path, 0o600)
        return os.open(self.path, os.O_RDWR | os.O_CLOEXEC)  # for writing too, so that reading never meets an end

    def _read(self, pipe: int) -> None:
        rest = b""
        while True:
            ready = self._wait(pipe)
            if pipe in ready:
                *lines, rest = (rest + os.read(pipe, 65536)).split(b"\n")
                for line in dict.fromkeys(lines):
                    if not line:
                        return
                    if line != _AGAIN:
                        self._tell(Path(os.fsdecode(line)))
            for directory in self._ended(ready):
                self._tell(directory)

    def _wait(self, pipe: int) -> set[int]:
        """Until there is a line, or a watched process is gone; the descriptors that say so."""
        with self._lock:
            watched = list(self._watched.values())
        poller = select.poll()
        for descriptor in (pipe, *watched):
            if descriptor is not None:
                poller.register(descriptor, select.POLLIN)
        return {descriptor for descriptor, _ in poller.poll(_LOOK * 1000 if None in watched else None)}

    def _ended(self, ready: set[int]) -> list[Path]:
        """The directories whose supervisor is gone; all of those that may be, if the wait was for a look."""
        with self._lock:
            found = [
                d
                for d, descriptor in self._watched.items()
                if descriptor in ready or (not ready and descriptor is None)
            ]
            for directory in found:
                descriptor = self._watched.pop(directory)
                if descriptor is not None:
                    os.close(descriptor)
        return found

    def _tell(self, directory: Path) -> None:
        with self._lock:
            listeners = list(self._listeners)
        for listener in listeners:
            listener(directory)
