"""Waiters that end when the thing they wait for does.

boto3's waiters ask every 30 to 120 seconds. A Describe that such a waiter sends (its User-Agent's features hold ``B``)
is therefore held until the answer differs from the first one, 50 seconds at most: below every client's read timeout.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable
from functools import cache
from typing import Any

from botocore.loaders import Loader
from botocore.model import OperationModel

from clary.gateway.http import HttpRequest
from clary.gateway.threads import Threads
from clary.store.base import Record, Store

LONGEST = 50.0  # seconds; clients give up at 60

# Where a status comes to rest, also of operations for which botocore has no waiter but a client may make one.
_AT_REST = frozenset({"Completed", "Failed", "Stopped", "InService", "OutOfService", "Succeeded", "Active"})


class Waiting:
    def __init__(self, store: Store, threads: Threads) -> None:
        self._threads = threads
        self._held: dict[asyncio.Event, asyncio.AbstractEventLoop] = {}
        store.subscribe(self._changed)

    async def call(self, operation: OperationModel, http: HttpRequest, handle: Callable[[], Any]) -> Any:
        """The handler's answer; for a waiter's Describe the first one that says something new."""
        service = operation.service_model.service_name
        if not is_waiter(http) or not (status := status_member(operation)):
            return await self._threads.run(handle, service)
        changed, deadline = asyncio.Event(), time.monotonic() + LONGEST
        self._held[changed] = asyncio.get_running_loop()
        try:
            first = await self._threads.run(handle, service)
            if first.get(status) in final_states(service, operation.name):
                return first
            answer = first
            while answer.get(status) == first.get(status) and (left := deadline - time.monotonic()) > 0:
                try:
                    await asyncio.wait_for(changed.wait(), left)
                except TimeoutError:
                    return answer
                changed.clear()
                answer = await self._threads.run(handle, service)
            return answer
        finally:
            del self._held[changed]

    def _changed(self, _: Record) -> None:
        for event, loop in list(self._held.items()):
            loop.call_soon_threadsafe(event.set)


def is_waiter(http: HttpRequest) -> bool:
    """Whether a boto3 waiter sent it: the feature list ``m/`` of its User-Agent names waiters, ``B``."""
    features = re.search(r"(?:^|\s)m/(\S+)", http.headers.get("user-agent", ""))
    return features is not None and "B" in features.group(1).split(",")


def status_member(operation: OperationModel) -> str | None:
    """The member of a Describe's answer that tells its status: TrainingJobStatus of DescribeTrainingJob."""
    if not operation.name.startswith("Describe") or operation.output_shape is None:
        return None
    noun = operation.name.removeprefix("Describe").removesuffix("V2")
    return next((m for m in (f"{noun}Status", "Status") if m in operation.output_shape.members), None)


@cache
def final_states(service: str, operation: str) -> frozenset[Any]:
    """The states at which some waiter of botocore's model ends, for good or ill."""
    try:
        waiters = Loader().load_service_model(service, "waiters-2")["waiters"]
    except (KeyError, ValueError):
        return _AT_REST
    return _AT_REST | frozenset(
        acceptor["expected"]
        for waiter in waiters.values()
        if waiter["operation"] == operation
        for acceptor in waiter["acceptors"]
        if acceptor["state"] in {"success", "failure"} and acceptor["matcher"] == "path"
    )
