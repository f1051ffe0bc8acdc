"""Connections that cannot hold up others: how large a request's head may be, how long one may take, and how many there are.

uvicorn's protocol on httptools has none of these limits: it takes a head of any size, waits for its end without one, and
for a reader who does not read. Bodies have theirs where they are read (``bodies``), since their operation is known there.
"""

from __future__ import annotations

import asyncio
import contextlib
import resource
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

from clary.gateway import whole_answers, zero_copy

HEAD_BYTES = 64 * 1024
"""Request line and headers together. S3 itself takes 8 KiB of headers; session tokens and presigned URLs are long."""
HEAD_FIELDS = 200
KEEP_ALIVE = 75
"""Seconds that a connection may lie idle between requests: clients keep theirs for 60."""
_LINGER = 2.0  # seconds to read on after a refusal, or the client's system throws the answer away
_FILES = 1024  # open files beside connections: blobs, records, tasks


@dataclass(frozen=True)
class Limits:
    """``head_seconds`` for a head once it began, ``stall_seconds`` for a reader who takes nothing; ``most`` at a time."""

    head_seconds: float = 20.0
    stall_seconds: float = 60.0
    most: int = 2000


class _TooLarge(Exception):
    """Ends the parsing of a head."""


class Connection(HttpToolsProtocol):
    """``check`` is to be called about once a second."""

    limits = Limits()

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._since = self.loop.time()  # of the head's first byte, else of when the wait for it began
        self._begun = False  # a head has begun and is not yet whole
        self._waiting = True  # for a head to begin
        self._size = 0  # bytes of the head that came after those it began with
        self._parsed = 0  # bytes of its parts that are whole
        self._fields = 0
        self._stalled: float | None = None
        self._refused: float | None = None

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        app = zero_copy.offered(app, cycle, self.limits.stall_seconds)
        super()._start_asgi_task(cycle, whole_answers.joined(app, cycle))

    @property
    def idle_since(self) -> float | None:
        """Since when it waits for a request of which nothing has come; None if it is at work."""
        free = self._waiting and self._refused is None and not self.transport.is_closing()
        return self._since if free else None

    @property
    def _is_free(self) -> bool:
        return self.cycle is None or self.cycle.response_complete

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        if len(self.connections) > self.limits.most:
            self._make_room()

    def data_received(self, data: bytes) -> None:
        if self._refused is not None:
            return
        unfinished = self.headers if self._begun else None
        super().data_received(data)
        if self._begun and self.headers is unfinished:
            self._size += len(data)
            if self._size > HEAD_BYTES:
                self._refuse_head()

    def on_message_begin(self) -> None:
        self._begun, self._waiting, self._since = True, False, self.loop.time()
        self._size = self._parsed = self._fields = 0
        super().on_message_begin()

    def on_url(self, url: bytes) -> None:
        self._parsed += len(url)
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        self._fields += 1
        self._parsed += len(name) + len(value)
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        if self._parsed > HEAD_BYTES or self._fields > HEAD_FIELDS:
            self._refuse_head()
            raise _TooLarge
        self._begun = False
        super().on_headers_complete()

    def on_response_complete(self) -> None:
        if not self._begun and not self.pipeline:
            self._waiting, self._since = True, self.loop.time()
        super().on_response_complete()

    def send_400_response(self, msg: str) -> None:
        self._refuse(400, msg)

    def pause_writing(self) -> None:
        self._stalled = self.loop.time()
        super().pause_writing()

    def resume_writing(self) -> None:
        self._stalled = None
        super().resume_writing()

    def eof_received(self) -> None:
        """Whoever says that no more comes is taken to be gone: the transport closes."""

    def check(self, now: float) -> None:
        """Cut what takes too long."""
        if self._stalled is not None and now - self._stalled > self.limits.stall_seconds:
            self.transport.abort()
        elif self._refused is not None:
            if now - self._refused > _LINGER:
                self.transport.abort()
        elif self._begun and self._is_free and now - self._since > self.limits.head_seconds:
            self._refuse(408, f"The request's headers did not come within {self.limits.head_seconds:g} seconds.")
        elif self._waiting and now - self._since > KEEP_ALIVE:
            self.transport.close()

    def _make_room(self) -> None:
        """Let go of the connection that has been idle longest; if all are at work, of this one."""
        others: Iterable[Any] = self.connections
        idle = [(other.idle_since, id(other), other) for other in others if other is not self and other.idle_since]
        if idle:
            min(idle)[2].transport.close()
        else:
            self._refuse(503, f"All {self.limits.most} connections are at work (CLARY_CONNECTIONS): try again later.")

    def _refuse_head(self) -> None:
        self._refuse(431, f"The request's line and headers are more than {HEAD_BYTES} bytes or {HEAD_FIELDS} fields.")

    def _refuse(self, status: int, text: str) -> None:
        if self._refused is not None or self.transport.is_closing():
            return
        self._refused = self.loop.time()
        self._unset_keepalive_if_required()
        if not self._is_free:  # what is at work on this connection finds it gone
            self.cycle.disconnected = True
            self.cycle.message_event.set()
            if self.cycle.response_started:
                self.transport.abort()
                return
        body = f"{text}\n".encode()
        head = b"content-type: text/plain; charset=utf-8\r\ncontent-length: %d\r\nconnection: close\r\n\r\n" % len(body)
        self.transport.write(STATUS_LINE[status] + head + body)
        if self.transport.can_write_eof():
            self.transport.write_eof()
        else:
            self.transport.close()


def limited(limits: Limits) -> type[Connection]:
    """The protocol with these limits, as uvicorn takes one."""
    return type("Limited", (Connection,), {"limits": limits})


def raise_file_limit(connections: int) -> int:
    """Have the system let this process open files for so many connections; how many it can have then."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 2 * connections + _FILES  # a connection may stream a file
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with contextlib.suppress(ValueError, OSError):  # macOS states no hard limit, and has one
            resource.setrlimit(
                resource.RLIMIT_NOFILE, (wanted if hard == resource.RLIM_INFINITY else min(wanted, hard), hard)
            )
        soft = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return connections if soft == resource.RLIM_INFINITY else max(16, min(connections, (soft - _FILES // 2) // 2))
