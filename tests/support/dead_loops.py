"""Event loops that end and leave their tasks waiting."""

from __future__ import annotations

import asyncio
import gc
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

import anyio
import pytest
import trio

trio_complains = pytest.mark.filterwarnings(
    "ignore::pytest.PytestUnraisableExceptionWarning"
)
"""The coroutines of a trio run that has crashed fail when they are collected."""

Main = Callable[[], Awaitable[Any]]


class CrashingClock(trio.abc.Clock):
    """A clock that ends its run."""

    is_broken = False

    def start_clock(self) -> None:
        """There is nothing to start."""

    def current_time(self) -> float:
        return time.monotonic()

    def deadline_to_sleep_time(self, deadline: float) -> float:
        if self.is_broken:
            raise ZeroDivisionError
        return max(deadline - time.monotonic(), 0.0)


def abandon(runtime: str, *tasks: tuple[Main, Callable[[], Any]]) -> list[Any]:
    """
    Start tasks in a new event loop, which ends without ending them.

    Each task comes with a condition, after which the next one starts. Return what keeps
    the tasks alive.
    """
    if runtime == "asyncio":
        loop = asyncio.new_event_loop()
        kept: list[Any] = []
        for main, met in tasks:
            kept.append(loop.create_task(_run(main)))
            loop.run_until_complete(until(met))
        loop.close()
        return kept
    clock = CrashingClock()

    async def run() -> None:
        async with anyio.create_task_group() as group:
            for main, met in tasks:
                group.start_soon(main)
                await until(met)
            clock.is_broken = True
            await anyio.sleep(60)

    main = run()

    async def crash() -> None:
        await main

    with suppress(trio.TrioInternalError):
        trio.run(crash, clock=clock)
    assert clock.is_broken
    return [main]


def collect(kept: list[Any]) -> None:
    """Let go of what `abandon` returned."""
    kept.clear()
    for _ in range(3):  # what a finalizer revives is collected by the next one
        gc.collect()


async def _run(main: Main) -> None:
    await main()


async def until(met: Callable[[], Any]) -> None:
    """Wait until a condition is met, in any event loop."""
    with anyio.fail_after(10):
        while not met():  # noqa: ASYNC110 - nobody sets an event
            await anyio.sleep(0.001)
