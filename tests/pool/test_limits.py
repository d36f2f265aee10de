"""The pool on sockets: the number of connections, and the queue for them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import anyio.to_thread
import pytest
from support.gates import Gate, in_total, patient, pooling, stream, until
from support.server import Server, reply
from support.world import World

from httpx_resilient._core import clock as _clock

pytestmark = pytest.mark.anyio


class Clock:
    """The clock of the pool. The connections in it have the clock of httpcore."""

    def __init__(self) -> None:
        self.time = 1000.0

    def __call__(self) -> float:
        return self.time


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(_clock.Clock, "now", clock)
    return clock


@pytest.fixture
def servers() -> Iterator[list[Server]]:
    with ExitStack() as stack:
        yield [stack.enter_context(Server()) for _ in range(3)]


class TestMaxConnections:
    async def test_max_connections_counts_over_all_origins(
        self, world: World, servers: list[Server]
    ) -> None:
        gate = Gate()
        for server in servers:
            server.play(gate)
        transport = pooling(world, 4)
        async with patient(world, transport) as client:

            def get(server: Server) -> Any:
                return lambda: client.get(server.url)

            async def let() -> None:
                await until(world, lambda: in_total(transport).get("waiting") == 5)
                await until(world, lambda: sum(s.requests for s in servers) == 4)
                assert sum(len(server.open_connections) for server in servers) == 4
                gate.let(9)

            await world.together(*map(get, servers * 3), let)
        assert [server.requests for server in servers] == [3, 3, 3]

    async def test_requests_beyond_max_connections_are_served_in_order_of_arrival(
        self, world: World, server: Server
    ) -> None:
        gate = Gate()
        server.play(gate)
        transport = pooling(world)
        async with patient(world, transport) as client:

            def get(number: int) -> Any:
                async def call() -> None:
                    await until(world, lambda: sum_of(transport) == number)
                    await client.get(f"{server.url}{number}")

                return call

            async def let() -> None:
                await until(world, lambda: sum_of(transport) == 8)
                gate.let(8)

            await world.together(*map(get, range(8)), let)
        targets = [request.target for request in server.received]
        assert targets == [f"/{number}" for number in range(8)]

    @pytest.mark.parametrize("limit", [None, 200])
    async def test_max_connections_none_means_no_limit(
        self, world: World, server: Server, limit: int | None
    ) -> None:
        anyio.to_thread.current_default_thread_limiter().total_tokens = 150
        gate = Gate()
        server.play(gate)
        limits = {"keepalive_expiry": None, "max_keepalive_connections": limit}
        transport = pooling(world, None, limits=limits)
        async with patient(world, transport) as client:

            async def get() -> None:
                await client.get(server.url)

            async def let() -> None:
                await until(world, lambda: server.requests == 110)
                gate.let(110)

            await world.together(*[get] * 110, let)
            assert in_total(transport) == {"idle": 110, "opened": 110}

    async def test_an_idle_connection_gives_way_to_another_origin(
        self, world: World, servers: list[Server]
    ) -> None:
        """The least recently used one of all origins."""
        first, second, third = servers
        transport = pooling(world, 2)
        async with world.client(transport) as client:
            await client.get(second.url)
            await client.get(first.url)
            await client.get(second.url)
            await client.get(third.url)
            await until(world, lambda: not first.open_connections)
            await client.get(second.url)
        assert [server.connections for server in servers] == [1, 1, 1]

    async def test_no_origin_starves_beside_a_busy_one(
        self, world: World, servers: list[Server]
    ) -> None:
        busy, other, _ = servers
        gate = Gate()
        busy.play(gate)
        transport = pooling(world)
        seen = []
        async with patient(world, transport) as client:

            async def load() -> None:
                while not other.requests:
                    await client.get(busy.url)

            async def get() -> None:
                await until(world, lambda: sum_of(transport) == 3)
                await client.get(other.url)

            async def let() -> None:
                await until(world, lambda: sum_of(transport) == 4)
                other.play(lambda c: seen.append(busy.requests) or reply()(c))
                gate.let(1000)

            await world.together(load, load, load, get, let)
        # One in flight, two that came earlier, and two that overtake for one connection.
        assert seen == [1 + 2 + 2]


class TestPoolTimeout:
    async def test_a_pool_timeout_says_what_to_do_and_loses_no_slot(
        self, world: World, server: Server
    ) -> None:
        transport = pooling(world, 2)
        async with impatient(world, transport) as client:
            active = [await stream(client, server.url) for _ in range(2)]
            with pytest.raises(world.library.PoolTimeout, match="max_connections"):
                await client.get(server.url)
            assert in_total(transport) == {"active": 2, "opened": 2}
            for response in active:
                await world.read(response)
            assert (await client.get(server.url)).status_code == 200
            assert in_total(transport) == {"idle": 2, "opened": 2, "reused": 1}

    async def test_a_pool_timeout_is_not_retried(
        self, world: World, server: Server
    ) -> None:
        limits = world.library.Limits(max_connections=1)
        transport = world.transport(limits=limits)
        async with impatient(world, transport) as client:
            active = await stream(client, server.url)
            with pytest.raises(world.library.PoolTimeout):
                await client.get(server.url)
            await world.read(active)
        assert server.requests == 1

    async def test_a_request_that_is_served_in_time_does_not_time_out(
        self, world: World, server: Server
    ) -> None:
        transport = pooling(world)
        async with world.client(transport) as client:
            active = await stream(client, server.url)

            async def get() -> None:
                assert (await client.get(server.url)).status_code == 200

            async def let() -> None:
                await until(world, lambda: transport.stats().waiting)
                await world.read(active)

            await world.together(get, let)

    async def test_a_request_without_a_pool_timeout_waits_without_limit(
        self, world: World, server: Server
    ) -> None:
        transport = pooling(world)
        timeout = world.library.Timeout(0.1, connect=10, read=10, pool=None)
        async with world.client(transport, timeout=timeout) as client:
            active = await stream(client, server.url)

            async def get() -> None:
                assert (await client.get(server.url)).status_code == 200

            async def let() -> None:
                await until(world, lambda: transport.stats().waiting)
                await world.sleep(0.2)
                await world.read(active)

            await world.together(get, let)


class TestIdleConnections:
    async def test_an_idle_connection_is_closed_after_its_expiry(
        self, world: World, servers: list[Server], clock: Clock
    ) -> None:
        transport = pooling(world, 10, limits={"keepalive_expiry": 5})
        async with world.client(transport) as client:
            await client.get(servers[0].url)
            clock.time += 4.9
            await client.get(servers[1].url)
            assert in_total(transport)["idle"] == 2
            clock.time += 0.2
            await client.get(servers[2].url)
            await until(world, lambda: not servers[0].open_connections)
            assert in_total(transport) == {"idle": 2, "opened": 3}

    async def test_with_max_keepalive_0_an_idle_connection_is_closed_at_once(
        self, world: World, server: Server
    ) -> None:
        transport = pooling(world, 10, limits={"max_keepalive_connections": 0})
        async with world.client(transport) as client:
            for _ in range(2):
                await client.get(server.url)
                await until(world, lambda: not server.open_connections)
            assert in_total(transport) == {"opened": 2}

    async def test_the_connections_of_a_burst_serve_the_next_burst_and_are_closed_later(
        self, world: World, server: Server, clock: Clock
    ) -> None:
        transport = pooling(world, 10, limits={"max_keepalive_connections": 2})
        async with world.client(transport) as client:
            for _ in range(2):
                burst = [await stream(client, server.url) for _ in range(5)]
                for response in burst:
                    await world.read(response)
                assert server.connections == in_total(transport)["idle"] == 5
                clock.time += 0.9
            clock.time += 0.2
            await client.get(server.url)
            assert in_total(transport) == {"idle": 2, "opened": 5, "reused": 6}
            await until(world, lambda: len(server.open_connections) == 2)


def sum_of(transport: Any) -> int:
    stats = transport.stats()
    return stats.active + stats.waiting


def impatient(world: World, transport: Any) -> Any:
    return world.client(transport, timeout=world.library.Timeout(10, pool=0.02))
