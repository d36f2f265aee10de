"""An idle connection that its server closes frees its place at once on asyncio."""

from __future__ import annotations

import anyio
import pytest
from support.gates import in_total, pooling, until
from support.server import Server, close, reply
from support.world import World

pytestmark = [pytest.mark.anyio, pytest.mark.parametrize("runtime", ["asyncio"])]

OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"


async def test_its_place_is_free_without_another_request(
    world: World, server: Server
) -> None:
    server.play(close(OK))
    transport = pooling(world)
    async with world.client(transport) as client:
        await client.get(server.url)
        await until(world, lambda: not transport.stats().idle)
        assert in_total(transport) == {"opened": 1}


async def test_a_request_that_must_not_be_repeated_does_not_fail(
    world: World, server: Server
) -> None:
    server.play(close(OK), reply(201))
    async with world.client(pooling(world)) as client:
        await client.get(server.url)
        await anyio.sleep(0.05)
        assert (await client.post(server.url)).status_code == 201
    assert server.connections == 2


async def test_bytes_that_nobody_asked_for_end_it_too(
    world: World, server: Server
) -> None:
    server.play(close(OK + OK))
    transport = pooling(world)
    async with world.client(transport) as client:
        assert (await client.get(server.url)).content == b"ok"
        await until(world, lambda: not transport.stats().idle)
