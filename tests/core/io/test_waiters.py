"""Waiters: they are woken at any moment, by any thread, and know if their loop ended."""

from __future__ import annotations

import asyncio
import sys
import threading
from collections.abc import Callable
from typing import Any

import anyio
import pytest
import trio
from support.dead_loops import abandon, collect, trio_complains
from support.world import in_async

from httpx_resilient._core.clock import Clock
from httpx_resilient._core.io.loading import async_effects
from httpx_resilient._core.io.protocol import run_sync
from httpx_resilient._core.io.sync_io import ThreadWaiter
from httpx_resilient._core.waiter import Waiter

pytestmark = pytest.mark.anyio

on_asyncio = pytest.mark.parametrize("runtime", ["asyncio"])
on_trio = pytest.mark.parametrize("runtime", ["trio"])


async def made() -> Waiter:
    return async_effects().waiter()


def of_an_ended_loop(runtime: str) -> Waiter:
    """Return a waiter whose loop has ended, and left it waiting."""
    run: Any = asyncio.run(made()) if runtime == "asyncio" else trio.run(made)
    return run


class EachStep:
    """Calls a function at the n-th step of the code that runs in this thread."""

    def __init__(self, number: int, call: Callable[[], object]) -> None:
        self.left = number
        self.call = call

    def trace(self, frame: Any, kind: str, _: Any) -> Any:
        frame.f_trace_opcodes = True
        if kind == "opcode":
            self.left -= 1
            if self.left == 0:
                self.call()
        return self.trace


def test_a_thread_is_woken_by_a_finalizer_at_any_step_of_its_own_wait() -> None:
    number, over = 0, False
    ended: list[int] = []

    def wait(number: int) -> None:
        nonlocal over
        waiter = ThreadWaiter()
        steps = EachStep(number, waiter.wake)
        before = sys.gettrace()  # coverage measures by a trace function
        sys.settrace(steps.trace)
        try:
            run_sync(waiter.wait(0.01))
        finally:
            sys.settrace(before)
        over = steps.left > 0
        ended.append(number)

    while not over:
        number += 1
        thread = threading.Thread(target=wait, args=[number], daemon=True)
        thread.start()
        thread.join(30)
        assert ended[-1:] == [number], "the thread waits for itself"
    assert number > 10


def test_a_thread_that_is_woken_before_it_waits_does_not_wait() -> None:
    waiter = ThreadWaiter()
    assert waiter.wake()
    run_sync(waiter.wait(None))
    assert not waiter.is_dead


def test_a_thread_can_be_woken_twice() -> None:
    waiter = ThreadWaiter()
    assert [waiter.wake(), waiter.wake()] == [True, True]
    run_sync(waiter.wait(60))
    waiter.close()


@pytest.mark.parametrize("seconds", [0, -1, 0.001])
def test_a_thread_waits_no_longer_than_it_may(seconds: float) -> None:
    run_sync(ThreadWaiter().wait(seconds))


def test_a_thread_may_wait_for_longer_than_the_system_can() -> None:
    lock = threading.Lock()
    assert Clock.block_until(lock, 1e300)


@in_async
async def test_a_task_is_woken_by_another_task(runtime: str) -> None:
    waiter = await made()
    assert not waiter.is_dead
    assert waiter.wake()
    assert waiter.wake()
    with anyio.fail_after(10):
        await waiter.wait(None)
    waiter.close()


@in_async
async def test_a_task_waits_no_longer_than_it_may(runtime: str) -> None:
    waiter = await made()
    with anyio.fail_after(10):
        await waiter.wait(0.001)
    waiter.close()


@in_async
async def test_a_task_is_woken_by_another_thread(runtime: str) -> None:
    waiter = await made()
    woken = []
    thread = threading.Thread(target=lambda: woken.append(waiter.wake()))
    thread.start()
    with anyio.fail_after(10):
        await waiter.wait(None)
    thread.join()
    assert woken == [True]


@on_asyncio
async def test_a_finalizer_wakes_a_loop_that_is_about_to_wait_for_sockets(
    runtime: str,
) -> None:
    waiter = await made()
    selector: Any = asyncio.get_running_loop()._selector  # type: ignore[attr-defined]  # the loop's only wait
    select = selector.select

    def wake_and_select(timeout: float | None = None) -> Any:
        del selector.select
        waiter.wake()
        return select(10 if timeout is None else timeout)

    began = asyncio.get_running_loop().time()
    selector.select = wake_and_select
    await waiter.wait(None)
    assert asyncio.get_running_loop().time() - began < 9


@on_trio
@pytest.mark.parametrize(
    "moment", ["before_io_wait", "after_io_wait", "task_scheduled", "after_task_step"]
)
async def test_a_finalizer_wakes_a_task_in_the_midst_of_trios_scheduler(
    runtime: str, moment: str
) -> None:
    waiter = await made()

    class Finalizer(trio.abc.Instrument):
        """Runs once, where trio runs its own code."""

    def wake(self: Finalizer, _: object) -> None:
        trio.lowlevel.remove_instrument(self)
        waiter.wake()

    setattr(Finalizer, moment, wake)
    finalizer = Finalizer()
    trio.lowlevel.add_instrument(finalizer)
    with trio.fail_after(10):
        async with trio.open_nursery() as others:
            others.start_soon(trio.sleep, 0.001)  # the scheduler has something to do
            await waiter.wait(None)


@pytest.mark.parametrize("runtime", ["asyncio", "trio"])
def test_a_waiter_of_a_loop_that_has_ended_is_dead(runtime: str) -> None:
    waiter = of_an_ended_loop(runtime)
    assert waiter.is_dead
    assert not waiter.wake()
    waiter.close()


@trio_complains
def test_a_waiter_of_a_trio_run_that_has_crashed_is_dead() -> None:
    waiters: list[Waiter] = []

    async def wait() -> None:
        waiters.append(await made())
        await waiters[0].wait(None)

    kept = abandon("trio", (wait, lambda: waiters))
    assert waiters[0].is_dead
    assert not waiters[0].wake()
    waiters.clear()
    collect(kept)


def test_a_waiter_of_a_loop_that_is_only_stopped_is_alive() -> None:
    """A notebook stops its loop after each cell."""
    loop = asyncio.new_event_loop()
    waiter = loop.run_until_complete(made())
    assert not waiter.is_dead
    assert waiter.wake()
    loop.run_until_complete(asyncio.wait_for(waited(waiter), 10))
    loop.close()


async def waited(waiter: Waiter) -> None:
    await waiter.wait(None)


@pytest.mark.parametrize("runtime", ["asyncio", "trio"])
def test_a_waiter_of_a_loop_that_runs_in_another_thread_is_alive(runtime: str) -> None:
    waiters: list[Waiter] = []
    begun = threading.Event()

    async def main() -> None:
        waiter = await made()
        waiters.append(waiter)
        begun.set()
        with anyio.fail_after(10):
            await waiter.wait(None)

    thread = threading.Thread(
        target=anyio.run, args=[main], kwargs={"backend": runtime}
    )
    thread.start()
    assert begun.wait(10)
    assert not waiters[0].is_dead
    assert waiters[0].wake()
    thread.join(10)
    assert not thread.is_alive()
    assert waiters[0].is_dead
