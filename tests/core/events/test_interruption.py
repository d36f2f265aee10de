"""A listener that interrupts a request, as Control-C may, leaks no resource."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import tenacity
from support.gates import is_whole, pooling
from support.rates import in_flight
from support.server import Server, Step, close, reply
from support.world import World

from httpx_resilient import CircuitBreaker, Failover, RateLimit, RetryBudget, events
from httpx_resilient.testing import no_waits

pytestmark = pytest.mark.anyio

Make = Callable[[World, Any, Any, str], Any]


class Interruption(BaseException):
    """Like `KeyboardInterrupt`, but pytest and trio do not handle it."""


def retrying(world: World, pool: Any, listener: Any, _: str) -> Any:
    wait, budget = tenacity.wait_fixed(0.001), RetryBudget(most=2)
    return world.transport(pool, on_event=listener, wait=wait, budget=budget)


def breaking(world: World, pool: Any, listener: Any, _: str) -> Any:
    breaker = CircuitBreaker(minimum_calls=1, open_for=0.001)
    return world.ours.CircuitBreakingTransport(pool, breaker, on_event=listener)


def limiting(world: World, pool: Any, listener: Any, _: str) -> Any:
    return world.ours.RateLimitingTransport(pool, RateLimit(100), on_event=listener)


def failing_over(world: World, pool: Any, listener: Any, url: str) -> Any:
    origin = url.rstrip("/")
    both = Failover([origin, origin.replace("127.0.0.1", "localhost")], cooldown=0.01)
    return world.ours.FailoverTransport(pool, both, on_event=listener)


def set_listener(transport: Any, listener: Any) -> None:
    """Set the listener of a transport that was made without one."""
    transport._emit.listener = listener


def alone(_: World, pool: Any, listener: Any, __: str) -> Any:
    set_listener(pool, listener)
    return pool


OK, BAD = reply(200, b"ok"), reply(503, b"bad")


@pytest.mark.parametrize(
    ("make", "interrupted_at", "script"),
    [
        (retrying, events.AttemptStarted, [OK]),
        (retrying, events.AttemptEnded, [OK]),
        (retrying, events.RetryScheduled, [BAD]),
        (retrying, events.BudgetRefused, [BAD]),
        (retrying, events.GaveUp, [BAD]),
        (alone, events.ConnectionOpened, [OK]),
        (alone, events.ConnectionReused, [OK]),
        (alone, events.ConnectionRetired, [OK, close(), OK]),
        (breaking, events.CircuitOpened, [BAD]),
        (breaking, events.CircuitHalfOpened, [BAD, OK]),
        (breaking, events.CircuitRefused, [BAD]),
        (limiting, events.RateLimited, [OK]),
        (limiting, events.Admitted, [OK]),
        (limiting, events.PausedByServer, [reply(429, b"bad", retry_after="0.01")]),
        (failing_over, events.OriginDown, [BAD, OK]),
        (failing_over, events.FailedOver, [BAD, OK]),
        (failing_over, events.OriginUp, [BAD, OK]),
    ],
)
async def test_an_interrupted_request_releases_its_connection_and_its_permits(
    world: World, server: Server, make: Make, interrupted_at: Any, script: list[Step]
) -> None:
    interrupted: list[BaseException] = []

    def listener(event: events.Event) -> None:
        if isinstance(event, interrupted_at) and not interrupted:
            raise Interruption

    server.play(*script)
    pool = pooling(world)
    layer = make(world, pool, listener, server.url)
    async with world.client(layer) as client:
        while not interrupted:
            try:
                await client.get(server.url)
            except Interruption as interruption:
                interrupted.append(interruption)  # keeps the frames alive
            except world.library.TransportError:
                await world.sleep(0.001)
            else:
                await world.sleep(0.01 if make is failing_over else 0)
        await is_whole(world, pool, world.client(pool), server)


async def test_an_interrupted_probe_allows_another_probe(
    world: World,
) -> None:
    interrupted: list[events.Event] = []

    def listener(event: events.Event) -> None:
        if isinstance(event, events.CircuitHalfOpened) and not interrupted:
            interrupted.append(event)
            raise Interruption

    answers = iter([500, 200])
    inner = world.mock(lambda request: world.library.Response(next(answers)))
    breaker = CircuitBreaker(minimum_calls=1, open_for=0.001)
    layer = world.ours.CircuitBreakingTransport(inner, breaker, on_event=listener)
    async with world.client(layer) as client:
        await client.get("http://localhost")
        await world.sleep(0.002)
        with pytest.raises(Interruption):
            await client.get("http://localhost")
        assert (await client.get("http://localhost")).status_code == 200


async def test_an_interrupted_request_returns_its_share_of_a_quota(
    world: World,
) -> None:
    def listener(event: events.Event) -> None:
        if isinstance(event, events.Admitted):
            raise Interruption

    quota = {"x-ratelimit-remaining": "0", "x-ratelimit-reset-after": "30"}
    inner = world.mock(lambda request: world.library.Response(200, headers=quota))
    limit = RateLimit()
    layer = world.ours.RateLimitingTransport(inner, limit, on_event=listener)
    # In real time a busy machine may be too late to find the quota spent.
    with no_waits():
        async with world.client(layer) as client:
            await client.get("http://localhost")
            with pytest.raises(Interruption):
                await client.get("http://localhost")
    (key,) = limit._rates.states()
    assert in_flight(limit, key) == 0
