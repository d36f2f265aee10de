"""The hedging layer over real sockets, on both event loops."""

from __future__ import annotations

import asyncio
import gc
import random
import threading
from contextvars import ContextVar
from typing import Any

import anyio
import pytest
from support.gates import Gate, in_total, pooling, stream, until
from support.server import Connection, Server, close, drip, reply, stall
from support.world import World

from httpx_resilient import HedgePolicy, attempts_of

pytestmark = pytest.mark.anyio

SOON = 0.1
"""Seconds until a request is hedged: even on a busy machine it arrives before that."""

FREE = {"idle", "opened", "reused", "retired"}


@pytest.fixture(params=["asyncio", "trio"])
def runtime(request: pytest.FixtureRequest) -> str:
    return request.param


def hedging(
    world: World, inner: Any = None, delay: float | None = SOON, **options: Any
) -> Any:
    policy = HedgePolicy(delay, **options)
    return world.client(world.ours.HedgingTransport(inner, policy), timeout=10)


class CountDisconnects:
    """A step that stalls, and counts the clients that disconnect."""

    def __init__(self) -> None:
        self.disconnects = 0

    def __call__(self, connection: Connection) -> bool:
        stall()(connection)
        self.disconnects += 1
        return False


async def test_the_hedge_of_a_stalled_request_is_returned_and_the_stalled_one_is_closed(
    world: World, server: Server
) -> None:
    first = CountDisconnects()
    server.play(first, reply(200, b"from the hedge"))
    pool = pooling(world, 2)
    async with hedging(world, pool) as client:
        response = await client.get(server.url)
        assert response.content == b"from the hedge"
        assert response.extensions["hedge"] is True
        assert in_total(pool)["idle"] == in_total(pool)["retired"] == 1
        assert in_total(pool).keys() <= FREE
        await until(world, lambda: first.disconnects)
    assert server.requests == 2


async def test_a_request_answered_before_the_delay_is_sent_once(
    world: World, server: Server
) -> None:
    async with hedging(world, delay=5) as client:
        assert "hedge" not in (await client.get(server.url)).extensions
    assert server.requests == 1


async def test_the_delay_is_learned_from_enough_samples(
    world: World, server: Server
) -> None:
    server.play(*[reply()] * 50, stall(), reply(200, b"from the hedge"))
    async with hedging(world, delay=None) as client:
        for _ in range(50):
            await client.get(server.url)
        assert (await client.get(server.url)).content == b"from the hedge"


async def test_the_body_of_the_winning_hedge_is_returned_unread_and_whole(
    world: World, server: Server
) -> None:
    """The body arrives after the loser has been closed."""
    pieces = [bytes([number]) * 8192 for number in range(64)]
    server.play(stall(), drip(200, pieces, every=0.0005))
    async with hedging(world) as client:
        response = await stream(client, server.url)
        assert not response.is_stream_consumed
        assert await response.aread() == b"".join(pieces)


async def test_the_body_of_the_winning_first_request_is_whole(
    world: World, server: Server
) -> None:
    gate = Gate(drip(200, [b"x" * 8192] * 16, every=0.001))
    server.play(gate, stall())
    pool = pooling(world, 2)
    async with hedging(world, pool) as client:

        async def get() -> None:
            response = await client.get(server.url)
            assert response.content == b"x" * 8192 * 16
            assert response.extensions["hedge"] is False

        async def let() -> None:
            await until(world, lambda: server.requests == 2)
            gate.let()

        await world.together(get, let)
        assert in_total(pool)["idle"] == in_total(pool)["retired"] == 1
        assert in_total(pool).keys() <= FREE


@pytest.mark.parametrize("failure", [reply(503), close()])
async def test_a_failed_hedge_does_not_end_the_first_request(
    world: World, server: Server, failure: Any
) -> None:
    gate = Gate(reply(200, b"from the first"))
    server.play(gate, failure)
    async with hedging(world) as client:

        async def get() -> None:
            assert (await client.get(server.url)).content == b"from the first"

        async def let() -> None:
            await until(world, lambda: server.requests == 2)
            await world.sleep(SOON)
            gate.let()

        await world.together(get, let)


