"""``GET /_/events``: tells open pages which kinds of records changed, so that each looks again at what it shows.

Server-sent events, one stream a visible page: ``data: TrainingJob LabelingJob``. What changed is not told, only that
something of its kind did; the page asks for itself again, with the rights of whoever is signed in.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import threading
from collections.abc import AsyncIterator

from clary.gateway.http import HttpAnswer
from clary.store.base import Record, Store

GATHER = 0.7
"""Seconds that changes are gathered before they are told."""
_ALIVE = 20.0  # seconds without a change after which a line says that the stream lives
_HEADERS = {"Content-Type": "text/event-stream", "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}


class Changes:
    """``quiet``: kinds that no page shows, however often they change."""

    def __init__(self, store: Store, quiet: frozenset[str]) -> None:
        self._quiet = quiet
        self._listeners: set[_Listener] = set()
        self._lock = threading.Lock()
        self._server, self._count = secrets.token_hex(4), 0
        self._leave = store.subscribe(self._tell)

    @property
    def state(self) -> str:
        """Another one after every change: what a page is made of, and what a stream begins with."""
        return f"{self._server}-{self._count}"

    def close(self) -> None:
        """End all streams: a server that ends waits for them otherwise."""
        self._leave()
        with self._lock:
            for listener in self._listeners:
                listener.end()

    def answer(self) -> HttpAnswer:
        """A stream for one page; it lives until either side goes."""
        return HttpAnswer(200, _HEADERS, self._stream())

    async def _stream(self) -> AsyncIterator[bytes]:
        listener = _Listener(asyncio.get_running_loop())
        with self._lock:
            self._listeners.add(listener)
        try:
            yield f"retry: 2000\nevent: state\ndata: {self.state}\n\n".encode()
            while not listener.ended:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(_ALIVE):
                        await listener.woken.wait()
                        await asyncio.sleep(0 if listener.ended else GATHER)
                kinds = listener.take()
                yield f"event: changed\ndata: {' '.join(sorted(kinds))}\n\n".encode() if kinds else b": alive\n\n"
        finally:
            with self._lock:
                self._listeners.discard(listener)

    def _tell(self, record: Record) -> None:
        if record.kind in self._quiet:
            return
        with self._lock:
            self._count += 1
            for listener in self._listeners:
                listener.note(record.kind)


class _Listener:
    """One stream: told from any thread, read in its loop's."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._kinds: set[str] = set()
        self.woken = asyncio.Event()
        self.ended = False

    def note(self, kind: str) -> None:
        if kind not in self._kinds:
            self._kinds.add(kind)
            self._wake()

    def end(self) -> None:
        self.ended = True
        self._wake()

    def take(self) -> set[str]:
        kinds, self._kinds = self._kinds, set()
        self.woken.clear()
        return kinds

    def _wake(self) -> None:
        with contextlib.suppress(RuntimeError):  # its loop has ended
            self._loop.call_soon_threadsafe(self.woken.set)
