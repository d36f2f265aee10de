"""`no_waits` skips backoffs and rate limits. Everything else takes its real time."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import anyio
import httpx
import pytest
import tenacity
from support.mocks import BUSY, HEALTHY, ORIGIN
from support.world import World, in_async

from httpx_resilient import (
    ConcurrencyLimit,
    ConcurrencyLimitingTransport,
    DeadlineTransport,
    RateLimit,
    RateLimitingTransport,
    RetryingTransport,
    attempts_of,
)
from httpx_resilient._core.clock import Clock, sleep
from httpx_resilient._core.io.async_io import AsyncIO
from httpx_resilient.testing import no_waits

pytestmark = pytest.mark.anyio


@pytest.fixture
def library() -> str:
    """The library makes no difference here."""
    return "httpx"


@pytest.fixture(autouse=True)
def takes_less_than_two_seconds() -> Any:
    started = time.monotonic()
    yield
    assert time.monotonic() - started < 2


def hourly(**options: Any) -> RetryingTransport:
    return RetryingTransport(
        BUSY, wait=tenacity.wait_fixed(3600), budget=False, **options
    )


async def test_backoffs_are_skipped_and_advance_the_clocks(world: World) -> None:
    with no_waits() as clock:
        began = Clock.now(), Clock.wall_time()
        async with world.client(hourly()) as client:
            response = await client.get(ORIGIN)
        assert clock.elapsed == pytest.approx(7200, abs=1)
        assert Clock.now() - began[0] == pytest.approx(7200, abs=1)
        assert Clock.wall_time() - began[1] == pytest.approx(7200, abs=1)
    assert [attempt.wait for attempt in attempts_of(response)] == [3600, 3600, 0]


async def test_a_deadline_counts_the_waits_that_are_skipped(world: World) -> None:
    with no_waits():
        async with world.client(DeadlineTransport(hourly(), 5000)) as client:
            assert len(attempts_of(await client.get(ORIGIN))) == 2


async def test_a_rate_limit_holds_on_the_clock(world: World) -> None:
    with no_waits() as clock:
        limited = RateLimitingTransport(HEALTHY, RateLimit(1, per=60))
        async with world.client(limited) as client:
            for _ in range(60):
                await client.get(ORIGIN)
        assert clock.elapsed == pytest.approx(59 * 60, abs=2)


@pytest.mark.parametrize("max_wait", [1000, float("inf")])
async def test_concurrent_requests_take_turns_at_a_rate_limit(
    world: World, max_wait: float
) -> None:
    with no_waits() as clock:
        limit = RateLimit(1, per=60, max_wait=max_wait)
        async with world.client(RateLimitingTransport(HEALTHY, limit)) as client:
            await world.together(*[lambda: client.get(ORIGIN)] * 5)
        assert clock.elapsed >= 239


@in_async
async def test_concurrent_backoffs_overlap_on_the_clock(world: World) -> None:
    with no_waits() as clock:
        async with world.client(hourly()) as client:
            await world.together(*[lambda: client.get(ORIGIN)] * 5)
        assert clock.elapsed == pytest.approx(7200, abs=2)


async def test_other_waits_take_real_time(world: World) -> None:
    with no_waits() as clock:
        limited = ConcurrencyLimitingTransport(HEALTHY, ConcurrencyLimit(1))
        async with world.client(limited) as client:
            started = time.monotonic()
            stream = client.build_request("GET", ORIGIN)
            await client.send(stream)
            await world.sleep(0.05)
            assert time.monotonic() - started >= 0.05
        assert clock.elapsed == 0


@in_async
async def test_a_loop_of_skipped_waits_can_be_cancelled(world: World) -> None:
    sent: list[int] = []
    busy = httpx.MockTransport(lambda _: sent.append(1) or httpx.Response(503))
    retrying = RetryingTransport(
        busy,
        wait=tenacity.wait_fixed(60),
        stop=tenacity.stop_never,
        budget=False,
    )
    with no_waits():
        async with world.client(retrying) as client:
            with anyio.move_on_after(0.05):
                await client.get(ORIGIN)
    assert len(sent) > 1


async def test_advancing_the_clock_adds_to_elapsed(world: World) -> None:
    with no_waits() as clock:
        clock.advance(60)
        assert clock.elapsed == pytest.approx(60, abs=0.01)


async def test_the_same_seed_gives_the_same_waits(world: World) -> None:
    async def waits(seed: int) -> list[float]:
        with no_waits(seed=seed):
            async with world.client(RetryingTransport(BUSY)) as client:
                return [a.wait for a in attempts_of(await client.get(ORIGIN))]

    assert await waits(1) == await waits(1) != await waits(2)


def test_leaving_the_block_by_an_exception_restores_the_clock() -> None:
    before: list[Callable[..., Any]] = [AsyncIO.sleep, Clock.turn]
    with pytest.raises(ZeroDivisionError), no_waits():
        raise ZeroDivisionError
    assert [AsyncIO.sleep, Clock.turn] == before
    assert (Clock.now, Clock.block) == (time.monotonic, sleep)
