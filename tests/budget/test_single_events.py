"""
Single events over sockets: a server that throttles, breaks or restarts loses no call.

What the budget does about failures that go on stands in `test_sockets.py`.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from typing import Any

import pytest
import tenacity
from support.server import Connection, Server, Step, reply, reset
from support.world import World

from httpx_resilient import RetryBudget, wait_transient

pytestmark = pytest.mark.anyio

CALLS = 36
"""Fewer than the 40 threads in which a synchronous world makes calls."""


class Crowd:
    """Lets a number of requests arrive, then breaks all their connections at once."""

    def __init__(self, size: int) -> None:
        self._arrived = threading.Barrier(size)

    def __call__(self, connection: Connection) -> bool:
        self._arrived.wait(timeout=20)
        return reset()(connection)


class Throttling:
    """Serves a number of requests in any period, and says when to return."""

    def __init__(self, requests: int, seconds: float) -> None:
        self._requests = requests
        self._seconds = seconds
        self._served = deque[float]()
        self._lock = threading.Lock()

    def __call__(self, connection: Connection) -> bool:
        with self._lock:
            now = time.monotonic()
            while self._served and self._served[0] <= now - self._seconds:
                self._served.popleft()
            is_served = len(self._served) < self._requests
            if is_served:
                self._served.append(now)
        hint = f"{1000 * self._seconds:.0f}"
        step = reply(200) if is_served else reply(429, retry_after_ms=hint)
        return step(connection)


def restarting(seconds: float) -> Step:
    """Answer with 503 for some seconds after the first request, then with 200."""
    began: list[float] = []

    def step(connection: Connection) -> bool:
        began.append(time.monotonic())
        is_down = began[-1] - began[0] < seconds
        return reply(503 if is_down else 200)(connection)

    return step


async def statuses(world: World, client: Any, url: str, calls: int) -> list[int]:
    """Make calls at the same time. Return their status codes."""
    found: list[int] = []

    async def call() -> None:
        found.append((await client.get(url)).status_code)

    await world.together(*[call] * calls)
    return found


async def test_what_a_server_breaks_at_once_is_answered(
    world: World, server: Server
) -> None:
    server.play(*[Crowd(CALLS)] * CALLS, reply())
    async with world.client() as client:
        assert await statuses(world, client, server.url, CALLS) == [200] * CALLS


@pytest.mark.parametrize("name", ["RetryingTransport", "standard_transport"])
@pytest.mark.parametrize("attempts", [3, 8])
async def test_calls_that_wait_as_long_as_the_server_asks_are_served(
    world: World, server: Server, name: str, attempts: int
) -> None:
    server.play(Throttling(CALLS // 3, 0.3))
    options = {
        "wait": wait_transient(throttled=tenacity.wait_none()),
        "stop": tenacity.stop_after_attempt(attempts),
    }
    transport = (
        world.ours.RetryingTransport(**options)
        if name == "RetryingTransport"
        else world.ours.standard_transport(retry=options)
    )
    async with world.client(transport) as client:
        assert await statuses(world, client, server.url, CALLS) == [200] * CALLS


async def test_by_default_a_restart_of_a_second_and_a_half_is_bridged(
    world: World, server: Server
) -> None:
    server.play(restarting(1.5))
    async with world.client(world.ours.RetryingTransport()) as client:
        assert await statuses(world, client, server.url, 20) == [200] * 20


async def test_one_line_bridges_a_longer_restart(world: World, server: Server) -> None:
    server.play(restarting(2.6))
    transport = world.ours.RetryingTransport(
        stop=tenacity.stop_after_delay(10), budget=RetryBudget(grace=10)
    )
    async with world.client(transport) as client:
        assert await statuses(world, client, server.url, 20) == [200] * 20
