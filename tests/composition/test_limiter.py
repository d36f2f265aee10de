"""
httpx-limiter around our transport, and inside of it: what is paced, calls or attempts?

It is for asynchronous httpx clients only. Its limiters are those of other packages:
aiolimiter's needs asyncio, and one of your own goes wherever httpx does.
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


class Diary(AbstractAsyncLimiter):
    """Lets everything pass, and notes what happened in which order."""

    def __init__(self) -> None:
        self.entries: list[str] = []

    async def __aenter__(self) -> Diary:
        self.entries.append("token")
        return self

    def handler(self, request: httpx.Request) -> httpx.Response:
        self.entries.append("attempt")
        return httpx.Response(200 if self.entries.count("attempt") == 3 else 503)


def limited(limiter: AbstractAsyncLimiter, transport: Any) -> Any:
    return AsyncRateLimitedTransport(limiter=limiter, transport=transport)


@asynchronous
async def test_inside_every_attempt_waits_for_its_token(world: World) -> None:
    diary = Diary()
    inner = limited(diary, world.mock(diary.handler))
    async with world.client(world.transport(inner)) as client:
        assert (await client.get(URL)).status_code == 200
    assert diary.entries == ["token", "attempt"] * 3


@asynchronous
async def test_outside_only_the_call_waits_for_a_token(world: World) -> None:
    diary = Diary()
    outer = limited(diary, world.transport(world.mock(diary.handler)))
    async with world.client(outer) as client:
        assert (await client.get(URL)).status_code == 200
    assert diary.entries == ["token", "attempt", "attempt", "attempt"]


def three_an_hour() -> AsyncLimiter:
    """So slow that what a test takes gives nothing back."""
    return AsyncLimiter(max_rate=3, time_period=3600)


@only_asyncio
async def test_inside_three_attempts_use_up_what_three_may(world: World) -> None:
    bucket, diary = three_an_hour(), Diary()
    limiter = AiolimiterAsyncLimiter(limiter=bucket)
    inner = limited(limiter, world.mock(diary.handler))
    async with world.client(world.transport(inner)) as client:
        await client.get(URL)
    assert not bucket.has_capacity(1)


@only_asyncio
async def test_outside_three_attempts_use_up_what_one_may(world: World) -> None:
    bucket, diary = three_an_hour(), Diary()
    limiter = AiolimiterAsyncLimiter(limiter=bucket)
    outer = limited(limiter, world.transport(world.mock(diary.handler)))
    async with world.client(outer) as client:
        await client.get(URL)
    assert bucket.has_capacity(2)
    assert not bucket.has_capacity(3)


@synchronous
async def test_a_synchronous_client_refuses_it(world: World) -> None:
    inner = limited(Diary(), world.http())
    with pytest.raises(TypeError, match="AsyncRateLimitedTransport is async"):
        async with world.client(world.transport(inner)):
            pytest.fail("it was entered")


@asynchronous
async def test_it_does_not_close_what_it_wraps(world: World) -> None:
    """So the connections inside are yours to close: enter them, as the example does."""
    closed = []

    class Inner(httpx.AsyncBaseTransport):
        async def aclose(self) -> None:
            closed.append(self)

    inner = Inner()
    async with world.client(world.transport(limited(Diary(), inner))):
        pass
    assert closed == []
    async with world.client(world.transport(inner)):
        pass
    assert closed == [inner]
