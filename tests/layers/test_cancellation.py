"""A request that is cancelled at any of its waits loses nothing."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import anyio
import anyio.lowlevel
import pytest
from support.rates import asking, in_flight
from support.world import World, in_async

from httpx_resilient import CircuitBreaker, ConcurrencyLimit, RateLimit
from httpx_resilient._core.clock import Clock
from httpx_resilient._layers.circuit_breaker.state import HalfOpen
from httpx_resilient.testing import virtual_time

pytestmark = [pytest.mark.anyio, in_async]

URL = "http://localhost/"
KEY = ("http", "localhost", None)


async def cancellations(
    send: Callable[[], Awaitable[Any]], meanwhile: Callable[[int], Any]
) -> AsyncIterator[int]:
    """
    Send again and again, cancel each request one step later, and yield after each.

    Another function is called at each step, with its number.
    """
    number, is_over = 0, False
    while not is_over:
        number += 1
        meanwhile(0)

        async def run() -> None:
            nonlocal is_over
            await send()
            is_over = True

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(run)
            for step in range(1, number):
                await anyio.lowlevel.checkpoint()
                meanwhile(step)
            tasks.cancel_scope.cancel()
        yield number


def sending(world: World, layer: str, state: Any, **headers: str) -> Any:
    """Return a function that sends through a layer to a server that takes its time."""

    async def answer(_: Any) -> Any:
        for _ in range(3):
            await anyio.lowlevel.checkpoint()
        return world.library.Response(200, headers=headers, stream=Body())

    class Body(world.library.AsyncByteStream):  # type: ignore[misc,name-defined]  # of either library
        async def __aiter__(self) -> AsyncIterator[bytes]:
            for _ in range(3):
                await anyio.lowlevel.checkpoint()
                yield b"part"

        async def aclose(self) -> None:
            await anyio.lowlevel.checkpoint()

    transport = getattr(world.ours, layer)(world.mock(answer), state)

    async def send() -> None:
        response = await transport.handle_async_request(
            world.library.Request("GET", URL)
        )
        try:
            async for _ in response.stream:
                pass
        finally:
            with anyio.CancelScope(shield=True):
                await response.stream.aclose()

    return send


def state_of(limit: Any) -> tuple[int, int]:
    (state,) = limit.states().values()
    return state.in_flight, state.waiting


async def test_a_request_with_a_permit_returns_it(world: World) -> None:
    limit = ConcurrencyLimit(1)
    send = sending(world, "ConcurrencyLimitingTransport", limit)
    await send()
    async for number in cancellations(send, int):
        assert state_of(limit) == (0, 0), f"cancelled at step {number}"


@pytest.mark.parametrize("release_at", [2, 5])
async def test_a_request_that_waits_for_a_permit_leaves_the_queue(
    world: World, release_at: int
) -> None:
    limit = ConcurrencyLimit(1)
    send = sending(world, "ConcurrencyLimitingTransport", limit)
    await send()
    permits: list[Any] = []

    def meanwhile(step: int) -> None:
        if step == 0:
            permits[:] = [limit.semaphore(KEY).try_acquire()]
        if step == release_at:
            limit.semaphore(KEY).release(permits.pop())

    async for number in cancellations(send, meanwhile):
        permits.clear()
        assert state_of(limit) == (0, 0), f"cancelled at step {number}"


async def test_a_request_that_waits_for_its_turn_leaves_the_queue(world: World) -> None:
    quota = {"x-ratelimit-remaining": "900", "x-ratelimit-reset-after": "60"}
    with virtual_time() as clock:
        limit = RateLimit(10)
        send = sending(world, "RateLimitingTransport", limit, **quota)
        await send()

        def meanwhile(step: int) -> None:
            if step == 0:
                clock.advance(1)
                limit.take(KEY, asking(clock.now()))
            if step == 4:
                clock.advance(1)  # its turn has come

        async for number in cancellations(send, meanwhile):
            (public,) = limit.states().values()
            assert in_flight(limit, KEY) == 0, f"cancelled at step {number}"
            assert public.waiting == 0, f"cancelled at step {number}"


async def test_a_probe_allows_another_one(world: World) -> None:
    breaker = CircuitBreaker()
    send = sending(world, "CircuitBreakingTransport", breaker)

    def meanwhile(step: int) -> None:
        if step == 0:
            breaker.circuits.apply(KEY, lambda _: (HalfOpen(1), None))

    async for number in cancellations(send, meanwhile):
        (circuit,) = breaker.circuits.states().values()
        assert isinstance(circuit, HalfOpen)
        assert circuit.probes == (), f"cancelled at step {number}"


@pytest.mark.parametrize("answered_at", [2, 5])
async def test_a_request_that_waits_for_a_probe_leaves_the_queue(
    world: World, answered_at: int
) -> None:
    breaker = CircuitBreaker()
    send = sending(world, "CircuitBreakingTransport", breaker)
    await send()
    probes: list[Any] = []

    def meanwhile(step: int) -> None:
        if step == 0:
            breaker.circuits.apply(KEY, lambda _: (HalfOpen(1), None))
            probes[:] = [breaker.enter(KEY, Clock.now())]
        if step == answered_at:
            probes.pop().give_back(Clock.now())

    async for number in cancellations(send, meanwhile):
        probes.clear()
        assert len(breaker.queues[KEY]) == 0, f"cancelled at step {number}"
        (circuit,) = breaker.circuits.states().values()
        assert isinstance(circuit, HalfOpen)
        assert circuit.probes == (), f"cancelled at step {number}"
