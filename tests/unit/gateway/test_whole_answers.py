"""A server killed between an answer's head and its body would leave a success without content: they go out together."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
import uvicorn

from clary.gateway.connections import Connection, Limits, limited

LENGTH = (b"content-length", b"4")


class Wire(asyncio.Transport):
    """A connection that keeps each write by itself."""

    def __init__(self) -> None:
        super().__init__({"socket": None, "peername": ("127.0.0.1", 1), "sockname": ("127.0.0.1", 2)})
        self.writes: list[bytes] = []

    def write(self, data: Any) -> None:
        if data:
            self.writes.append(bytes(data))

    def is_closing(self) -> bool:
        return False

    def close(self) -> None:
        self.writes.append(b"closed")

    def resume_reading(self) -> None:
        """Nothing was paused."""


App = Callable[[Any, Any, Callable[[Any], Awaitable[None]]], Awaitable[None]]


async def written(app: App, request: bytes) -> list[bytes]:
    config = uvicorn.Config(app, lifespan="off", server_header=False, date_header=False, log_config=None)
    config.load()
    wire, made = Wire(), limited(Limits())
    connection: Connection = made(config=config, server_state=uvicorn.server.ServerState(), app_state={})
    connection.connection_made(wire)
    connection.data_received(request)
    while connection.tasks:
        await asyncio.gather(*connection.tasks)
    return wire.writes


def answering(headers: list[tuple[bytes, bytes]], *bodies: bytes) -> App:
    async def app(scope: Any, receive: Any, send: Callable[[Any], Awaitable[None]]) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        for number, body in enumerate(bodies, 1):
            await send({"type": "http.response.body", "body": body, "more_body": number < len(bodies)})

    return app


def test_head_and_body_are_one_write() -> None:
    (one,) = asyncio.run(written(answering([LENGTH], b"body"), b"GET / HTTP/1.1\r\nhost: a\r\n\r\n"))
    assert one == b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nbody"


def test_the_first_piece_of_a_long_body_goes_with_the_head() -> None:
    writes = asyncio.run(written(answering([LENGTH], b"bo", b"dy"), b"GET / HTTP/1.1\r\nhost: a\r\n\r\n"))
    assert writes == [b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nbo", b"dy"]


@pytest.mark.parametrize(
    ("request_", "headers", "bodies", "first"),
    [
        ("HEAD", [LENGTH], [b""], b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\n"),
        ("GET", [], [b"slow", b""], b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"),
    ],
)
def test_a_head_that_nothing_certain_follows_goes_at_once(
    request_: str, headers: list[tuple[bytes, bytes]], bodies: list[bytes], first: bytes
) -> None:
    request = f"{request_} / HTTP/1.1\r\nhost: a\r\n\r\n".encode()
    assert asyncio.run(written(answering(headers, *bodies), request))[0] == first


def test_a_head_without_its_body_is_never_sent() -> None:
    """What fails between the two ends the connection: the client sees no answer, not an empty one."""
    writes = asyncio.run(written(answering([LENGTH]), b"GET / HTTP/1.1\r\nhost: a\r\n\r\n"))
    assert not any(b"200" in each for each in writes)
