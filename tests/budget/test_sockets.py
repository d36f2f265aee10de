"""A retry budget over sockets: in an outage, shared, and with cancelled requests."""

from __future__ import annotations

import random
import threading
from collections import Counter
from typing import Any

import anyio
import httpx
import pytest
import tenacity
from support.gates import until
from support.server import Server, reply, stall
from support.world import LIBRARIES, World, in_async

import httpx_resilient
from httpx_resilient import RetryBudget, attempts_of

pytestmark = pytest.mark.anyio


def is_full(budget: RetryBudget, server: Server) -> bool:
    """Whether every withdrawal was refunded."""
    return budget.account(httpx.URL(server.url)).balance(0.0) == 10


async def test_in_an_outage_the_budget_is_spent_after_ten_retries(
    world: World, server: Server
) -> None:
    server.play(reply(503))
    budget = RetryBudget(grace=0)
    async with world.client(world.transport(budget=budget)) as client:
        attempts = Counter(
            [len(attempts_of(await client.get(server.url))) for _ in range(30)]
        )
    assert server.requests == 30 + 10
    assert attempts == {3: 5, 1: 25}


async def test_without_a_budget_an_outage_is_three_times_the_load(
    world: World, server: Server
) -> None:
    server.play(reply(503))
    async with world.client(world.transport(budget=False)) as client:
        for _ in range(30):
            await client.get(server.url)
    assert server.requests == 90


async def test_retries_recover_with_the_server(world: World, server: Server) -> None:
    server.play(reply(503))
    budget = RetryBudget(grace=0)
    async with world.client(world.transport(budget=budget)) as client:
        for _ in range(10):
            await client.get(server.url)
        server.play(reply(200))
        for _ in range(10):
            assert (await client.get(server.url)).status_code == 200
        server.play(reply(503), reply(503), reply(200))
        assert (await client.get(server.url)).status_code == 200
        server.play(reply(503))
        response = await client.get(server.url)
    reasons = [attempt.reason for attempt in attempts_of(response)]
    assert reasons == ["503", "503, and the retry budget of its origin is spent"]


async def test_retries_of_refused_connections_cost_nothing(
    world: World, server: Server
) -> None:
    server.stop()
    async with world.client() as client:
        for _ in range(20):
            with pytest.raises(world.library.ConnectError) as caught:
                await client.get(server.url)
            assert len(attempts_of(caught.value)) == 3


async def test_the_failure_of_one_origin_costs_another_nothing(
    world: World, server: Server
) -> None:
    with Server(reply(503)) as other:
        async with world.client() as client:
            for _ in range(20):
                await client.get(other.url)
            server.play(reply(503), reply(503), reply(200))
            assert (await client.get(server.url)).status_code == 200


@pytest.mark.parametrize("runtime", ["asyncio"])
@pytest.mark.parametrize("library", ["httpx"])
async def test_clients_of_both_libraries_share_a_budget(
    world: World, server: Server
) -> None:
    server.play(reply(503))
    budget = RetryBudget(most=2, grace=0)
    worlds = [
        World(*both, sync=sync) for both in LIBRARIES.values() for sync in (False, True)
    ]
    attempts = []
    for each in worlds:
        async with each.client(each.transport(budget=budget)) as client:
            attempts.append(len(attempts_of(await client.get(server.url))))
    assert attempts == [3, 1, 1, 1]


async def test_concurrent_requests_share_a_budget(world: World, server: Server) -> None:
    server.play(reply(503))
    budget = RetryBudget(most=4, grace=0)
    async with world.client(world.transport(budget=budget)) as client:
        await world.together(*[lambda: client.get(server.url)] * 20)
    assert server.requests == 20 + 4


def test_two_threads_share_a_budget(server: Server) -> None:
    server.play(reply(503))
    budget = RetryBudget(least=20, grace=0)

    def work() -> None:
        transport = httpx_resilient.RetryingTransport(
            budget=budget, wait=tenacity.wait_none()
        )
        with httpx.Client(transport=transport) as client:
            for _ in range(30):
                client.get(server.url)

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert server.requests == 60 + 20


@in_async
async def test_requests_that_are_cancelled_in_a_wait_cost_nothing(
    world: World, server: Server
) -> None:
    server.play(reply(503))
    budget = RetryBudget(grace=0)
    transport = world.transport(budget=budget, wait=tenacity.wait_fixed(60))
    chance, ended = random.Random(7), []

    async def get(client: Any) -> None:
        with anyio.move_on_after(chance.random() / 20):
            ended.append(await client.get(server.url))

    async with world.client(transport) as client:
        for _ in range(5):
            async with anyio.create_task_group() as tasks:
                for _ in range(40):
                    tasks.start_soon(get, client)
    # Requests that the budget refused a retry have ended by themselves.
    assert all(len(attempts_of(response)) == 1 for response in ended)
    assert is_full(budget, server)


@in_async
async def test_a_request_that_is_cancelled_in_a_retry_is_charged(
    world: World, server: Server
) -> None:
    server.play(reply(503), stall())
    budget = RetryBudget(most=2, grace=0)
    async with world.client(world.transport(budget=budget)) as client:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(client.get, server.url)
            await until(world, lambda: server.requests == 2)
            tasks.cancel_scope.cancel()
        server.play(reply(503))
        assert len(attempts_of(await client.get(server.url))) == 2
