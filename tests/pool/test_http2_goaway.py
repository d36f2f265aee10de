"""The pool over HTTP/2: requests outlive the connection that they share."""

from __future__ import annotations

import contextlib
import socket
import threading
from typing import Any

import anyio
import pytest
import trustme
from h2.connection import H2Connection
from support.gates import burst, in_total, patient, pooling, until
from support.h2_server import H2Server, defer, go_away, ok, refuse
from support.server import Server
from support.world import World, in_async

pytestmark = pytest.mark.anyio


@in_async
class TestEnding:
    async def test_a_connection_is_replaced_after_a_goaway(
        self, world: World, authority: trustme.CA, secure: dict[str, Any]
    ) -> None:
        def last(connection: H2Connection, stream: int) -> bool:
            ok(connection, stream)
            return go_away(stream)(connection, stream)

        with H2Server(ok, last, authority=authority) as server:
            transport = pooling(world, 10, **secure)
            async with world.client(transport) as client:
                for _ in range(4):
                    assert (await client.get(server.url)).status_code == 200
                assert in_total(transport)["opened"] == 2
            assert (server.requests, server.connections) == (4, 2)

    async def test_requests_that_a_goaway_does_not_cover_are_sent_on_the_next_connection(
        self, world: World, authority: trustme.CA, secure: dict[str, Any]
    ) -> None:
        with H2Server(ok, defer, defer, go_away(1), authority=authority) as server:
            transport = pooling(world, 10, **secure)
            async with world.client(transport) as client:
                await client.get(server.url)
                assert await burst(world, client, server.url, 3) == [200] * 3
            assert (server.requests, server.connections) == (1 + 3 + 3, 2)

    async def test_a_stream_that_goes_on_after_a_goaway_does_not_block_other_requests(
        self, world: World, authority: trustme.CA, secure: dict[str, Any]
    ) -> None:
        def begin(connection: H2Connection, stream: int) -> bool:
            connection.send_headers(stream, [(":status", "200")])
            return True

        def last(connection: H2Connection, stream: int) -> bool:
            ok(connection, stream)
            return go_away(stream)(connection, stream)

        with H2Server(begin, last, authority=authority) as server:
            transport = pooling(world, 10, **secure)
            async with patient(world, transport) as client:
                request = client.build_request("GET", server.url)
                endless = await client.send(request, stream=True)
                await client.get(server.url)
                assert (await client.get(server.url, timeout=1)).status_code == 200
                await endless.aclose()
            assert server.connections == 2

    async def test_a_connection_is_reused_after_a_refused_stream(
        self, world: World, authority: trustme.CA, secure: dict[str, Any]
    ) -> None:
        with H2Server(ok, refuse(7), authority=authority) as server:
            transport = pooling(world, 10, **secure)
            async with world.client(transport) as client:
                await client.get(server.url)
                with pytest.raises(world.library.RemoteProtocolError):
                    await client.get(server.url)
                await client.get(server.url)
                assert in_total(transport) == {"idle": 1, "opened": 1, "reused": 1}
            assert server.connections == 1

    async def test_a_connection_is_reused_after_a_body_that_was_reset(
        self, world: World, authority: trustme.CA, secure: dict[str, Any]
    ) -> None:
        def half(connection: H2Connection, stream: int) -> bool:
            connection.send_headers(stream, [(":status", "200")])
            return refuse(7)(connection, stream)

        with H2Server(half, authority=authority) as server:
            transport = pooling(world, 10, **secure)
            async with world.client(transport) as client:
                with pytest.raises(world.library.RemoteProtocolError):
                    await client.get(server.url)
                await client.get(server.url)
            assert server.connections == 1

    async def test_a_pool_that_is_closed_during_the_first_handshake_refuses_the_requests_that_wait(
        self, world: World, secure: dict[str, Any]
    ) -> None:
        gate, failed = threading.Event(), []
        transport = pooling(world, 10, **secure)
        with NoTLS(gate) as server:
            client = patient(world, transport)

            async def get() -> None:
                with pytest.raises(world.library.TransportError) as caught:
                    await client.get(server.url)
                failed.append("the transport was closed" in str(caught.value))

            async def end() -> None:
                await until(world, lambda: server.connections == 1)
                await until(world, lambda: transport.stats().waiting == 2)
                await transport.aclose()
                gate.set()  # nothing interrupts the core in a handshake

            await world.together(get, get, get, end)
        assert failed == [True] * 3
        assert server.connections == 1
        assert in_total(transport) == {"retired": 1}

    async def test_a_connection_is_replaced_after_a_cancelled_stream(
        self, world: World, authority: trustme.CA, secure: dict[str, Any]
    ) -> None:
        """httpcore sends no RST_STREAM, and may have been interrupted inside a frame."""
        with H2Server(ok, *[defer] * 10, authority=authority) as server:
            transport = pooling(world, 2, **secure)
            async with patient(world, transport) as client:
                await client.get(server.url)
                async with anyio.create_task_group() as others:
                    for _ in range(9):
                        others.start_soon(client.get, server.url)
                    async with anyio.create_task_group() as tasks:
                        tasks.start_soon(client.get, server.url)
                        await until(world, lambda: server.requests == 11)
                        tasks.cancel_scope.cancel()
                    assert in_total(transport)["active"] == 9
                    assert (await client.get(server.url)).status_code == 200
                    assert server.connections == 2
                    others.cancel_scope.cancel()
                assert in_total(transport)["idle"] == 1
                assert "active" not in in_total(transport)


class NoTLS(Server):
    """A server that waits for the gate, then sends bytes that are not a handshake."""

    def __init__(self, gate: threading.Event) -> None:
        self._gate = gate
        super().__init__()
        self.url = self.url.replace("http", "https")

    def _serve(self, sock: socket.socket, number: int) -> None:
        with sock, contextlib.suppress(OSError):
            self._gate.wait(10)
            sock.sendall(b"HTTP/1.1 400 Whatever\r\n\r\n")
            sock.recv(65536)
