"""
httpx-limiter limits calls outside our transport, and attempts inside it.

It supports only asynchronous httpx clients. It uses limiters of other packages:
aiolimiter's needs asyncio, and a limiter of your own works wherever httpx does.
"""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from aiolimiter import AsyncLimiter
from httpx_limiter import AbstractAsyncLimiter, AsyncRateLimitedTransport
from httpx_limiter.aiolimiter import AiolimiterAsyncLimiter
from support.world import World

pytestmark = [pytest.mark.anyio, pytest.mark.parametrize("library", ["httpx"])]

URL = "https://example.org/"
asynchronous = pytest.mark.parametrize("runtime", ["asyncio", "trio"])
only_asyncio = pytest.mark.parametrize("runtime", ["asyncio"])
synchronous = pytest.mark.parametrize("runtime", ["sync"])


class Recorder(AbstractAsyncLimiter):
    """A limiter that never waits, and records the order of tokens and attempts."""

    def __init__(self) -> None:
        self.entries: list[str] = []

    async def __aenter__(self) -> Recorder:
        self.entries.append("token")
        return self

    def handler(self, request: httpx.Request) -> httpx.Response:
        self.entries.append("attempt")
        return httpx.Response(200 if self.entries.count("attempt") == 3 else 503)


def limited(limiter: AbstractAsyncLimiter, transport: Any) -> Any:
    return AsyncRateLimitedTransport(limiter=limiter, transport=transport)


@asynchronous
async def test_an_inside_limiter_takes_a_token_for_every_attempt(world: World) -> None:
    recorder = Recorder()
    inner = limited(recorder, world.mock(recorder.handler))
    async with world.client(world.transport(inner)) as client:
        assert (await client.get(URL)).status_code == 200
    assert recorder.entries == ["token", "attempt"] * 3


@asynchronous
async def test_an_outside_limiter_takes_one_token_for_a_call(world: World) -> None:
    recorder = Recorder()
    outer = limited(recorder, world.transport(world.mock(recorder.handler)))
    async with world.client(outer) as client:
        assert (await client.get(URL)).status_code == 200
    assert recorder.entries == ["token", "attempt", "attempt", "attempt"]


def three_an_hour() -> AsyncLimiter:
    """Make a limiter that is too slow to refill during a test."""
    return AsyncLimiter(max_rate=3, time_period=3600)


@only_asyncio
async def test_three_attempts_take_three_tokens_of_an_inside_aiolimiter(
    world: World,
) -> None:
    bucket, recorder = three_an_hour(), Recorder()
    limiter = AiolimiterAsyncLimiter(limiter=bucket)
    inner = limited(limiter, world.mock(recorder.handler))
    async with world.client(world.transport(inner)) as client:
        await client.get(URL)
    assert not bucket.has_capacity(1)


@only_asyncio
async def test_three_attempts_take_one_token_of_an_outside_aiolimiter(
    world: World,
) -> None:
    bucket, recorder = three_an_hour(), Recorder()
    limiter = AiolimiterAsyncLimiter(limiter=bucket)
    outer = limited(limiter, world.transport(world.mock(recorder.handler)))
    async with world.client(outer) as client:
        await client.get(URL)
    assert bucket.has_capacity(2)
    assert not bucket.has_capacity(3)


@synchronous
async def test_a_synchronous_client_refuses_an_asynchronous_limiter(
    world: World,
) -> None:
    inner = limited(Recorder(), world.http())
    with pytest.raises(TypeError, match="AsyncRateLimitedTransport is async"):
        async with world.client(world.transport(inner)):
            pytest.fail("the client was entered")


@asynchronous
async def test_httpx_limiter_does_not_close_the_transport_that_it_wraps(
    world: World,
) -> None:
    """So the caller closes the inner transport: enter it, as the example does."""
    closed = []

    class Inner(httpx.AsyncBaseTransport):
        async def aclose(self) -> None:
            closed.append(self)

    inner = Inner()
    async with world.client(world.transport(limited(Recorder(), inner))):
        pass
    assert closed == []
    async with world.client(world.transport(inner)):
        pass
    assert closed == [inner]
