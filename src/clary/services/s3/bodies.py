"""Bodies of objects and parts on their way to the disk: hashed as they come, checked, then committed.

Memory stays flat: at most two pieces are held, one on its way to the disk while the next one fills. The MD5, which is the
slowest to compute, runs beside everything else that is done with a piece; a body of less than a piece costs one thread.
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

PIECE = 1 << 20  # bytes hashed and written at a time
_MANY = 16  # pieces that are handled one by one; of more, smaller ones, a copy is cheaper
LARGEST = 5 << 30  # bytes of an object put at once, or of a part: S3's limit


@dataclass(frozen=True)
class Received:
    """A committed blob; ``checksums`` by algorithm, and which of them the client sent."""

    blob: Blob
    checksums: Mapping[str, Checksum]
    sent: str | None


class _Intake:
    def __init__(
        self, objects: Objects, request: Mapping[str, Any], algorithm: str | None, secret: bytes | None
    ) -> None:
        self._sent = checksums.sent(request)
        self._request = request
        if request.get("ContentMD5") is not None:
            checksums.decode_md5(request["ContentMD5"])
        names = {algorithm or self._sent.algorithm or checksums.DEFAULT}
        if self._sent.algorithm:
            names.add(self._sent.algorithm)
        self._running = {name: checksums.digest(name) for name in names}
        self._payload = request.get("_payload")
        self._size = 0
        self._objects, self._secret = objects, secret
        self._receiver = objects.receive(secret)

    def works(self, pieces: list[bytes]) -> list[Callable[[], object]]:
        """What is to be done with these; the two may run beside one another."""
        self._size += sum(map(len, pieces))
        if self._size > LARGEST:
            raise EntityTooLarge(self._size, LARGEST)
        if len(pieces) > _MANY:
            pieces = [b"".join(pieces)]
        return [partial(self._hash, pieces), partial(self._take, pieces)]

    def _hash(self, pieces: list[bytes]) -> None:
        for piece in pieces:
            self._receiver.hash(piece)

    def _take(self, pieces: list[bytes]) -> None:
        for piece in pieces:
            self._receiver.store(piece)
            for running in self._running.values():
                running.update(piece)
            if self._payload is not None:
                self._payload.update(piece)

    def finish(self, done: Callable[[Received], T]) -> T:
        """Commit, and hand over what was received; nothing is kept if ``done`` refuses it."""
        if self._payload is not None:
            self._payload.check()
        found = {name: Checksum(name, checksums.encode(running.digest())) for name, running in self._running.items()}
        expected = self._sent.with_trailers(self._request.get("_trailers") or {})
        if expected.algorithm in found:
            checksums.compare(expected, found[expected.algorithm])
        blob = self._receiver.commit()
        try:
            checksums.check_md5(self._request.get("ContentMD5"), blob.md5)
            if expected.algorithm and expected.algorithm not in found:  # first named behind the body
                written = self._objects.read(blob.id, secret=self._secret)
                found[expected.algorithm] = checksums.compute(expected.algorithm, written)
                checksums.compare(expected, found[expected.algorithm])
        except BaseException:
            self._objects.delete(blob.id)
            raise
        return done(Received(blob, found, expected.algorithm))

    def whole(self, pieces: list[bytes], done: Callable[[Received], T]) -> T:
        """All of it at once."""
        try:
            for work in self.works(pieces):
                work()
            return self.finish(done)
        finally:
            self.abort()

    def abort(self) -> None:
        self._receiver.abort()


async def receive(
    objects: Objects,
    request: Mapping[str, Any],
    done: Callable[[Received], T],
    algorithm: str | None = None,
    secret: bytes | None = None,
) -> T:
    """Take ``request["Body"]`` in and answer what ``done`` makes of it, in a thread of its own.

    ``algorithm``: the checksum to compute, else the one that was sent, else S3's default. ``secret``: what to seal
    the bytes under.
    """
    announced = request.get("ContentLength")
    if announced is not None and announced > LARGEST:
        raise EntityTooLarge(announced, LARGEST)
    worker = _Worker()
    begin = partial(_Intake, objects, request, algorithm, secret)
    intake: _Intake | None = None
    try:
        if announced is None or announced >= PIECE:  # what can be refused is refused before the body comes
            intake = await worker.run(begin)
        waiting: list[bytes] = []
        size = 0
        async for piece in _pieces(request.get("Body", b"")):
            waiting.append(piece)
            size += len(piece)
            if size >= PIECE:
                if intake is None:
                    intake = await worker.run(begin)
                await worker.begin(*intake.works(waiting))
                waiting, size = [], 0
        if intake is None:
            return await worker.run(lambda: begin().whole(waiting, done))
        if waiting:
            await worker.begin(*intake.works(waiting))
        return await worker.run(partial(intake.finish, done))
    except BaseException:
        await worker.settle()
        if intake is not None:
            await worker.run(intake.abort)
        raise


class _Worker:
    """Calls in threads while whoever began them goes on; a cancelled caller does not leave one behind."""

    def __init__(self) -> None:
        self._tasks: list[asyncio.Task[Any]] = []

    async def begin(self, *works: Callable[[], Any]) -> None:
        """Once the calls before have ended well."""
        for task in self._tasks:
            await asyncio.shield(task)
        self._tasks = [asyncio.create_task(anyio.to_thread.run_sync(work)) for work in works]

    async def run(self, work: Callable[[], T]) -> T:
        await self.begin(work)
        result: T = await asyncio.shield(self._tasks[0])
        return result

    async def settle(self) -> None:
        """Wait for the calls to end, well or not."""
        if self._tasks:
            await asyncio.wait(self._tasks)
            for task in self._tasks:
                task.exception()  # looked at: whoever comes here tells of the first one
            self._tasks = []


async def _pieces(body: bytes | AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    if isinstance(body, bytes):
        yield body
        return
    async for piece in body:
        yield piece
