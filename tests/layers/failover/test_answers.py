"""What a caller gets if the next origin is refused on this side, or hangs."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from typing import Any

import anyio
import pytest
from support.gates import until
from support.server import Server, reply, reset, stall
from support.world import World, in_async

from httpx_resilient import (
    CircuitBreaker,
    ConcurrencyLimit,
    Failover,
    attempts_of,
    explain,
)

pytestmark = pytest.mark.anyio


@pytest.fixture
def second() -> Iterator[Server]:
    with Server() as server:
        yield server


def origins(*servers: Server) -> list[str]:
    return [server.url for server in servers]


def with_open_circuit(world: World, closed: Server, opened: Server) -> Any:
    breaker = CircuitBreaker()
    breaker.force_open(opened.url)
    inner = world.ours.CircuitBreakingTransport(None, breaker)
    return world.ours.FailoverTransport(inner, origins(closed, opened))


class TestARefusedOrigin:
    async def test_leaves_the_answer_of_the_first(
        self, world: World, server: Server, second: Server
    ) -> None:
        text = b"maintenance" * 9
        server.play(reply(503, gzip.compress(text), content_encoding="gzip"))
        async with world.client(with_open_circuit(world, server, second)) as client:
            response = await client.get(server.url)
        assert (response.status_code, response.content) == (503, text)
        assert response.extensions["origin"] == server.url.rstrip("/")
        assert second.requests == 0

    async def test_is_in_the_history(
        self, world: World, server: Server, second: Server
    ) -> None:
        server.play(reply(503))
        async with world.client(with_open_circuit(world, server, second)) as client:
            response = await client.get(server.url)
        answered, refused = attempts_of(response)
        assert (answered.outcome, answered.origin) == (503, server.url.rstrip("/"))
        assert refused.outcome is world.ours.CircuitOpen
        assert refused.reason == "CircuitOpen, so the 503 before it is returned"

    async def test_leaves_an_answer_that_is_read_chunk_by_chunk(
        self, world: World, server: Server, second: Server
    ) -> None:
        server.play(reply(503, b"maintenance"))
        async with world.client(with_open_circuit(world, server, second)) as client:
            request = client.build_request("GET", server.url)
            response = await client.send(request, stream=True)
            chunks = [each async for each in world.chunks(response)]
            assert chunks == [b"maintenance"]

    async def test_is_raised_if_the_answer_is_too_long_to_keep(
        self, world: World, server: Server, second: Server
    ) -> None:
        server.play(reply(503, bytes(200_000)))
        async with world.client(with_open_circuit(world, server, second)) as client:
            with pytest.raises(world.ours.CircuitOpen) as caught:
                await client.get(server.url)
        assert "(503)" in str(caught.value.__notes__)

    async def test_after_one_that_fails_is_raised(
        self, world: World, server: Server, second: Server
    ) -> None:
        server.play(reset())
        async with world.client(with_open_circuit(world, server, second)) as client:
            with pytest.raises(world.ours.CircuitOpen):
                await client.get(server.url)

    async def test_leaves_the_answer_of_a_retry_inside(
        self, world: World, server: Server, second: Server
    ) -> None:
        server.play(reply(503, b"busy"))
        failing_over = with_open_circuit(world, server, second)
        around = world.transport(failing_over)
        async with world.client(around) as client:
            response = await client.get(server.url)
        assert response.content == b"busy"


async def test_an_origin_that_fails_does_not_leave_the_answer_of_the_first(
    world: World, server: Server, second: Server
) -> None:
    server.play(reply(503))
    second.play(reset())
    transport = world.ours.FailoverTransport(None, origins(server, second))
    async with world.client(transport) as client:
        with pytest.raises(world.library.ReadError):
            await client.get(server.url)


@in_async
class TestAnOriginThatHangs:
    async def give_up(self, client: Any, url: str) -> None:
        with anyio.move_on_after(0.1) as scope:
            await client.get(url)
        assert scope.cancelled_caught

    async def test_is_left_after_a_caller_has_given_up(
        self, world: World, server: Server, second: Server
    ) -> None:
        server.play(stall())
        group = Failover(origins(server, second), slow_after=0.05)
        transport = world.ours.FailoverTransport(None, group)
        async with world.client(transport) as client:
            await self.give_up(client, server.url)
            assert group.down == (server.url.rstrip("/"),)
            response = await client.get(server.url)
        assert response.extensions["origin"] == second.url.rstrip("/")

    @pytest.mark.parametrize("slow_after", [None, 60])
    async def test_is_not_left_after_an_early_cancellation(
        self, world: World, server: Server, second: Server, slow_after: float | None
    ) -> None:
        server.play(stall())
        group = Failover(origins(server, second), slow_after=slow_after)
        transport = world.ours.FailoverTransport(None, group)
        async with world.client(transport) as client:
            await self.give_up(client, server.url)
        assert group.down == ()

    async def give_up_often(self, client: Any, url: str, number: int) -> None:
        for _ in range(number):
            with anyio.move_on_after(0.02):
                await client.get(url)

    async def test_is_left_after_many_callers_in_a_row_have_given_up(
        self, world: World, server: Server, second: Server
    ) -> None:
        server.play(stall())
        group = Failover(origins(server, second))
        transport = world.ours.FailoverTransport(None, group)
        async with world.client(transport) as client:
            await self.give_up_often(client, server.url, 10)
            assert group.down == (server.url.rstrip("/"),)
            response = await client.get(server.url)
        assert response.extensions["origin"] == second.url.rstrip("/")

    @pytest.mark.parametrize("status", [200, 404])
    async def test_is_not_left_if_another_caller_has_had_an_answer(
        self, world: World, server: Server, second: Server, status: int
    ) -> None:
        group = Failover(origins(server, second))
        transport = world.ours.FailoverTransport(None, group)
        async with world.client(transport) as client:
            for _ in range(3):
                server.play(stall())
                await self.give_up_often(client, server.url, 6)
                server.play(reply(status))
                assert (await client.get(server.url)).status_code == status
        assert group.down == ()

    async def test_is_not_left_for_a_request_that_was_in_a_queue(
        self, world: World, server: Server, second: Server
    ) -> None:
        group = Failover(origins(server, second), slow_after=0.01)
        limit = ConcurrencyLimit(1)
        limiting = world.ours.ConcurrencyLimitingTransport(None, limit)
        transport = world.ours.FailoverTransport(limiting, group)
        async with world.client(transport) as client:
            url = client.build_request("GET", server.url).url
            permit = limit.semaphore((url.scheme, url.host, url.port)).try_acquire()
            await self.give_up(client, server.url)
            assert permit is not None
        assert group.down == ()

    async def test_is_not_left_for_time_in_a_queue_of_the_pool(
        self, world: World, server: Server, second: Server
    ) -> None:
        server.play(stall())
        group = Failover(origins(server, second), slow_after=0.05)
        limits = world.library.Limits(max_connections=1)
        transport = world.ours.FailoverTransport(None, group, limits=limits)
        async with world.client(transport) as client, anyio.create_task_group() as all_:
            all_.start_soon(client.get, server.url)
            await until(world, lambda: server.requests)
            await self.give_up(client, server.url)
            assert group.down == ()
            all_.cancel_scope.cancel()


async def test_explain_names_the_answer_and_the_refusal(
    world: World, server: Server, second: Server
) -> None:
    server.play(reply(503))
    async with world.client(with_open_circuit(world, server, second)) as client:
        lines = explain(await client.get(server.url)).splitlines()
    assert ": 503 at the first attempt" in lines[0]
    assert "CircuitOpen, so the 503 before it is returned" in lines[2]
