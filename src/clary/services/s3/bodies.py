"""Bodies of objects and parts on their way to the disk: hashed as they come, checked, then committed.

Memory stays flat: at most two pieces are held, one on its way to the disk while the next one fills.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

import anyio.to_thread

from clary.objects.base import Blob, Objects
from clary.services.s3 import checksums
from clary.services.s3.errors import EntityTooLarge
from clary.store.keys import Checksum

T = TypeVar("T")

PIECE = 1 << 20  # bytes written to the disk at a time
LARGEST = 5 << 30  # bytes of an object put at once, or of a part: S3's limit


@dataclass(frozen=True)
class Received:
    """A committed blob; ``checksums`` by algorithm, and which of them the client sent."""

    blob: Blob
    checksums: Mapping[str, Checksum]
    sent: str | None


class _Intake:
    def __init__(self, objects: Objects, request: Mapping[str, Any], algorithm: str | None) -> None:
        self._sent = checksums.sent(request)
        self._request = request
        if request.get("ContentMD5") is not None:
            checksums.decode_md5(request["ContentMD5"])
        names = {algorithm or self._sent.algorithm or checksums.DEFAULT}
        if self._sent.algorithm:
            names.add(self._sent.algorithm)
        self._running = {name: checksums.digest(name) for name in names}
        self._size = 0
        self._objects = objects
        self._receiver = objects.receive()

    def write(self, data: bytes) -> None:
        self._size += len(data)
        if self._size > LARGEST:
            raise EntityTooLarge(self._size, LARGEST)
        self._receiver.write(data)
        for running in self._running.values():
            running.update(data)

    def finish(self, data: bytes, done: Callable[[Received], T]) -> T:
        """Write the last piece, commit, and hand over what was received; nothing is kept if ``done`` refuses it."""
        self.write(data)
        found = {name: Checksum(name, checksums.encode(running.digest())) for name, running in self._running.items()}
        expected = self._sent.with_trailers(self._request.get("_trailers") or {})
        if expected.algorithm in found:
            checksums.compare(expected, found[expected.algorithm])
        blob = self._receiver.commit()
        try:
            checksums.check_md5(self._request.get("ContentMD5"), blob.md5)
            if expected.algorithm and expected.algorithm not in found:  # first named behind the body
                found[expected.algorithm] = checksums.compute(expected.algorithm, self._objects.read(blob.id))
                checksums.compare(expected, found[expected.algorithm])
        except BaseException:
            self._objects.delete(blob.id)
            raise
        return done(Received(blob, found, expected.algorithm))

    def abort(self) -> None:
        self._receiver.abort()


async def receive(
    objects: Objects, request: Mapping[str, Any], done: Callable[[Received], T], algorithm: str | None = None
) -> T:
    """Take ``request["Body"]`` in and answer what ``done`` makes of it, in a thread of its own.

    ``algorithm``: the checksum to compute, else the one that was sent, else S3's default.
    """
    worker = _Worker()
    intake = await worker.run(partial(_Intake, objects, request, algorithm))
    try:
        waiting: list[bytes] = []
        size = 0
        async for piece in _pieces(request.get("Body", b"")):
            waiting.append(piece)
            size += len(piece)
            if size >= PIECE:
                await worker.begin(partial(intake.write, b"".join(waiting)))
                waiting, size = [], 0
        return await worker.run(partial(intake.finish, b"".join(waiting), done))
    finally:
        await worker.settle()
        await worker.run(intake.abort)


class _Worker:
    """One call at a time in a thread, while whoever began it goes on; a cancelled caller does not leave one behind."""

    def __init__(self) -> None:
        self._task: asyncio.Task[Any] | None = None

    async def begin(self, work: Callable[[], Any]) -> None:
        """Once the call before has ended well."""
        if self._task is not None:
            await asyncio.shield(self._task)
        self._task = asyncio.create_task(anyio.to_thread.run_sync(work))

    async def run(self, work: Callable[[], T]) -> T:
        await self.begin(work)
        assert self._task is not None
        result: T = await asyncio.shield(self._task)
        return result

    async def settle(self) -> None:
        """Wait for the call to end, well or not."""
        if self._task is not None:
            await asyncio.wait([self._task])
            self._task = None


async def _pieces(body: bytes | AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    if isinstance(body, bytes):
        yield body
        return
    async for piece in body:
        yield piece