@pytest.mark.parametrize("failure", [reply(503), close()])
async def test_a_failed_first_request_waits_for_its_hedge(
    world: World, server: Server, failure: Any
) -> None:
    first, second = Gate(failure), Gate(reply(200, b"from the hedge"))
    server.play(first, second)
    pool = pooling(world, 2)
    async with hedging(world, pool) as client:

        async def get() -> None:
            assert (await client.get(server.url)).content == b"from the hedge"

        async def let() -> None:
            await until(world, lambda: server.requests == 2)
            first.let()
            await world.sleep(SOON)
            second.let()

        await world.together(get, let)
        assert in_total(pool).keys() <= FREE


async def test_the_caller_gets_the_response_object_of_the_inner_transport(
    world: World,
) -> None:
    given: list[Any] = []

    async def handler(request: Any) -> Any:
        if not given:
            given.append(None)
            await anyio.sleep_forever()
        given.append(world.library.Response(200, request=request))
        return given[-1]

    transport = world.ours.HedgingTransport(world.mock(handler), HedgePolicy(SOON))
    request = world.library.Request("GET", "http://any/")
    assert await transport.handle_async_request(request) is given[1]
    assert given[1].request is not request
    assert request.extensions == {}


async def test_a_cancelled_request_leaves_no_connection_and_no_task(
    world: World, server: Server
) -> None:
    server.play(stall())
    pool = pooling(world, 4)
    tasks = tasks_of(world)
    async with hedging(world, pool) as client:
        with anyio.move_on_after(10) as scope:
            async with anyio.create_task_group() as group:

                async def cancel() -> None:
                    await until(world, lambda: server.requests == 2)
                    scope.cancel()

                group.start_soon(cancel)
                await client.get(server.url)
        assert scope.cancelled_caught
        assert in_total(pool).keys() <= FREE
        assert tasks_of(world) == tasks


def tasks_of(world: World) -> int:
    try:
        return len(asyncio.all_tasks())
    except RuntimeError:
        import trio

        return trio.lowlevel.current_statistics().tasks_living


async def test_no_task_outlives_the_request(world: World, server: Server) -> None:
    server.play(stall(), reply(200), stall(), reply(200))
    tasks = tasks_of(world)
    async with hedging(world, pooling(world, 2)) as client:
        for _ in range(2):
            await stream_and_close(client, server.url)
            assert tasks_of(world) == tasks


async def stream_and_close(client: Any, url: str) -> None:
    response = await stream(client, url)
    await response.aclose()


async def test_a_deadline_around_hedging_ends_both_requests(
    world: World, server: Server
) -> None:
    server.play(stall())
    pool = pooling(world, 2)
    layer = world.ours.HedgingTransport(pool, HedgePolicy(SOON))
    async with world.client(world.ours.DeadlineTransport(layer, 1)) as client:
        with pytest.raises(world.ours.DeadlineExceeded):
            await client.get(server.url)
        assert server.requests == 2
        assert in_total(pool).keys() <= FREE


async def test_a_deadline_inside_of_hedging_limits_each_request(
    world: World, server: Server
) -> None:
    server.play(stall(), reply(200, b"from the hedge"))
    attempt = world.ours.DeadlineTransport(None, 5)
    async with hedging(world, attempt) as client:
        assert (await client.get(server.url)).content == b"from the hedge"


async def test_a_retry_around_hedging_repeats_a_request_whose_hedge_failed_too(
    world: World, server: Server
) -> None:
    server.play(stall(), reply(503), reply(200, b"again"))
    # Long enough for the second attempt to end without a hedge.
    layer = world.ours.HedgingTransport(None, HedgePolicy(0.2))
    async with world.client(world.transport(layer)) as client:
        response = await client.get(server.url, timeout=0.5)
    assert response.content == b"again"
    outcomes = [each.outcome for each in attempts_of(response)]
    assert outcomes == [503, world.library.ReadTimeout, 200]


