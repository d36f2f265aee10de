"""Layers and sleeping tasks in virtual time, on asyncio, trio and without a loop."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import anyio
import httpx
import pytest
import trio
import trio.testing
from support.mocks import BUSY, EVERY_TEN_MINUTES, HEALTHY, ORIGIN
from support.world import World, in_async

from httpx_resilient import (
    CircuitBreaker,
    CircuitBreakingTransport,
    CircuitOpen,
    DeadlineExceeded,
    DeadlineTransport,
    HedgePolicy,
    HedgingTransport,
    RateLimit,
    RateLimitingTransport,
    RetryingTransport,
    attempts_of,
)
from httpx_resilient._core.clock import Clock
from httpx_resilient.testing import virtual_time

pytestmark = pytest.mark.anyio


@pytest.fixture
def library() -> str:
    """The library makes no difference here."""
    return "httpx"


@pytest.fixture
def run(runtime: str) -> Callable[[Any], Any]:
    """Run a coroutine function on an event loop, or for `sync` without a loop."""

    def run_test(test: Any) -> Any:
        if runtime != "sync":
            return anyio.run(test, backend=runtime)
        try:
            test().send(None)
        except StopIteration as finished:
            return finished.value
        pytest.fail("the coroutine suspended")

    return run_test


def slow(seconds: float) -> httpx.MockTransport:
    async def handler(request: httpx.Request) -> httpx.Response:
        await anyio.sleep(seconds)
        return httpx.Response(200, request=request)

    return httpx.MockTransport(handler)


def test_an_hour_of_retries_takes_less_than_a_second_and_exactly_an_hour_on_the_clock(
    world: World, run: Any
) -> None:
    async def calls() -> None:
        with virtual_time() as clock:
            wall = Clock.wall_time()
            async with world.client(
                RetryingTransport(BUSY, **EVERY_TEN_MINUTES)
            ) as client:
                response = await client.get(ORIGIN)
            assert clock.elapsed == pytest.approx(3600, abs=1e-6)
            assert Clock.wall_time() - wall == pytest.approx(3600, abs=1e-3)
        attempts = attempts_of(response)
        assert [attempt.wait for attempt in attempts] == [600] * 6 + [0]
        assert [attempt.duration for attempt in attempts] == [0] * 7

    started = time.monotonic()
    run(calls)
    assert time.monotonic() - started < 1


def test_retries_stop_before_a_wait_that_the_deadline_would_interrupt(
    world: World, run: Any
) -> None:
    async def calls() -> None:
        retrying = RetryingTransport(BUSY, **EVERY_TEN_MINUTES)
        with virtual_time() as clock:
            async with world.client(DeadlineTransport(retrying, 1500)) as client:
                response = await client.get(ORIGIN)
            assert clock.elapsed == pytest.approx(1200)
        assert len(attempts_of(response)) == 3

    run(calls)


@in_async
async def test_a_deadline_expires_at_its_exact_second(world: World) -> None:
    with virtual_time() as clock:
        async with world.client(DeadlineTransport(slow(7200), 3600)) as client:
            with pytest.raises(DeadlineExceeded):
                await client.get(ORIGIN, timeout=None)
        assert clock.elapsed == pytest.approx(3600, abs=0.002)


def test_a_circuit_opens_half_opens_and_closes(world: World, run: Any) -> None:
    statuses = [500] * 4 + [200] * 4
    inner = httpx.MockTransport(lambda request: httpx.Response(statuses.pop(0)))

    async def calls() -> None:
        def phase() -> str:
            (circuit,) = breaker.states().values()
            return circuit.phase

        with virtual_time() as clock:
            breaker = CircuitBreaker(minimum_calls=4, open_for=60)
            transport = CircuitBreakingTransport(inner, breaker)
            async with world.client(transport) as client:
                for _ in range(4):
                    await client.get(ORIGIN)
                with pytest.raises(CircuitOpen) as refused:
                    await client.get(ORIGIN)
                assert phase() == "open"
                assert 48 <= refused.value.retry_after <= 72
                clock.advance(refused.value.retry_after)
                await client.get(ORIGIN)
                assert phase() == "half-open"
                for _ in range(3):
                    await client.get(ORIGIN)
                assert phase() == "closed"

    run(calls)


def test_sixty_requests_at_one_a_minute_take_fifty_nine_minutes(
    world: World, run: Any
) -> None:
    async def calls() -> None:
        with virtual_time(patience=0.001) as clock:
            limited = RateLimitingTransport(HEALTHY, RateLimit(1, per=60))
            async with world.client(limited) as client:
                for _ in range(60):
                    await client.get(ORIGIN)
            assert clock.elapsed == pytest.approx(59 * 60)

    run(calls)


@in_async
async def test_a_hedge_is_sent_after_its_delay(world: World) -> None:
    sent: list[float] = []

    async def handler(request: httpx.Request) -> httpx.Response:
        sent.append(clock.elapsed)
        await anyio.sleep(1000 if len(sent) == 1 else 5)
        return httpx.Response(200)

    with virtual_time() as clock:
        hedging = HedgingTransport(httpx.MockTransport(handler), HedgePolicy(20))
        async with world.client(hedging) as client:
            await client.get(ORIGIN, timeout=None)
        assert sent == pytest.approx([0, 20])
        assert clock.elapsed == pytest.approx(25)


@in_async
async def test_concurrent_sleeps_overlap(world: World) -> None:
    ended: list[tuple[int, float]] = []

    async def sleep(seconds: int) -> None:
        await world.sleep(seconds)
        ended.append((seconds, round(clock.elapsed, 6)))

    with virtual_time() as clock:
        await world.together(lambda: sleep(10), lambda: sleep(5))
    assert ended == [(5, 5), (10, 10)]


@in_async
async def test_advancing_the_clock_wakes_tasks_whose_sleep_is_over(
    world: World,
) -> None:
    begun = anyio.Event()

    async def sleep() -> None:
        begun.set()
        await world.sleep(3600)
        assert clock.elapsed == pytest.approx(4000)

    with virtual_time() as clock:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(sleep)
            await begun.wait()
            clock.advance(4000)


def test_a_mock_clock_of_the_trio_run_stays_in_use() -> None:
    async def test() -> None:
        with virtual_time() as clock:
            await trio.sleep(60)
            clock.advance(10)
        assert (clock.elapsed, mock_clock.current_time()) == (70, 70)

    mock_clock = trio.testing.MockClock(autojump_threshold=0)
    trio.run(test, clock=mock_clock)
