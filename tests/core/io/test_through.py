"""Requests through a layer that copies them, to connections of each kind."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from support.server import Server
from support.world import World, in_async

pytestmark = pytest.mark.anyio


@in_async
@pytest.mark.usefixtures("connections")
async def test_a_body_that_is_read_once_arrives_within_a_deadline(
    world: World, server: Server
) -> None:
    async def body() -> AsyncIterator[bytes]:
        yield b"one"
        yield b"two"

    layer = world.ours.DeadlineTransport(world.ours.PoolingTransport(), 60)
    async with world.client(layer) as client:
        assert (await client.post(server.url, content=body())).status_code == 200
    assert server.bodies == [b"onetwo"]
