"""Responses that are collected unclosed, at any moment, release what they occupy."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from typing import Any

import anyio
import pytest
from support.server import Server, reply
from support.stepwise import unclosed_responses
from support.world import World

from httpx_resilient import CircuitBreaker, ConcurrencyLimit, RateLimit
from httpx_resilient._core.clock import Clock

pytestmark = pytest.mark.anyio

QUOTA = {"x-ratelimit-remaining": "100000", "x-ratelimit-reset-after": "60"}


@pytest.fixture
def busy_collector() -> Iterator[None]:
    """Collect garbage all the time: finalizers interrupt all code."""
    before = gc.get_threshold()
    gc.collect()
    gc.freeze()
    gc.set_threshold(5, 2, 2)
    with unclosed_responses():
        yield
        gc.collect()
    gc.set_threshold(*before)
    gc.unfreeze()


@pytest.mark.usefixtures("busy_collector")
async def test_requests_wait_for_permits_of_responses_that_are_never_closed(
    world: World,
) -> None:
    limit, rate, breaker = ConcurrencyLimit(2), RateLimit(), CircuitBreaker()

    def answer(_: Any) -> Any:
        stream = world.library.ByteStream(b"answer")
        return world.library.Response(200, headers=QUOTA, stream=stream)

    limiting = world.ours.ConcurrencyLimitingTransport(world.mock(answer), limit)
    breaking = world.ours.CircuitBreakingTransport(limiting, breaker)
    transport = world.ours.RateLimitingTransport(breaking, rate)
    answered = 0

    async def lose_responses() -> None:
        nonlocal answered
        for _ in range(60):
            request = world.library.Request("GET", "http://localhost/")
            if world.sync:
                response = transport.handle_request(request)
            else:
                response = await transport.handle_async_request(request)
            response.itself = response  # only the collector finds it
            del response
            answered += 1

    async def work() -> None:
        """Collect what is old: the collector itself does so only now and then."""
        while answered < 240:
            gc.collect()
            await world.sleep(0.001)

    with anyio.fail_after(60):
        await world.together(work, *[lose_responses] * 4)
    assert answered == 240
    gc.collect()
    assert limit.states()["http://localhost"] == (2, 0, 0)
    assert rate.states()["http://localhost"].waiting == 0


@pytest.fixture
def collector_at_waits(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Collect garbage only where a thread begins to wait."""
    wait = Clock.block_until

    def collect_and_wait(lock: Any, seconds: float | None) -> bool:
        gc.collect()
        return wait(lock, seconds)

    monkeypatch.setattr(Clock, "block_until", collect_and_wait)
    gc.disable()
    with unclosed_responses():
        yield
        gc.collect()
    gc.enable()


@pytest.mark.parametrize("runtime", ["sync"])
@pytest.mark.parametrize("queue", ["permits", "connections"])
@pytest.mark.usefixtures("collector_at_waits")
async def test_a_thread_that_collects_what_it_is_about_to_wait_for_goes_on(
    world: World, server: Server, queue: str
) -> None:
    server.play(reply(200, b"answer"), reply(200, b"answer"))
    if queue == "permits":
        transport = world.ours.ConcurrencyLimitingTransport(
            None, ConcurrencyLimit(1), http2=False
        )
    else:
        limits = world.library.Limits(max_connections=1)
        transport = world.ours.PoolingTransport(limits=limits)
    client = world.library.Client(transport=transport, timeout=10)
    with client:
        lost = client.send(client.build_request("GET", server.url), stream=True)
        lost.itself = lost  # only the collector finds it
        del lost
        assert client.get(server.url).status_code == 200
