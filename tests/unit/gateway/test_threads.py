"""Calls that wait for a model take no thread from the others."""

from __future__ import annotations

import asyncio
import contextvars
import threading

from clary.gateway.threads import Threads

WORD = contextvars.ContextVar("WORD", default="")


def test_invocations_that_wait_stop_no_call() -> None:
    async def run() -> list[int]:
        threads, go_on = Threads(), threading.Event()
        waiting = [
            asyncio.create_task(threads.run(lambda: int(go_on.wait(30)), "sagemaker-runtime")) for _ in range(200)
        ]
        await asyncio.sleep(0)
        async with asyncio.timeout(10):
            found = [await threads.run(lambda: number, "sagemaker") for number in range(3)]  # noqa: B023
        go_on.set()
        return found + await asyncio.gather(*waiting)

    assert asyncio.run(run()) == [0, 1, 2] + [1] * 200


def test_a_call_sees_the_variables_of_its_task() -> None:
    async def run(service: str) -> str:
        WORD.set("here")
        return await Threads().run(WORD.get, service)

    assert asyncio.run(run("sagemaker")) == asyncio.run(run("sagemaker-runtime")) == "here"
