"""What is held, if a listener interrupts a request: with Control-C, say."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import tenacity
from support.gates import is_whole, pooling
from support.server import Server, Step, close, reply
from support.world import World

from httpx_resilient import CircuitBreaker, Failover, RateLimit, RetryBudget, events

pytestmark = pytest.mark.anyio

Make = Callable[[World, Any, Any, str], Any]


class Interruption(BaseException):
    """As `KeyboardInterrupt` is, but pytest and trio have no opinion about it."""


def retrying(world: World, pool: Any, ear: Any, _: str) -> Any:
    wait, budget = tenacity.wait_fixed(0.001), RetryBudget(most=2)
    return world.transport(pool, on_event=ear, wait=wait, budget=budget)


def breaking(world: World, pool: Any, ear: Any, _: str) -> Any:
    breaker = CircuitBreaker(minimum_calls=1, open_for=0.001)
    return world.ours.CircuitBreakingTransport(pool, breaker, on_event=ear)


def limiting(world: World, pool: Any, ear: Any, _: str) -> Any:
    return world.ours.RateLimitingTransport(pool, RateLimit(100), on_event=ear)


def failing_over(world: World, pool: Any, ear: Any, url: str) -> Any:
    origin = url.rstrip("/")
    both = Failover([origin, origin.replace("127.0.0.1", "localhost")], cooldown=0.01)
    return world.ours.FailoverTransport(pool, both, on_event=ear)


def alone(_: World, pool: Any, ear: Any, __: str) -> Any:
    pool._emit.listener = ear
    return pool


OK, BAD = reply(200, b"good"), reply(503, b"bad")


@pytest.mark.parametrize(
    ("make", "at", "script"),
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
async def test_it_lets_go_of_all(
    world: World, server: Server, make: Make, at: Any, script: list[Step]
) -> None:
    interrupted: list[BaseException] = []

    def ear(event: events.Event) -> None:
        if isinstance(event, at) and not interrupted:
            raise Interruption

    server.play(*script)
    pool = pooling(world)
    layer = make(world, pool, ear, server.url)
    async with world.client(layer) as client:
        while not interrupted:
            try:
                await client.get(server.url)
            except Interruption as interruption:
                interrupted.append(interruption)  # with all that its frames hold
            except world.library.TransportError:
                await world.sleep(0.001)
            else:
                await world.sleep(0.01 if make is failing_over else 0)
        await is_whole(world, pool, world.client(pool), server)


async def test_a_probe_that_is_interrupted_is_no_longer_waited_for(
    world: World,
) -> None:
    interrupted: list[events.Event] = []

    def ear(event: events.Event) -> None:
        if isinstance(event, events.CircuitHalfOpened) and not interrupted:
            interrupted.append(event)
            raise Interruption

    answers = iter([500, 200])
    inner = world.mock(lambda request: world.library.Response(next(answers)))
    breaker = CircuitBreaker(minimum_calls=1, open_for=0.001)
    layer = world.ours.CircuitBreakingTransport(inner, breaker, on_event=ear)
    async with world.client(layer) as client:
        await client.get("http://localhost")
        await world.sleep(0.002)
        with pytest.raises(Interruption):
            await client.get("http://localhost")
        assert (await client.get("http://localhost")).status_code == 200


async def test_a_number_of_a_quota_that_is_interrupted_is_given_back(
    world: World,
) -> None:
    def ear(event: events.Event) -> None:
        if isinstance(event, events.Admitted):
            raise Interruption

    told = {"x-ratelimit-remaining": "0", "x-ratelimit-reset-after": "0.01"}
    inner = world.mock(lambda request: world.library.Response(200, headers=told))
    limit = RateLimit()
    layer = world.ours.RateLimitingTransport(inner, limit, on_event=ear)
    async with world.client(layer) as client:
        await client.get("http://localhost")
        with pytest.raises(Interruption):
            await client.get("http://localhost")
    ((_, rate),) = limit._rates.states().items()
    assert rate.counted == rate.ended
