"""The pool on sockets: which connection serves which request."""

from __future__ import annotations

import socket
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from support.gates import in_total, pooling, stream, until
from support.server import Server, raw, reply
from support.world import World

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("connections")]


class TestReuse:
    async def test_an_idle_connection_is_reused(
        self, world: World, server: Server
    ) -> None:
        transport = pooling(world, 10)
        async with world.client(transport) as client:
            for _ in range(3):
                await client.get(server.url)
            assert in_total(transport) == {"idle": 1, "opened": 1, "reused": 2}
        assert server.connections == 1

    async def test_the_most_recently_used_idle_connection_is_reused_first(
        self, world: World, server: Server
    ) -> None:
        async with world.client(pooling(world, 10)) as client:
            responses = [await stream(client, server.url) for _ in range(3)]
            for number in (0, 2, 1):
                await world.read(responses[number])
            await client.get(server.url)
        assert server.received[-1].connection == 2

    async def test_an_idle_connection_that_was_closed_is_replaced_before_sending(
        self, world: World, server: Server
    ) -> None:
        """httpcore replaces it; the pool only counts."""
        server.play(raw(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n", keep=False))
        transport = pooling(world)
        async with world.client(transport) as client:
            for _ in range(2):
                assert (await client.post(server.url)).status_code == 200
                await until(world, lambda: not server.open_connections)
        assert (in_total(transport)["opened"], server.requests) == (2, 2)

    async def test_options_that_can_be_read_only_once_serve_all_connections(
        self, world: World, server: Server
    ) -> None:
        options = iter([(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)])
        async with world.client(pooling(world, 2, socket_options=options)) as client:
            for response in [await stream(client, server.url) for _ in range(2)]:
                connection = response.extensions["network_stream"]
                sock = connection.get_extra_info("socket")
                assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
                await world.read(response)

    @pytest.mark.parametrize("runtime", ["sync"])
    async def test_fifty_threads_share_five_connections(
        self, world: World, server: Server
    ) -> None:
        server.play(reply(200, b"x"))
        transport = pooling(world, 5)
        with world.library.Client(transport=transport, timeout=None) as client:

            def get(number: int) -> bytes:
                return client.get(f"{server.url}{number}").content

            with ThreadPoolExecutor(50) as threads:
                assert list(threads.map(get, range(500))) == [b"x"] * 500
            assert transport.stats().idle == server.connections <= 5


class TestClosing:
    async def test_a_pool_works_without_being_entered(
        self, world: World, server: Server
    ) -> None:
        client = world.client(pooling(world))
        assert (await client.get(server.url)).status_code == 200
        await client.aclose()

    async def test_a_pool_works_after_it_was_closed(
        self, world: World, server: Server
    ) -> None:
        transport = pooling(world)
        for _ in range(2):
            async with world.client(transport) as client:
                assert (await client.get(server.url)).status_code == 200
            assert "idle" not in in_total(transport)
        assert server.connections == 2

    async def test_a_pool_can_be_closed_before_it_is_used(self, world: World) -> None:
        transport = pooling(world)
        await world.client(transport).aclose()
        assert in_total(transport) == {}

    async def test_a_shared_pool_is_closed_with_its_last_client(
        self, world: World, server: Server
    ) -> None:
        transport = pooling(world)
        async with world.client(transport) as last:
            async with world.client(transport) as first:
                await first.get(server.url)
            await last.get(server.url)
            assert server.connections == 1
        await until(world, lambda: not server.open_connections)


async def close_transport(world: World, transport: Any) -> None:
    transport.close() if world.sync else await transport.aclose()


class TestMocks:
    """pytest-httpx patches the class of the family's transport."""

    @pytest.mark.parametrize("library", ["httpx"])
    @pytest.mark.parametrize("http2", [False, True])
    async def test_every_request_reaches_a_patched_transport_class(
        self, world: World, httpx_mock: Any, http2: bool
    ) -> None:
        httpx_mock.add_response(is_reusable=True, text="mocked")
        transport = world.ours.PoolingTransport(http2=http2)
        async with world.client(transport) as client:

            def call(number: int) -> Any:
                return lambda: client.get(f"https://example.org/{number}")

            await world.together(*map(call, range(5)))
        seen = {request.url.path for request in httpx_mock.get_requests()}
        assert seen == {"/0", "/1", "/2", "/3", "/4"}
        assert transport.stats().active == 0
