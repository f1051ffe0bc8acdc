"""Hints from supervisors: a named pipe in the tasks' folder on which they write the directory that has news.

The pipe is a convenience: a hint may be lost or come twice, and nothing depends on it.
"""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable
from pathlib import Path

Listener = Callable[[Path], None]


class Events:
    """Reads the pipe in a thread of its own, from the first subscription on. Listeners are quick and do not raise."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._listeners: list[Listener] = []
        self._lock = threading.Lock()
        self._pipe: int | None = None
        self._thread: threading.Thread | None = None

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

    def _open(self) -> int:
        with contextlib.suppress(FileExistsError):
            os.mkfifo(self.path, 0o600)
        return os.open(self.path, os.O_RDWR | os.O_CLOEXEC)  # for writing too, so that reading never meets an end

    def _read(self, pipe: int) -> None:
        rest = b""
        while True:
            *lines, rest = (rest + os.read(pipe, 65536)).split(b"\n")
            for line in dict.fromkeys(lines):
                if not line:
                    return
                with self._lock:
                    listeners = list(self._listeners)
                for listener in listeners:
                    listener(Path(os.fsdecode(line)))
