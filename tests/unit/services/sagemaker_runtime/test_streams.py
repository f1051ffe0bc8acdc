"""InvokeEndpointWithResponseStream against a container of the test's own, which answers byte by byte as it is told."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any

import pytest

from clary import app
from clary.context import Context
from clary.data_folder import DataFolder
from clary.errors import ServiceError
from clary.services.sagemaker_runtime import streams, variants
from clary.settings import Settings
from clary.store.base import Record

Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
CHUNKED = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n"


@pytest.fixture(scope="module")
def context(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Context]:
    folder = tmp_path_factory.mktemp("studio")
    studio = app.build(Settings(data=folder, cache=folder), DataFolder(folder), 1, 2)
    yield studio.context
    studio.close()


class Container:
    """Serves one connection with ``talk``; ``ended`` is set when the other side went away."""

    def __init__(self, context: Context, talk: Talk) -> None:
        self._context, self._talk = context, talk
        self.ended = asyncio.Event()

    async def __aenter__(self) -> Container:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        port = self._server.sockets[0].getsockname()[1]
        body = {"_variants": {"AllTraffic": {"weight": 1.0, "port": port}}}
        self._record = self._context.store.create(
            Record(region=self._context.region, kind="Endpoint", name="e", body=body, status="InService")
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        await self.ended.wait()
        self._context.store.delete(self._record)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
        self.head, self.body = head, await reader.readexactly(length)
        try:
            await self._talk(reader, writer)
            await writer.drain()
            await reader.read()
        except ConnectionError:
            pass  # it cut the connection itself
        finally:
            writer.close()
            self.ended.set()


async def invoke(context: Context) -> dict[str, Any]:
    return await streams.invoke_endpoint_with_response_stream(
        context, {"EndpointName": "e", "Body": b"question", "ContentType": "text/q", "Accept": "text/a"}
    )


async def collect(events: AsyncIterator[dict[str, Any]]) -> bytes:
    return b"".join([event["PayloadPart"]["Bytes"] async for event in events])


def test_pieces_are_passed_on_as_they_come(context: Context) -> None:
    async def run() -> None:
        go = asyncio.Event()

        async def talk(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(CHUNKED + b"5\r\nfirst\r\n")
            await go.wait()  # until the first has reached the caller
            writer.write(b"6\r\nsecond\r\n0\r\n\r\n")

        async with Container(context, talk) as container:
            answer = await invoke(context)
            assert answer["InvokedProductionVariant"] == "AllTraffic"
            assert answer["ContentType"] == "text/plain"
            events = answer["Body"]
            assert await anext(events) == {"PayloadPart": {"Bytes": b"first"}}
            go.set()
            assert await collect(events) == b"second"
            await container.ended.wait()
            assert container.body == b"question"
            assert b"content-type: text/q" in container.head.lower()
            assert b"accept: text/a" in container.head.lower()

    asyncio.run(run())


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc",
        b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nabc",
    ],
)
def test_a_container_may_answer_in_one_piece(context: Context, answer: bytes) -> None:
    async def run() -> None:
        async def talk(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(answer)
            await writer.drain()
            writer.write_eof()

        async with Container(context, talk):
            assert await collect((await invoke(context))["Body"]) == b"abc"

    asyncio.run(run())


def test_what_breaks_off_ends_the_stream_with_its_error(context: Context) -> None:
    async def run() -> None:
        async def talk(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(CHUNKED + b"5\r\nfirst\r\n9\r\nsec")
            await writer.drain()
            writer.transport.abort()

        async with Container(context, talk):
            events = (await invoke(context))["Body"]
            assert (await anext(events))["PayloadPart"]["Bytes"] == b"first"
            with pytest.raises(ServiceError, match="broke off its answer") as error:
                await collect(events)
            assert error.value.code == "ModelStreamError"
            assert error.value.members == {"ErrorCode": "StreamBroken"}

    asyncio.run(run())


def test_an_error_of_the_model_is_told_before_the_stream(context: Context) -> None:
    async def run() -> None:
        async def talk(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(b"HTTP/1.1 500 Oh\r\nContent-Length: 7\r\n\r\nno beds")

        async with Container(context, talk):
            with pytest.raises(ServiceError, match="no beds") as error:
                await invoke(context)
            assert (error.value.code, error.value.members["OriginalStatusCode"]) == ("ModelError", 500)

    asyncio.run(run())


def test_silence_is_told_before_and_within_the_stream(context: Context, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(variants, "PATIENCE", 0.05)

    async def run() -> None:
        async def say_nothing(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None: ...

        async with Container(context, say_nothing):
            with pytest.raises(ServiceError, match="timed out") as error:
                await invoke(context)
            assert error.value.code == "ModelError"

        async def stop(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(CHUNKED + b"5\r\nfirst\r\n")

        async with Container(context, stop):
            events = (await invoke(context))["Body"]
            assert (await anext(events))["PayloadPart"]["Bytes"] == b"first"
            with pytest.raises(ServiceError, match="fell silent") as error:
                await anext(events)
            assert error.value.members == {"ErrorCode": "ModelInvocationTimeExceeded"}

    asyncio.run(run())


def test_a_process_that_is_not_there_is_told(context: Context) -> None:
    async def run() -> None:
        async def leave(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.transport.abort()

        async with Container(context, leave):
            with pytest.raises(ServiceError, match="is not there") as error:
                await invoke(context)
            assert error.value.status == 503

    asyncio.run(run())


def test_when_the_caller_leaves_the_container_is_left(context: Context) -> None:
    async def run() -> None:
        async def talk(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(CHUNKED + b"5\r\nfirst\r\n")

        async with Container(context, talk) as container:
            events = (await invoke(context))["Body"]
            await anext(events)
            await events.aclose()
            async with asyncio.timeout(10):
                await container.ended.wait()

    asyncio.run(run())
