"""The event loop and the clock of simulations."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterator
from typing import Any

import anyio
import pytest

from httpx_resilient._core.clock import Clock
from httpx_resilient.simulation._clock import SimulatedClock

HOUR = 3600.0


class Broken(Exception):
    """An error that only these tests raise."""


@pytest.fixture
def clock() -> Iterator[SimulatedClock]:
    with SimulatedClock(1) as clock:
        yield clock


def finished(clock: SimulatedClock, coroutine: Any) -> Any:
    task = clock.start(coroutine)
    clock.run()
    return task.result()


def test_events_run_in_the_order_of_time(clock: SimulatedClock) -> None:
    seen: list[float] = []
    for time in (3.0, 1.0, 2.0):
        clock.at(time, seen.append, time)
    clock.run()
    assert seen == [1.0, 2.0, 3.0]
    assert clock.now() == clock.elapsed == 3.0


def test_events_of_the_same_time_run_in_the_order_of_scheduling(
    clock: SimulatedClock,
) -> None:
    seen: list[int] = []
    for number in range(50):
        clock.at(1.0, seen.append, number)
    clock.run()
    assert seen == [*range(50)]


def test_an_event_in_the_past_runs_now(clock: SimulatedClock) -> None:
    seen: list[float] = []
    clock.at(2.0, lambda: clock.at(1.0, lambda: seen.append(clock.now())))
    clock.run()
    assert seen == [2.0]


def test_a_run_stops_at_its_time_limit_and_can_continue(clock: SimulatedClock) -> None:
    seen: list[int] = []
    clock.at(1.0, seen.append, 1)
    clock.at(2.0, seen.append, 2)
    clock.run(1.5)
    assert seen == [1]
    clock.run()
    assert seen == [1, 2]


def test_a_sleep_of_an_hour_advances_the_clock_of_the_library_by_an_hour(
    clock: SimulatedClock,
) -> None:
    async def sleeper() -> float:
        await asyncio.sleep(HOUR)
        return Clock.now()

    assert finished(clock, sleeper()) == HOUR


def test_a_blocking_sleep_of_the_library_advances_the_clock(
    clock: SimulatedClock,
) -> None:
    Clock.block(HOUR)
    Clock.block(-1)
    assert clock.now() == HOUR


def test_a_timer_that_is_cancelled_does_not_advance_the_clock(
    clock: SimulatedClock,
) -> None:
    async def limited() -> str:
        async with asyncio.timeout(HOUR):
            await asyncio.sleep(1)
        return "done"

    assert finished(clock, limited()) == "done"
    assert clock.now() == 1.0


def test_timeouts_of_asyncio_and_of_anyio_cut_in_simulated_time(
    clock: SimulatedClock,
) -> None:
    async def cut() -> list[float]:
        times = []
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(2):
                await asyncio.sleep(HOUR)
        times.append(clock.now())
        with anyio.move_on_after(3):
            await anyio.sleep(HOUR)
        times.append(clock.now())
        return times

    assert finished(clock, cut()) == [2.0, 5.0]


def test_a_run_raises_the_error_of_a_task(clock: SimulatedClock) -> None:
    async def breaks() -> None:
        await asyncio.sleep(1)
        raise Broken

    clock.start(breaks())
    with pytest.raises(Broken):
        clock.run()


def test_a_run_raises_the_error_of_a_callback(clock: SimulatedClock) -> None:
    def breaks() -> None:
        raise Broken

    clock.at(1.0, breaks)
    with pytest.raises(Broken):
        clock.run()


def test_what_asyncio_reports_without_an_exception_is_raised_too(
    clock: SimulatedClock,
) -> None:
    loop = clock._loop
    with pytest.raises(RuntimeError, match="something is wrong"):
        loop.call_exception_handler({"message": "something is wrong"})


def test_the_end_of_the_block_cancels_what_still_runs() -> None:
    seen: list[str] = []

    async def sleeper() -> None:
        try:
            await asyncio.sleep(HOUR)
        finally:
            seen.append("cleaned up")
            await asyncio.sleep(HOUR)  # nobody waits for it
            seen.append("never")

    with SimulatedClock(1) as clock:
        task = clock.start(sleeper())
        clock.run(1)
        assert clock._loop.is_running()
    assert seen == ["cleaned up"]
    assert clock._loop.is_closed()
    assert not clock._loop.is_running()
    assert not task.done()


def test_a_run_inside_of_a_running_loop_is_refused() -> None:
    async def runs() -> None:
        with SimulatedClock(1) as clock:
            clock.run()

    with pytest.raises(RuntimeError, match=r"asyncio\.to_thread"):
        asyncio.run(runs())


def test_the_loop_is_no_longer_the_running_one_after_an_error(
    clock: SimulatedClock,
) -> None:
    clock.at(0, {}.pop, "missing")
    with pytest.raises(KeyError):
        clock.run()
    with pytest.raises(RuntimeError, match="no running event loop"):
        asyncio.get_running_loop()


def test_random_has_the_seed_of_the_clock_inside_of_its_block_only() -> None:
    random.seed(7)
    outside = [random.random() for _ in range(2)]
    random.seed(7)
    seen = [random.random()]
    with SimulatedClock(3):
        inside = random.random()
    seen.append(random.random())
    assert seen == outside
    with SimulatedClock(3):
        assert random.random() == inside
