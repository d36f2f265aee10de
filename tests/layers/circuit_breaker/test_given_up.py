"""Requests that their callers give up on count as slow, if the server was slow."""

from __future__ import annotations

from typing import Any

import anyio
import pytest
from support.server import Server, reply, stall
from support.world import World, in_async

from httpx_resilient import CircuitBreaker, ConcurrencyLimit

pytestmark = [pytest.mark.anyio, in_async]

SLOW = 0.02


def slow_breaker(**options: Any) -> CircuitBreaker:
    return CircuitBreaker(**{"minimum_calls": 2, "slow_after": SLOW, **options})


async def give_up(client: Any, url: str, seconds: float = 0.1) -> None:
    with anyio.move_on_after(seconds) as scope:
        await client.get(url)
    assert scope.cancelled_caught


async def test_a_server_that_never_answers_opens_the_circuit(
    world: World, server: Server
) -> None:
    server.play(stall())
    transport = world.ours.CircuitBreakingTransport(None, slow_breaker())
    async with world.client(transport) as client:
        await give_up(client, server.url)
        await give_up(client, server.url)
        with pytest.raises(world.ours.CircuitOpen, match="2 of 2 requests were slow"):
            await client.get(server.url)


async def test_a_probe_that_its_caller_gives_up_on_opens_the_circuit_again(
    world: World, server: Server
) -> None:
    server.play(reply(503))
    breaker = slow_breaker(minimum_calls=1, open_for=0.001, max_open_for=0.001)
    transport = world.ours.CircuitBreakingTransport(None, breaker)
    async with world.client(transport) as client:
        await client.get(server.url)
        server.play(stall())
        await anyio.sleep(0.01)
        await give_up(client, server.url)
        (state,) = breaker.states().values()
        assert (state.phase, state.calls, state.slow) == ("open", 1, 1)


async def test_an_early_cancellation_does_not_count(
    world: World, server: Server
) -> None:
    server.play(stall())
    breaker = slow_breaker(slow_after=60)
    transport = world.ours.CircuitBreakingTransport(None, breaker)
    async with world.client(transport) as client:
        await give_up(client, server.url)
    assert {each.calls for each in breaker.states().values()} <= {0}


async def test_a_cancellation_does_not_count_without_slow_after(
    world: World, server: Server
) -> None:
    server.play(stall())
    breaker = CircuitBreaker(minimum_calls=1)
    transport = world.ours.CircuitBreakingTransport(None, breaker)
    async with world.client(transport) as client:
        await give_up(client, server.url)
    assert {each.calls for each in breaker.states().values()} <= {0}


async def test_a_request_that_is_cancelled_in_a_queue_does_not_count(
    world: World, server: Server
) -> None:
    breaker, limit = slow_breaker(minimum_calls=1), ConcurrencyLimit(1)
    limiting = world.ours.ConcurrencyLimitingTransport(None, limit)
    transport = world.ours.CircuitBreakingTransport(limiting, breaker)
    async with world.client(transport) as client:
        url = client.build_request("GET", server.url).url
        permit = limit.semaphore((url.scheme, url.host, url.port)).try_acquire()
        await give_up(client, server.url)
        assert permit is not None
    assert {each.phase for each in breaker.states().values()} <= {"closed"}
    assert server.requests == 0


async def test_time_in_a_queue_does_not_count(world: World, server: Server) -> None:
    """The request is sent at 0.2 s, and given up at 0.5 s, before 0.45 s are over."""
    server.play(stall())
    breaker, limit = slow_breaker(minimum_calls=1, slow_after=0.45), ConcurrencyLimit(1)
    limiting = world.ours.ConcurrencyLimitingTransport(None, limit)
    transport = world.ours.CircuitBreakingTransport(limiting, breaker)
    async with world.client(transport) as client:
        url = client.build_request("GET", server.url).url
        semaphore = limit.semaphore((url.scheme, url.host, url.port))
        permit = semaphore.try_acquire()
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(give_up, client, server.url, 0.5)
            await anyio.sleep(0.2)
            semaphore.release(permit)
    assert server.requests == 1
    assert {each.phase for each in breaker.states().values()} <= {"closed"}


async def test_many_cancellations_in_a_row_open_the_circuit_if_nobody_is_answered(
    world: World, server: Server
) -> None:
    server.play(stall())
    breaker = CircuitBreaker(minimum_calls=10)
    transport = world.ours.CircuitBreakingTransport(None, breaker)
    async with world.client(transport) as client:
        for _ in range(10):
            await give_up(client, server.url, 0.02)
        with pytest.raises(world.ours.CircuitOpen, match="10 of 10 requests failed"):
            await client.get(server.url)


async def test_a_circuit_opens_again_if_its_probe_is_given_up_after_many(
    world: World, server: Server
) -> None:
    server.play(stall())
    breaker = CircuitBreaker(minimum_calls=1, open_for=0.001, max_open_for=0.001)
    transport = world.ours.CircuitBreakingTransport(None, breaker)
    async with world.client(transport) as client:
        for _ in range(11):
            await give_up(client, server.url, 0.02)
            await anyio.sleep(0.005)
        (state,) = breaker.states().values()
        assert state.phase == "open"
        server.play(reply())
        assert (await client.get(server.url)).status_code == 200
        assert breaker.given_up.add(next(iter(breaker.circuits.states())), 0, 1) == 1


async def test_an_answer_in_between_ends_the_streak(
    world: World, server: Server
) -> None:
    breaker = CircuitBreaker(minimum_calls=10)
    transport = world.ours.CircuitBreakingTransport(None, breaker)
    async with world.client(transport) as client:
        for _ in range(3):
            server.play(stall())
            for _ in range(6):
                await give_up(client, server.url, 0.01)
            server.play(reply())
            assert (await client.get(server.url)).status_code == 200


async def test_requests_that_are_cancelled_together_count_once(
    world: World, server: Server
) -> None:
    server.play(stall())
    breaker = CircuitBreaker(minimum_calls=1)
    transport = world.ours.CircuitBreakingTransport(None, breaker)
    async with world.client(transport) as client:
        with anyio.move_on_after(0.1):
            async with anyio.create_task_group() as tasks:
                for _ in range(30):
                    tasks.start_soon(client.get, server.url)
        server.play(reply())
        assert (await client.get(server.url)).status_code == 200
