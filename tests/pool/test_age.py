"""The greatest age of a connection: so clients follow DNS under steady traffic."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.gates import (
    burst,
    in_total,
    patient,
    pooling,
    state_of,
    stream,
    until,
)
from support.h2_server import H2Server
from support.server import Server, drip, reply
from support.world import World, in_async

from httpx_resilient import PoolingTransport, RetryingTransport, standard_transport
from httpx_resilient._pool.slots import Slot
from httpx_resilient._pool.state import AGE_JITTER, Pool
from httpx_resilient._pool.supply import PoolLimits

anyio = pytest.mark.anyio


def pool(max_age: float) -> Pool:
    limits = PoolLimits(10, 10, math.inf, max_age)
    return Pool(limits, lambda key: False, lambda connection: True)


def connected(pool: Pool, now: float) -> Slot:
    """Return a slot with a new connection."""
    slot = pool.new_slot(pool.destination(("https", "example.org", None)))
    assert slot is not None
    pool.connected(slot, object(), now)
    return slot


class TestJitter:
    @given(st.floats(0.001, 1e6), st.floats(0, 1e6))
    def test_a_connection_closes_up_to_a_tenth_earlier(
        self, age: float, now: float
    ) -> None:
        slot = connected(pool(age), now)
        assert now + age * (1 - AGE_JITTER) <= slot.closes_at <= now + age

    def test_connections_that_opened_together_do_not_close_together(self) -> None:
        limited = pool(100)
        ends = {connected(limited, 0.0).closes_at for _ in range(10)}
        assert len(ends) > 5

    def test_without_an_age_a_connection_stays(self) -> None:
        assert connected(pool(math.inf), 0.0).closes_at == math.inf


class TestOption:
    @pytest.mark.parametrize("make", [PoolingTransport, RetryingTransport])
    @pytest.mark.parametrize(
        ("age", "error"),
        [
            (0, ValueError),
            (-1, ValueError),
            (math.nan, ValueError),
            ("60", TypeError),
            (True, TypeError),
        ],
    )
    def test_a_bad_age_is_refused(self, make: Any, age: Any, error: Any) -> None:
        with pytest.raises(error, match="max_connection_age is a number of seconds"):
            make(max_connection_age=age)

    @pytest.mark.parametrize("make", [PoolingTransport, RetryingTransport])
    @pytest.mark.parametrize("age", [None, 0.5, 60, math.inf])
    def test_a_good_age_is_accepted(self, make: Any, age: Any) -> None:
        make(max_connection_age=age)

    def test_the_standard_stack_has_it_too(self) -> None:
        with pytest.raises(ValueError, match="max_connection_age"):
            standard_transport(max_connection_age=0)

    def test_it_is_refused_beside_a_transport_of_the_caller(self) -> None:
        with pytest.raises(TypeError, match="max_connection_age"):
            RetryingTransport(PoolingTransport(), max_connection_age=60)


@anyio
class TestConnections:
    async def test_steady_traffic_gets_new_connections(
        self, world: World, server: Server
    ) -> None:
        transport = pooling(world, 10, max_connection_age=0.1)
        async with world.client(transport) as client:
            while server.connections < 4:
                assert (await client.get(server.url)).status_code == 200
                await world.sleep(0.005)
            await until(world, lambda: len(server.open_connections) <= 1)
        assert server.requests > 4
        assert "retired" not in in_total(transport)

    async def test_a_retrying_transport_passes_it_on(
        self, world: World, server: Server
    ) -> None:
        async with world.client(world.transport(max_connection_age=0.01)) as client:
            for _ in range(3):
                await client.get(server.url)
                await world.sleep(0.02)
        assert server.connections == 3

    async def test_a_request_and_its_body_are_not_interrupted(
        self, world: World, server: Server
    ) -> None:
        server.play(reply(), drip(200, [b"x"] * 10, every=0.05))
        async with world.client(pooling(world, 1, max_connection_age=0.4)) as client:
            await client.get(server.url)
            assert (await client.get(server.url)).content == b"x" * 10
            await client.get(server.url)
        assert [each.connection for each in server.received] == [1, 1, 2]

    async def test_requests_that_wait_get_a_new_connection_in_its_place(
        self, world: World, server: Server
    ) -> None:
        server.play(drip(200, [b"x"], every=0.03))
        transport = pooling(world, 1, max_connection_age=0.02)
        async with patient(world, transport) as client:
            assert await burst(world, client, server.url, 5) == [200] * 5
        assert server.connections == 5

    @in_async
    async def test_an_http2_connection_ends_after_its_last_stream(
        self, world: World
    ) -> None:
        options = {"http1": False, "http2": True, "max_connection_age": 0.25}
        transport = pooling(world, 10, **options)
        with H2Server() as server:
            async with world.client(transport) as client:
                first = await stream(client, server.url)
                await world.sleep(0.3)
                # The first stream is open, but its connection is too old to join it.
                assert (await client.get(server.url)).status_code == 200
                assert server.connections == 2
                assert await world.read(first) == b""
                await until(world, lambda: len(state_of(transport, world).slots) <= 1)
                await world.sleep(0.3)
                assert await burst(world, client, server.url, 5) == [200] * 5
            assert server.connections == 3
