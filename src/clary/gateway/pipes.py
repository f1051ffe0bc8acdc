"""Bytes between two connections: what comes in on one goes out on the other, no faster than that takes it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import cast

_HEAD = 16 * 1024  # bytes of a request's or an answer's head at most
_BUFFER = 256 * 1024  # bytes that wait for a slow reader before the other side is asked to pause


class HeadTooLong(Exception):
    """More than 16 KiB came without the empty line that ends a head."""


class Head(asyncio.Protocol):
    """Reads up to the empty line, then pauses, so that whoever comes next misses nothing.

    ``found`` is the head and what came behind it, or ``HeadTooLong``, or ``ConnectionError``.
    """

    transport: asyncio.Transport

    def __init__(self, made: Callable[[Head], None] | None = None) -> None:
        self.found: asyncio.Future[tuple[bytes, bytes]] = asyncio.get_running_loop().create_future()
        self._made = made
        self._buffer = bytearray()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        if self._made is not None:
            self._made(self)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0 and len(self._buffer) <= _HEAD:
            return
        self.transport.pause_reading()
        if self.found.done():
            return
        if end < 0:
            self.found.set_exception(HeadTooLong())
        else:
            self.found.set_result((bytes(self._buffer[:end]), bytes(self._buffer[end + 4 :])))

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.found.done():
            self.found.set_exception(exc or ConnectionResetError("the connection ended before its head did"))
            self.found.exception()  # whoever waited may have gone: that is no error of the loop's


class Pipe(asyncio.Protocol):
    """One side of two, made by ``pair``; it reads nothing until ``flow``."""

    other: Pipe

    def __init__(self) -> None:
        self.lost: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._transport: asyncio.Transport | None = None
        self._ended = False  # nothing more will come in here
        self._full = False  # what goes out here waits for its reader
        self._closing = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.attach(cast("asyncio.Transport", transport))
        cast("asyncio.Transport", transport).pause_reading()

    def take(self, transport: asyncio.Transport) -> None:
        """Go on with a connection that had another protocol and is paused."""
        transport.set_protocol(self)
        self.attach(transport)

    def attach(self, transport: asyncio.Transport) -> None:
        """The connection that bytes of this side go out on; a TLS one takes the place of the one below it."""
        self._transport = transport
        # Down to nothing: a connection is closed once all is out, not when some of it still waits.
        transport.set_write_buffer_limits(high=_BUFFER, low=0)
        if transport.is_closing():
            self.connection_lost(None)
        elif self._closing:
            self.close()

    def flow(self) -> None:
        """Begin, or go on, to read."""
        if self._transport is not None and not self._transport.is_closing() and not self._ended:
            self._transport.resume_reading()

    def send(self, data: bytes) -> None:
        if self._transport is not None and data:
            self._transport.write(data)

    def close(self) -> None:
        """Close once all is out."""
        self._closing = True
        if self._transport is not None and not self._full:
            self._transport.close()

    def abort(self) -> None:
        self._closing = True
        if self._transport is not None:
            self._transport.abort()

    def data_received(self, data: bytes) -> None:
        self.other.send(data)

    def eof_received(self) -> bool:
        """Half of a connection may end before the other; True keeps it open for what is still to go out."""
        self._ended = True
        if self.other._ended or not self.other._end():
            self.other.close()
            return False
        return True

    def _end(self) -> bool:
        """Say that no more will go out here; False if this kind of connection ends only as a whole (TLS)."""
        if self._transport is None or not self._transport.can_write_eof():
            return False
        if not self._transport.is_closing():
            self._transport.write_eof()
        return True

    def pause_writing(self) -> None:
        self._full = True
        other = self.other._transport
        if other is not None and not other.is_closing():
            other.pause_reading()

    def resume_writing(self) -> None:
        self._full = False
        if self._closing:
            self.close()
        else:
            self.other.flow()

    def connection_lost(self, exc: Exception | None) -> None:
        self._ended = True
        if not self.lost.done():
            self.lost.set_result(None)
        if exc is None:
            self.other.close()
        else:  # a clean end would tell the reader that it has the whole
            self.other.abort()


def pair() -> tuple[Pipe, Pipe]:
    near, far = Pipe(), Pipe()
    near.other, far.other = far, near
    return near, far
