"""The threads that handlers run in.

Those of most calls are few, for a call takes a millisecond and threads of Python hinder each other; an executor's cost a
third of anyio's. Invocations have threads of their own, which wait up to a minute for a model: however many do, nobody
else waits behind them, and as anyio's threads they do not hold up the end of the process.
"""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import anyio
import anyio.to_thread

T = TypeVar("T")

_CALLS = 16
_INVOCATIONS = 128
_LONG = 2


class Threads:
    def __init__(self) -> None:
        self._calls = ThreadPoolExecutor(_CALLS, thread_name_prefix="call")
        self._invocations = anyio.CapacityLimiter(_INVOCATIONS)
        self._long = anyio.CapacityLimiter(_LONG)

    async def run(self, work: Callable[[], T], service: str) -> T:
        """What ``work`` returns or raises, with this task's context variables."""
        if service == "sagemaker-runtime":
            return await anyio.to_thread.run_sync(work, limiter=self._invocations)
        context = contextvars.copy_context()
        return await asyncio.get_running_loop().run_in_executor(self._calls, context.run, work)

    async def run_long(self, work: Callable[[], T]) -> T:
        """The same for what computes for long: two at a time, so that the others get their turn beside it."""
        return await anyio.to_thread.run_sync(work, limiter=self._long)
