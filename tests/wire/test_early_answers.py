"""Servers that answer before they have read the request."""

from __future__ import annotations

import contextlib
import socket
import struct
import time
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
import trustme
from support.server import Connection, Server, Step, head
from support.tls_server import TLSServer, trusting
from support.world import World

pytestmark = pytest.mark.anyio

SIZE = 8_000_000
PIECES = 128
TOO_LARGE = head(413, {"content-length": "2"}) + b"no"


def answers(*, and_then: str) -> Step:
    def step(connection: Connection) -> bool:
        sock = connection.sock
        # Else the answer waits behind what TLS has sent, and the reset discards it.
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.send(TOO_LARGE)
        if and_then == "resets":
            linger = struct.pack("ii", 1, 0)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        elif and_then == "waits":
            time.sleep(0.2)
        return False

    return step


def floods(connection: Connection) -> bool:
    """Send 8 MiB before any of the body is read."""
    connection.send(head(200, {"content-length": str(128 * 65536)}))
    for _ in range(128):
        connection.send(b"x" * 65536)
    with contextlib.suppress(OSError):
        while connection.sock.recv(65536):
            pass
    return False


class Body:
    """What a caller sends, in one piece or by a generator."""

    def __init__(self, world: World, kind: str) -> None:
        self._world = world
        self._kind = kind
        self.taken = 0
        self.is_closed = False

    @property
    def content(self) -> Any:
        if self._kind == "bytes":
            return b"y" * SIZE
        return self._parts() if self._world.sync else self._async_parts()

    def _parts(self) -> Iterator[bytes]:
        try:
            for _ in range(PIECES):
                self.taken += 1
                yield b"y" * (SIZE // PIECES)
        finally:
            self.is_closed = True

    async def _async_parts(self) -> AsyncIterator[bytes]:
        try:
            for _ in range(PIECES):
                self.taken += 1
                yield b"y" * (SIZE // PIECES)
        finally:
            self.is_closed = True


@pytest.mark.parametrize("kind", ["bytes", "generator"])
@pytest.mark.parametrize("end", ["closes", "resets", "waits"])
async def test_an_answer_in_front_of_the_end_of_the_upload_is_given_each_time(
    world: World, end: str, kind: str
) -> None:
    times = 4 if end == "waits" else 20
    with Server(answers(and_then=end), read_body=False) as server:
        async with world.client(world.ours.PoolingTransport()) as client:
            for _ in range(times):
                body = Body(world, kind)
                response = await client.post(server.url, content=body.content)
                assert (response.status_code, response.content) == (413, b"no")
                if kind == "generator":
                    assert body.taken < PIECES
                    assert body.is_closed
        assert server.connections == times


@pytest.mark.parametrize("kind", ["bytes", "generator"])
@pytest.mark.parametrize("end", ["closes", "resets", "waits"])
async def test_an_early_answer_over_tls_is_given_each_time(
    world: World, authority: trustme.CA, end: str, kind: str
) -> None:
    times = 4 if end == "waits" else 20
    transport = world.ours.PoolingTransport(verify=trusting(authority))
    with TLSServer(authority, answers(and_then=end)) as server:
        server._read_body = False
        async with world.client(transport) as client:
            for _ in range(times):
                body = Body(world, kind)
                response = await client.post(server.url, content=body.content)
                assert (response.status_code, response.content) == (413, b"no")


@pytest.mark.parametrize("kind", ["bytes", "generator"])
async def test_a_server_that_sends_much_before_it_reads_blocks_nobody(
    world: World, kind: str
) -> None:
    with Server(floods, read_body=False) as server:
        async with world.client(world.ours.PoolingTransport()) as client:
            body = Body(world, kind)
            response = await client.post(server.url, content=body.content)
    assert len(response.content) == 128 * 65536


async def test_an_answer_to_a_body_that_was_sent_leaves_the_connection_usable(
    world: World, server: Server
) -> None:
    async with world.client(world.ours.PoolingTransport()) as client:
        for kind in "bytes", "generator", "bytes":
            await client.post(server.url, content=Body(world, kind).content)
    assert [len(body) for body in server.bodies] == [SIZE] * 3
    assert server.connections == 1


async def test_a_generator_that_fails_closes_the_connection(
    world: World, server: Server
) -> None:
    def fails() -> Iterator[bytes]:
        yield b"a"
        raise ZeroDivisionError

    async def async_fails() -> AsyncIterator[bytes]:
        yield b"a"
        raise ZeroDivisionError

    content: Any = fails() if world.sync else async_fails()
    async with world.client(world.ours.PoolingTransport()) as client:
        with pytest.raises(ZeroDivisionError):
            await client.post(server.url, content=content)
        await client.get(server.url)
    assert server.connections == 2


async def test_a_layer_that_keeps_a_copy_of_a_body_goes_on_with_it(
    world: World,
) -> None:
    def step(connection: Connection) -> bool:
        connection.send(head(503, {"content-length": "0"}))
        time.sleep(0.1)
        return False

    def reading(connection: Connection) -> bool:
        request = connection.request
        request.body = connection._body(request.headers)
        connection.send(head(200, {"content-length": "0"}))
        return True

    with Server(step, reading, read_body=False) as server:
        transport = world.transport(buffer_request_body=2 * SIZE)
        async with world.client(transport) as client:
            body = Body(world, "generator")
            response = await client.put(server.url, content=body.content)
    assert response.status_code == 200
    assert len(server.bodies[-1]) == SIZE
