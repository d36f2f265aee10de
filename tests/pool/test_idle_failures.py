"""
Connections that fail after they were idle: the pool repeats nothing by itself.

A server may close a kept connection at any time, also when a request is on its way.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import tenacity
from h2.connection import H2Connection
from support.gates import in_total, pooling, stream, until
from support.h2_server import H2Server, ok
from support.server import Server, Step, close, reply, reset, stall
from support.world import World, in_async

from httpx_resilient import attempts_of

pytestmark = pytest.mark.anyio


def hang_up(connection: H2Connection, stream: int) -> bool:
    raise ConnectionError


ENDS: dict[str, tuple[Step, float]] = {
    "closed": (close(), 60),
    "reset": (reset(), 60),
    "worked on": (close(), 0),
    "103": (close(b"HTTP/1.1 103 Early Hints\r\n\r\n"), 60),
    "half a status line": (close(b"HTTP/1.1 20"), 60),
}
"""How connections end, and the seconds within which a failure comes at once."""

Sender = Callable[[World], tuple[Any, dict[str, Any]]]

ONCE: dict[str, Sender] = {
    "the pool alone": lambda world: (world.ours.PoolingTransport(), {}),
    "retry=False": lambda world: (world.transport(), {"extensions": {"retry": False}}),
    "one attempt": lambda world: (
        world.transport(stop=tenacity.stop_after_attempt(1)),
        {},
    ),
    "no retry layer": lambda world: (world.ours.standard_transport(retry=None), {}),
}
"""Transports, with the options of their requests, that send each request once."""


async def idle_connections(
    world: World, client: Any, server: Server, number: int
) -> None:
    """Open so many connections, and leave them idle."""
    for response in [await stream(client, server.url) for _ in range(number)]:
        await world.read(response)


class TestNothingIsSentTwice:
    @pytest.mark.parametrize("way", ONCE)
    @pytest.mark.parametrize("end", ENDS)
    async def test_a_request_on_a_connection_that_ends_is_sent_once(
        self,
        world: World,
        server: Server,
        monkeypatch: pytest.MonkeyPatch,
        way: str,
        end: str,
    ) -> None:
        step, at_once = ENDS[end]
        monkeypatch.setattr("httpx_resilient._pool.outcome.AT_ONCE", at_once)
        transport, options = ONCE[way](world)
        async with world.client(transport) as client:
            for method in ("GET", "PUT", "POST"):
                server.play(reply(), step, reply())
                await client.get(server.url)
                sent = server.requests
                with pytest.raises(world.library.TransportError):
                    await client.request(method, server.url, content=b"1", **options)
                assert server.requests == sent + 1

    async def test_the_pool_tells_of_the_connection_that_was_lost(
        self, world: World, server: Server
    ) -> None:
        server.play(reply(), close(), reply())
        transport = pooling(world)
        async with world.client(transport) as client:
            await client.get(server.url)
            with pytest.raises(world.library.RemoteProtocolError):
                await client.get(server.url)
            assert in_total(transport) == {"opened": 1, "reused": 1, "retired": 1}

    @in_async
    async def test_a_request_on_an_http2_connection_that_ends_is_sent_once(
        self, world: World
    ) -> None:
        for method in ("GET", "PUT", "POST"):
            with H2Server(ok, hang_up) as server:
                transport = world.ours.PoolingTransport(http1=False, http2=True)
                async with world.client(transport) as client:
                    await client.get(server.url)
                    with pytest.raises(world.library.TransportError):
                        await client.request(method, server.url, content=b"1")
                assert server.requests == 2

    async def test_no_more_requests_are_sent_than_there_are_attempts(
        self, world: World, server: Server
    ) -> None:
        async with world.client(world.transport()) as client:
            await idle_connections(world, client, server, 10)
            server.play(close())
            with pytest.raises(world.library.RemoteProtocolError) as failure:
                await client.get(server.url)
        assert len(attempts_of(failure.value)) == 3 == server.requests - 10


class TestOthersThatWereIdle:
    """After one has failed, those that are idle for as long have likely failed, too."""

    @pytest.mark.parametrize("end", [stall(), reset()], ids=["silent", "reset"])
    async def test_the_next_attempt_uses_a_new_connection(
        self, world: World, server: Server, end: Step
    ) -> None:
        transport = pooling(world, 8)
        async with world.client(world.transport(transport)) as client:
            await idle_connections(world, client, server, 8)
            server.play(end, reply())
            response = await client.get(
                server.url, timeout=world.library.Timeout(5, read=0.2)
            )
            assert len(attempts_of(response)) == 2
            assert server.received[-1].connection == 9
            assert in_total(transport)["idle"] == 1
            await until(world, lambda: len(server.open_connections) == 1)

    async def test_a_post_fails_once(self, world: World, server: Server) -> None:
        async with world.client(pooling(world, 8)) as client:
            await idle_connections(world, client, server, 8)
            server.play(stall(), reply())
            with pytest.raises(world.library.ReadTimeout):
                await client.post(server.url, timeout=0.1)
            assert (await client.post(server.url)).status_code == 200

    async def test_connections_that_became_idle_later_stay(
        self, world: World, server: Server
    ) -> None:
        transport = pooling(world, 8)
        async with world.client(transport) as client:
            responses = [await stream(client, server.url) for _ in range(3)]
            await world.read(responses[0])
            await world.read(responses[1])
            server.play(stall())
            with pytest.raises(world.library.ReadTimeout):
                # The third connection becomes idle while this request waits.
                await together(world, client, server, responses[2])
            assert in_total(transport)["idle"] == 1


async def together(world: World, client: Any, server: Server, later: Any) -> None:
    """Send a request that times out, and read another response meanwhile."""
    failures: list[Exception] = []

    async def get() -> None:
        try:
            await client.get(server.url, timeout=0.3)
        except Exception as error:
            failures.append(error)

    async def read() -> None:
        await until(world, lambda: server.requests == 4)
        await world.read(later)

    await world.together(get, read)
    raise failures[0]
