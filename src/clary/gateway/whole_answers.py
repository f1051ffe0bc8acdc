"""The head of an answer leaves together with the beginning of its body, in one write.

uvicorn writes the two apart. A server killed between them leaves a client with a success that has no content: botocore
takes a missing body for an empty answer, whatever Content-Length says. One write also spares a system call an answer.
"""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import Any

from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import RequestResponseCycle


class _Joining:
    """A transport that keeps what is written until it is told to let go; all else is the transport's own."""

    def __init__(self, transport: Any) -> None:
        self._transport = transport
        self._kept = b""
        self.keeps = False

    def write(self, data: bytes) -> None:
        if self.keeps:
            self._kept += data
            return
        kept, self._kept = self._kept, b""
        self._transport.write(kept + data if kept else data)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)


def joined(app: Any, cycle: RequestResponseCycle) -> Any:
    """The application, with the heads of its answers held until their bodies begin.

    A head goes at once where no body follows (HEAD) and where its body's length is not known: a stream may be slow.
    """
    if cycle.scope["method"] == "HEAD":
        return app
    transport: Any = _Joining(cycle.transport)
    cycle.transport = transport

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        async def send_joined(message: MutableMapping[str, Any]) -> None:
            begins = message["type"] == "http.response.start"
            transport.keeps = begins and any(name == b"content-length" for name, _ in message["headers"])
            await send(message)

        await app(scope, receive, send_joined)

    return answer
