"""The bodies of answers: as they arrive, and never those of other answers."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing
from typing import Any

import anyio
import pytest
from support.server import Connection, Server, drip, head, raw, reply, stall
from support.tls_server import TLSServer, trusting
from support.wires import wire_of
from support.world import LIBRARIES, World, in_async

pytestmark = pytest.mark.anyio

MEBIBYTE = 1024 * 1024


async def test_chunks_are_given_as_they_arrive(world: World) -> None:
    pieces = [b"one", b"two", b"three"]
    with Server(drip(200, pieces, every=0.1)) as server:
        async with world.client(world.ours.PoolingTransport()) as client:
            request = client.build_request("GET", server.url)
            response = await client.send(request, stream=True)
            assert [chunk async for chunk in world.chunks(response)] == pieces
            await world.close(response)


@pytest.mark.parametrize("is_large", [False, True])
async def test_a_reader_that_leaves_early_leaves_nothing_to_the_next_request(
    world: World, *, is_large: bool
) -> None:
    body = b"x" * (50 * MEBIBYTE if is_large else 100)
    with Server(reply(200, body), reply(200, b"next")) as server:
        async with world.client(world.ours.PoolingTransport()) as client:
            request = client.build_request("GET", server.url)
            response = await client.send(request, stream=True)
            await world.close(response)
            assert (await client.get(server.url)).content == b"next"
    assert server.connections == (2 if is_large else 1)


async def test_a_response_that_was_read_gets_nothing_of_the_next_one(
    world: World, server: Server
) -> None:
    server.play(reply(200, b"first"), reply(200, b"second"))
    async with world.client(world.ours.PoolingTransport()) as client:
        first = await client.get(server.url)
        stream = first.stream
        second = client.build_request("GET", server.url)
        second = await client.send(second, stream=True)
        rest = list(stream) if world.sync else [e async for e in stream]
        assert rest == []
        assert await world.read(second) == b"second"
        assert first.content == b"first"
    assert server.connections == 1


@in_async
@pytest.mark.parametrize("is_tls", [False, True])
async def test_a_response_that_another_task_closes_ends_its_reader_at_once(
    world: World, authority: Any, connections: str, *, is_tls: bool
) -> None:
    step = stall(head(200, {"content-length": "10"}) + b"half")
    transport = world.ours.PoolingTransport(verify=trusting(authority))
    with TLSServer(authority, step) if is_tls else Server(step) as server:
        async with world.client(transport) as client:
            request = client.build_request("GET", server.url)
            response = await client.send(request, stream=True)
            is_reading = anyio.Event()

            async def read() -> None:
                chunks = response.aiter_raw()
                assert await anext(chunks) == b"half"
                is_reading.set()
                with pytest.raises(world.library.ReadError):
                    await anext(chunks)

            with anyio.fail_after(3):
                async with anyio.create_task_group() as tasks:
                    tasks.start_soon(read)
                    await is_reading.wait()
                    await anyio.sleep(0.05)
                    await response.aclose()


async def test_the_stream_of_an_answer_ends_where_the_answer_ends(
    world: World, server: Server
) -> None:
    server.play(reply(200, b"first"), reply(200, b"second"))
    wire = wire_of(world)
    request = world.library.Request("GET", server.url)
    first = await wire.send(request, {})
    assert await taken(world, first.stream) == b"first"
    second = await wire.send(request, {})
    assert await taken(world, first.stream) == b""
    assert await taken(world, second.stream) == b"second"
    assert server.connections == 1
    wire.close()
    await wire.aclose()


async def taken(world: World, stream: Any) -> bytes:
    if world.sync:
        return b"".join(stream)
    return b"".join([chunk async for chunk in stream])


async def test_a_body_until_the_end_of_the_connection_is_given_whole(
    world: World, authority: Any
) -> None:
    answer = raw(head(200, {}) + b"until the end", keep=False)
    transport = world.ours.PoolingTransport(verify=trusting(authority))
    with Server(answer) as plain, TLSServer(authority, answer) as secure:
        async with world.client(transport) as client:
            for server in plain, secure:
                assert (await client.get(server.url)).content == b"until the end"


class Flood:
    """Sends much, and counts what it could send."""

    def __init__(self, mebibytes: int) -> None:
        self.mebibytes = mebibytes
        self.sent = 0
        self.is_done = threading.Event()

    def __call__(self, connection: Connection) -> bool:
        connection.send(head(200, {"content-length": str(self.mebibytes * MEBIBYTE)}))
        for _ in range(self.mebibytes):
            connection.send(b"x" * MEBIBYTE)
            self.sent += 1
        self.is_done.set()
        return True


@pytest.mark.parametrize("is_tls", [False, True])
async def test_a_slow_reader_holds_little_in_memory(
    world: World, authority: Any, *, is_tls: bool
) -> None:
    flood, size = Flood(50), 0
    make = TLSServer(authority, flood) if is_tls else Server(flood)
    transport = world.ours.PoolingTransport(verify=trusting(authority))
    with make as server:
        async with world.client(transport) as client:
            request = client.build_request("GET", server.url)
            response = await client.send(request, stream=True)
            chunks = world.chunks(response)
            size += len(await anext(chunks))
            await world.sleep(0.5)
            assert flood.sent < 25  # the rest is in the buffers of the system
            async for chunk in chunks:
                assert len(chunk) <= MEBIBYTE
                size += len(chunk)
            await world.close(response)
            assert size == 50 * MEBIBYTE
            await client.get(server.url)
        assert server.connections == 1


@in_async
# httpx leaves a generator of its own behind, of which trio warns.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
async def test_a_body_that_was_closed_in_the_middle_closes_its_connection(
    world: World,
) -> None:
    with Server(Flood(50)) as server:
        async with world.client(world.ours.PoolingTransport()) as client:
            request = client.build_request("GET", server.url)
            response = await client.send(request, stream=True)
            async with aclosing(response.aiter_raw()) as chunks:
                await anext(chunks)
            network = response.extensions["network_stream"]
            await response.aclose()
            assert network.get_extra_info("is_readable")
            with pytest.raises(world.library.StreamError):
                await response.aread()


def answering_early(connection: Connection) -> bool:
    """Answer to the head of a request, and read no more."""
    connection.send(head(413, {"content-length": "5"}) + b"early")
    while connection.sock.recv(65536):
        pass
    return False


@pytest.mark.parametrize("is_tls", [False, True])
async def test_an_answer_that_arrived_unread_does_not_hide_the_next_one(
    world: World, authority: Any, *, is_tls: bool
) -> None:
    body = b"x" * 400_000
    script = reply(200, body), answering_early
    server = TLSServer(authority, *script) if is_tls else Server(*script)
    server._read_body = False
    transport = world.ours.PoolingTransport(verify=trusting(authority))

    def parts() -> Iterator[bytes]:
        for _ in range(20):
            time.sleep(0.01)
            yield b"part"

    async def async_parts() -> AsyncIterator[bytes]:
        for _ in range(20):
            await world.sleep(0.01)
            yield b"part"

    with server:
        async with world.client(transport, timeout=5) as client:
            request = client.build_request("GET", server.url)
            response = await client.send(request, stream=True)
            await world.sleep(0.3)  # all of it arrives
            assert await world.read(response) == body
            content = parts() if world.sync else async_parts()
            with anyio.fail_after(5):
                response = await client.post(server.url, content=content)
    assert response.content == b"early"
    assert server.connections == 1


@pytest.mark.parametrize("library", LIBRARIES)
@pytest.mark.parametrize("is_uvloop", [False, True])
def test_a_buffer_that_the_caller_fills_anew_is_sent_as_it_was(
    library: str, *, is_uvloop: bool
) -> None:
    factory = pytest.importorskip("uvloop").new_event_loop if is_uvloop else None
    world, parts, size = World(*LIBRARIES[library], sync=False), 200, 40_000

    async def content() -> AsyncIterator[bytearray]:
        buffer = bytearray(size)
        for number in range(parts):
            buffer[:] = bytes([number]) * size
            yield buffer

    async def main(url: str) -> None:
        length = {"content-length": str(parts * size)}
        async with world.client(world.ours.PoolingTransport()) as client:
            await client.post(url, content=content(), headers=length)

    with Server() as server, asyncio.Runner(loop_factory=factory) as runner:
        runner.run(main(server.url))
    assert server.bodies == [b"".join(bytes([n]) * size for n in range(parts))]
