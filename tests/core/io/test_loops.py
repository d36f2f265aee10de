"""Work for an event loop of another thread, which may be about to end."""

from __future__ import annotations

import asyncio
import math
import threading
from collections.abc import AsyncGenerator, Callable
from typing import Any

import pytest
import trio

from httpx_resilient._core.io.loops import run_in
from httpx_resilient._pool.loop_reaper import LoopReaper


def at_the_end_of_trio(act: Callable[[Any], object]) -> None:
    """Do something in a run of trio that takes no more tasks."""

    async def at_the_end() -> AsyncGenerator[None]:
        try:
            yield
        finally:
            with trio.CancelScope(shield=True):
                act(trio.lowlevel.current_trio_token())
                for _ in range(3):
                    await trio.lowlevel.checkpoint()

    async def main() -> None:
        left.append(at_the_end())
        await anext(left[0])

    left: list[AsyncGenerator[None]] = []
    trio.run(main)


class Done(list[str]):
    """What was done of some work, or otherwise."""

    async def work(self) -> None:
        self.append("work")

    def otherwise(self) -> None:
        self.append("otherwise")


@pytest.fixture
def done() -> Done:
    return Done()


def test_a_loop_of_asyncio_that_runs_does_it(done: Done) -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        thread = threading.Thread(target=run_in, args=[loop, done.work, done.otherwise])
        thread.start()
        await asyncio.to_thread(thread.join)
        await asyncio.sleep(0.01)

    asyncio.run(main())
    assert done == ["work"]


def test_a_loop_of_asyncio_that_ends_first_does_not(done: Done) -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        run_in(loop, done.work, done.otherwise)
        await asyncio.sleep(0)  # the task exists, and has not begun
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            task.cancel()  # as `asyncio.run` does at its end

    asyncio.run(main())
    assert done == ["otherwise"]


def test_a_loop_of_asyncio_that_has_ended_does_not(done: Done) -> None:
    loop = asyncio.new_event_loop()
    loop.close()
    run_in(loop, done.work, done.otherwise)
    assert done == ["otherwise"]


def test_a_run_of_trio_does_it(done: Done) -> None:
    async def main() -> None:
        token = trio.lowlevel.current_trio_token()
        await trio.to_thread.run_sync(run_in, token, done.work, done.otherwise)
        await trio.sleep(0.01)

    trio.run(main)
    assert done == ["work"]


def test_a_run_of_trio_that_ends_does_not_and_goes_on(done: Done) -> None:
    """An exception in what it is asked to call would crash it."""
    at_the_end_of_trio(lambda token: run_in(token, done.work, done.otherwise))
    assert done == ["otherwise"]


def test_idle_connections_of_a_run_of_trio_that_ends_need_no_watch() -> None:
    class Burst:
        has_surplus = has_idle = True

        def next_eviction(self) -> float:
            return math.inf

        async def evict_loop(self, *_: object) -> None:
            """There is nothing to close."""

    owner: Any = Burst()
    reaper = LoopReaper(owner)
    at_the_end_of_trio(reaper.watch)
    assert reaper.watched is None