async def test_when_all_requests_become_slow_hedges_stay_within_the_budget(
    world: World,
) -> None:
    sent = 0

    async def handler(_: Any) -> Any:
        nonlocal sent
        sent += 1
        await anyio.sleep(0.01)
        return world.library.Response(200)

    async with hedging(world, world.mock(handler), 0.001) as client:
        async with anyio.create_task_group() as tasks:
            for _ in range(200):
                tasks.start_soon(client.get, "http://any/")
    assert sent - 200 <= 2 + 0.05 * 200


async def test_a_storm_of_cancelled_scopes_leaves_no_connection_and_no_task(
    world: World, server: Server
) -> None:
    server.play(*[reply(), stall(), drip(200, [b"x"] * 3), reply(503)] * 40, reply())
    pool = pooling(world, 12)
    tasks = tasks_of(world)
    seconds = random.Random(1)
    async with hedging(world, pool, 0.002, extra=1) as client:

        async def cancelled() -> None:
            with anyio.move_on_after(seconds.uniform(0, 0.03)):
                await client.get(server.url)

        async with anyio.create_task_group() as group:
            for _ in range(200):
                group.start_soon(cancelled)
        assert tasks_of(world) == tasks
        await until(world, lambda: in_total(pool).keys() <= FREE)
        server.play(reply(200, b"back"))
        while (await client.get(server.url)).content != b"back":
            await world.sleep(0.01)
        assert in_total(pool).keys() <= FREE
    gc.collect()  # a response that was never closed would warn


@pytest.mark.parametrize("runtime", ["asyncio"])
async def test_a_storm_of_cancelled_tasks_leaves_no_connection_and_no_task(
    world: World, server: Server
) -> None:
    """Tasks are cancelled without scopes, at any turn of the loop, and twice."""
    server.play(*[stall(), reply()] * 60, reply())
    pool = pooling(world, 12)
    before = asyncio.all_tasks()
    when = random.Random(2)
    async with hedging(world, pool, 0.001, extra=1) as client:
        tasks = [asyncio.create_task(client.get(server.url)) for _ in range(60)]
        for task in tasks:
            for _ in range(2):
                await asyncio.sleep(when.uniform(0, 0.001))
                task.cancel()
        await asyncio.wait(tasks)
        assert asyncio.all_tasks() == before
        await until(world, lambda: in_total(pool).keys() <= FREE)


async def test_threads_and_tasks_share_the_observed_delay(
    world: World, server: Server, runtime: str
) -> None:
    server.play(*[reply()] * 50, reply())
    policy = HedgePolicy(extra=0.5)

    async def work() -> None:
        layer = world.ours.HedgingTransport(None, policy)
        async with world.client(layer) as client:
            for _ in range(25):
                await client.get(server.url)

    threads = [
        threading.Thread(target=anyio.run, args=(work,), kwargs={"backend": runtime})
        for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        await anyio.to_thread.run_sync(thread.join)
    (delay,) = policy.delays().values()
    server.play(stall(), reply(200, b"from the hedge"))
    async with world.client(world.ours.HedgingTransport(None, policy)) as client:
        response = await client.get(server.url, timeout=10)
    assert response.content == b"from the hedge"
    assert 0 < delay < 10


async def test_a_hedge_does_not_see_context_variables_set_by_the_first_request(
    world: World, server: Server
) -> None:
    server.play(stall(), reply(200))
    begun: ContextVar[int] = ContextVar("begun", default=0)
    seen = []

    class SettingContext(world.ours.PoolingTransport):
        async def handle_async_request(self, request: Any) -> Any:
            seen.append(begun.get())
            begun.set(1)
            return await super().handle_async_request(request)

    async with hedging(world, SettingContext()) as client:
        await client.get(server.url)
    assert seen == [0, 0]
