"""Readers that leave, come back or are closed, and deadlines."""

from __future__ import annotations

import threading
from typing import Any

import anyio
import pytest
from support.event_streams import (
    ONE,
    TWO,
    begun,
    ended,
    layer,
    one_chunk,
    opened,
    own_stream,
    read,
)
from support.server import (
    Connection,
    Server,
    close,
    reply,
    stall,
)
from support.world import World

from httpx_resilient import events

pytestmark = pytest.mark.anyio


class TestAReaderThatLeaves:
    async def test_half_way_closes_the_connection(
        self, world: World, server: Server
    ) -> None:
        server.play(stall(begun(ONE, TWO)))
        seen: list[Any] = []
        async with world.client(layer(world, on_event=seen.append)) as client:
            response = await opened(client, server.url)
            stream = own_stream(response)
            assert await one_chunk(world, stream)
            await world.close(response)
        assert seen[-1].reason == "closed"
        assert server.requests == 1
        with anyio.fail_after(10):
            while server.open_connections:
                await world.sleep(0.01)

    async def test_and_comes_back_goes_on_where_it_was(
        self, world: World, server: Server
    ) -> None:
        server.play(close(begun(ONE, b"id: 2\n")), ended(TWO), reply(204))
        async with world.client(layer(world)) as client:
            response = await opened(client, server.url)
            stream = own_stream(response)
            received = [await one_chunk(world, stream) for _ in range(2)]
            await world.close(response)
        assert received == [ONE, TWO]


class TestClosingByAnotherTask:
    async def test_ends_a_wait_for_another_connection(
        self, world: World, server: Server
    ) -> None:
        waits = threading.Event()

        def listen(event: Any) -> None:
            if isinstance(event, events.EventStreamReconnecting):
                waits.set()

        server.play(close(begun(ONE)), reply(500))
        transport = layer(world, wait=600, on_event=listen)
        async with world.client(transport) as client:
            response = await opened(client, server.url)

            async def reader() -> None:
                with pytest.raises(world.library.TransportError):
                    await read(world, response)

            async def closer() -> None:
                while not waits.is_set():
                    await world.sleep(0.01)
                await world.close(response)

            with anyio.fail_after(30):
                await world.together(reader, closer)
        assert server.requests == 1


@pytest.mark.parametrize("body", [True, False])
async def test_a_deadline_around_limits_reconnections_unless_it_ends_with_the_headers(
    world: World, server: Server, body: bool
) -> None:
    server.play(close(begun(ONE)), ended(TWO), reply(204))
    inner = layer(world, wait=120 if body else 0)
    transport = world.ours.DeadlineTransport(inner, 60, body=body)
    async with world.client(transport) as client:
        if body:
            with pytest.raises(world.library.RemoteProtocolError) as caught:
                await read(world, await opened(client, server.url))
            assert "deadline" in caught.value.__notes__[0]
        else:
            received = await read(world, await opened(client, server.url))
            assert received == ONE + TWO


async def test_an_attempts_deadline_inside_does_not_cut_a_stream(
    world: World, server: Server
) -> None:
    def slowly(connection: Connection) -> bool:
        connection.send(begun(ONE))
        threading.Event().wait(0.6)
        connection.send(b"%x\r\n%s\r\n0\r\n\r\n" % (len(TWO), TWO))
        return True

    server.play(slowly, reply(204))
    deadline = world.ours.DeadlineTransport(world.transport(), 0.5, body=False)
    transport = world.ours.EventStreamTransport(deadline, wait=0)
    async with world.client(transport) as client:
        received = await read(world, await opened(client, server.url))
    assert received == ONE + TWO
    assert server.requests == 2
