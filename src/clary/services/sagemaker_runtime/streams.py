"""InvokeEndpointWithResponseStream: what the serving process answers is passed on piece by piece, as it comes.

No thread waits for it: the connection is asyncio's, httptools reads the answer.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from typing import Any

import httptools
from starlette.concurrency import run_in_threadpool

from clary.context import Context
from clary.errors import ServiceError
from clary.services import operation
from clary.services.sagemaker_runtime import traffic, variants

_LONGEST = 480.0  # seconds that a stream may take, as AWS has it
_PIECE = 64 * 1024  # bytes read at a time


@operation
async def invoke_endpoint_with_response_stream(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    name = request["EndpointName"]
    operation_name = "InvokeEndpointWithResponseStream"
    variant, port = await run_in_threadpool(variants.choose, context, operation_name, request)
    answer = _Answer(context, name)
    with contextlib.ExitStack() as failed:
        failed.callback(answer.close)
        began = time.monotonic()
        try:
            await answer.ask(port, request.get("Body", b""), variants.headers(request))
        finally:  # of a stream its beginning counts
            traffic.add(context, name, variant, time.monotonic() - began, answer.status)
        if not 200 <= answer.status < 300:
            raise variants.model_error(context, name, answer.status, b"".join([p async for p in answer.pieces()]))
        failed.pop_all()
    return {"Body": _events(answer), **variants.members(variant, answer.headers)}


async def _events(answer: _Answer) -> AsyncIterator[dict[str, Any]]:
    try:
        async for piece in answer.pieces():
            yield {"PayloadPart": {"Bytes": piece}}
    finally:
        answer.close()


class _Answer:
    """One request to a serving process. The methods that begin with ``on_`` are httptools'."""

    def __init__(self, context: Context, endpoint: str) -> None:
        self.status = 0
        self.headers: dict[str, str] = {}
        self._context, self._endpoint = context, endpoint
        self._parser = httptools.HttpResponseParser(self)
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None
        self._pieces: list[bytes] = []
        self._begun = self._complete = False
        self._ends = asyncio.get_running_loop().time() + _LONGEST

    async def ask(self, port: int, body: bytes, headers: dict[str, str]) -> None:
        """Send the request and read up to the answer's body; ``ServiceError`` if there is none."""
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        head = f"POST /invocations HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n{lines}"
        try:
            self._reader, self._writer = await asyncio.open_connection("127.0.0.1", port)
            self._writer.write(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
            while not self._begun:
                if not await self._read():
                    raise variants.unreachable(self._endpoint)
        except TimeoutError:
            raise variants.timed_out(self._context, self._endpoint) from None
        except (OSError, httptools.HttpParserError):
            raise variants.unreachable(self._endpoint) from None

    async def pieces(self) -> AsyncIterator[bytes]:
        """The body as it comes; ``ServiceError`` where it breaks off."""
        try:
            while True:
                while self._pieces:
                    yield self._pieces.pop(0)
                if self._complete:
                    return
                if not await self._read() and not self._complete:
                    if self._is_open_ended():
                        return
                    raise self._broken("broke off its answer")
        except TimeoutError:
            late = asyncio.get_running_loop().time() >= self._ends
            what = f"answered for more than {_LONGEST:.0f} seconds" if late else "fell silent"
            raise self._broken(what, "ModelInvocationTimeExceeded") from None
        except (OSError, httptools.HttpParserError):
            raise self._broken("broke off its answer") from None

    def close(self) -> None:
        if self._writer is not None:
            self._writer.transport.abort()

    async def _read(self) -> bool:
        """Whether anything came; ``TimeoutError`` after a minute of silence, or at the end of the stream's time."""
        assert self._reader is not None
        async with asyncio.timeout_at(min(self._ends, asyncio.get_running_loop().time() + variants.PATIENCE)):
            data = await self._reader.read(_PIECE)
        if data:
            self._parser.feed_data(data)
        return bool(data)

    def _is_open_ended(self) -> bool:
        """An answer without a length ends where the connection does."""
        return not {"content-length", "transfer-encoding"} & self.headers.keys()

    def _broken(self, why: str, code: str = "StreamBroken") -> ServiceError:
        return variants.broken_off(self._context, self._endpoint, why, code)

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_headers_complete(self) -> None:
        self.status = self._parser.get_status_code()
        self._begun = True

    def on_body(self, body: bytes) -> None:
        self._pieces.append(body)

    def on_message_complete(self) -> None:
        self._complete = True
