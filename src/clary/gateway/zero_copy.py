"""Files that go from the disk to the socket without passing through this process.

Serves ASGI's extension ``http.response.zerocopysend`` (asgi.readthedocs.io, "Zero Copy Send") where the connection is a
plain socket; over TLS the extension is not offered, and whoever answers reads the file. See docs/design/011-bytes.md.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import MutableMapping
from functools import partial
from typing import Any

import anyio.to_thread
from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

ZERO_COPY = "http.response.zerocopysend"
_PIECE = 8 << 20  # bytes that one call asks the kernel to send, so that a cold disk holds a thread only so long


def offered(app: Any, cycle: RequestResponseCycle, patience: float) -> Any:
    """The application with the extension in its scope, where the connection allows it.

    ``patience``: seconds that a reader may take nothing before the connection is cut.
    """
    if cycle.scope["scheme"] != "http" or cycle.transport.get_extra_info("socket") is None:
        return app
    cycle.scope["extensions"] = {ZERO_COPY: {}}
    return partial(_with_files, app, cycle, patience)


async def _with_files(
    app: Any, cycle: RequestResponseCycle, patience: float, scope: Scope, receive: Receive, send: Send
) -> None:
    async def send_any(message: MutableMapping[str, Any]) -> None:
        if message["type"] != ZERO_COPY:
            await send(message)
        elif not cycle.disconnected:
            await send({"type": "http.response.body", "body": b"", "more_body": True})  # lets a held head go
            await _send_file(cycle, patience, message["file"], message["offset"], message["count"])
            await send({"type": "http.response.body", "body": b"", "more_body": message.get("more_body", False)})

    await app(scope, receive, send_any)


async def _send_file(cycle: RequestResponseCycle, patience: float, file: int, start: int, count: int) -> None:
    """``count`` bytes of a file behind what was sent before; the connection is cut if the file has not so many."""
    if count > cycle.expected_content_length:
        raise RuntimeError("the file is longer than Content-Length")
    transport = cycle.transport
    transport.set_write_buffer_limits(high=0)  # pauses until what was written before is out
    await cycle.flow.drain()
    transport.set_write_buffer_limits()
    if cycle.disconnected:
        return
    # A descriptor of its own: the loop lets nobody else wait for one that a transport has.
    out = os.dup(transport.get_extra_info("socket").fileno())
    try:
        sent = 0
        while sent < count:
            done = await anyio.to_thread.run_sync(_push, out, file, start + sent, count - sent)
            sent += done
            if sent < count:
                async with asyncio.timeout(patience):
                    await _writable(out)
    except OSError:  # the client has gone or sleeps, or the file is shorter: it must not take what came for the whole
        transport.abort()
        cycle.disconnected = True
        return
    finally:
        os.close(out)
    cycle.expected_content_length -= count


def _push(out: int, file: int, start: int, count: int) -> int:
    """Send until the socket takes no more, or a piece is out; the bytes sent."""
    sent, most = 0, min(count, _PIECE)
    while sent < most:
        try:
            done = os.sendfile(out, file, start + sent, most - sent)
        except BlockingIOError:
            break
        if done == 0:
            raise OSError("the file ends before its length")
        sent += done
    return sent


async def _writable(descriptor: int) -> None:
    loop = asyncio.get_running_loop()
    ready: asyncio.Future[None] = loop.create_future()
    loop.add_writer(descriptor, lambda: ready.done() or ready.set_result(None))
    try:
        await ready
    finally:
        loop.remove_writer(descriptor)
