"""Sending an answer: whole bodies, streams, and files from the disk to the socket."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine
from email.utils import formatdate
from typing import Any

import anyio.to_thread
from starlette.types import Send

from clary.gateway.http import HttpAnswer
from clary.gateway.zero_copy import ZERO_COPY
from clary.objects.base import Slice, Unsealed

_CONTROL = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")
_PIECE = 1 << 20  # bytes of a file read at a time


async def send_answer(
    answer: HttpAnswer,
    send: Send,
    *,
    head: bool = False,
    close: bool = False,
    gone: Callable[[], Coroutine[Any, Any, None]] | None = None,
    zero_copy: bool = False,
) -> None:
    """``head``: send no body, but the headers as if. ``close``: the request's body was not read to its end.

    ``gone`` returns when the client went away: a stream is then closed, so that whoever makes it stops.
    ``zero_copy``: the server sends files by itself (ASGI's extension of that name).
    """
    body = answer.body
    headers = {name.lower(): value for name, value in answer.headers.items()}
    headers.setdefault("date", formatdate(usegmt=True))
    empty = answer.status in {204, 304}
    if not empty and isinstance(body, bytes) and not (head and "content-length" in headers):
        headers["content-length"] = str(len(body))
    if isinstance(body, Slice | Unsealed):
        headers["content-length"] = str(body.length)
    if empty:
        headers.pop("content-length", None)
    if close:
        headers["connection"] = "close"
    raw = [(name.encode("latin-1"), _header_value(value)) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": answer.status, "headers": raw})
    if zero_copy and isinstance(body, Slice) and not head and not empty:
        await _send_file(body, send)
        return
    if not head and not empty and not isinstance(body, bytes):
        if isinstance(body, Unsealed):
            body = _unsealed(body)
        pieces = _read(body) if isinstance(body, Slice) else _until(body, gone) if gone else body
        async for piece in pieces:
            await send({"type": "http.response.body", "body": piece, "more_body": True})
        body = b""
    last = body if isinstance(body, bytes) and not head and not empty else b""
    await send({"type": "http.response.body", "body": last, "more_body": False})


async def _until(pieces: AsyncIterator[bytes], gone: Callable[[], Coroutine[Any, Any, None]]) -> AsyncIterator[bytes]:
    left = asyncio.create_task(gone())
    following: asyncio.Task[bytes] | None = None
    try:
        while not left.done():
            following = asyncio.create_task(_next(pieces))
            await asyncio.wait({following, left}, return_when=asyncio.FIRST_COMPLETED)
            if following.done():
                try:
                    yield following.result()
                except _Ended:
                    return
    finally:
        for task in (left, following):
            if task is not None and not task.done():
                task.cancel()
                await asyncio.wait({task})
        if isinstance(pieces, AsyncGenerator):
            await pieces.aclose()


class _Ended(Exception):
    """A stream's end; a task may not raise StopAsyncIteration."""


async def _next(pieces: AsyncIterator[bytes]) -> bytes:
    try:
        return await anext(pieces)
    except StopAsyncIteration:
        raise _Ended from None


def _header_value(value: str) -> bytes:
    """As it goes out; no value ends its line, whatever a client had stored in it."""
    return _CONTROL.sub(b" ", value.encode("latin-1", "replace"))


async def _send_file(part: Slice, send: Send) -> None:
    file = await anyio.to_thread.run_sync(part.path.open, "rb")
    try:
        await send({"type": ZERO_COPY, "file": file.fileno(), "offset": part.start, "count": part.length})
    finally:
        file.close()


async def _unsealed(body: Unsealed) -> AsyncIterator[bytes]:
    while (piece := await anyio.to_thread.run_sync(next, body.pieces, None)) is not None:
        yield piece


async def _read(part: Slice) -> AsyncIterator[bytes]:
    file = await anyio.to_thread.run_sync(part.path.open, "rb")
    try:
        file.seek(part.start)
        left = part.length
        while left > 0:
            piece = await anyio.to_thread.run_sync(file.read, min(left, _PIECE))
            if not piece:
                return
            left -= len(piece)
            yield piece
    finally:
        file.close()
