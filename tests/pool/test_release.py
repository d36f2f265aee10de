"""The pool on sockets: a slot is released however its request ends."""

from __future__ import annotations

import gc
from collections.abc import Callable
from typing import Any

import anyio
import pytest
from support.gates import (
    in_total,
    is_whole,
    leases_of,
    patient,
    pooling,
    replace_body,
    state_of,
    stream,
    until,
)
from support.server import Server, close, drip, head, raw, reply
from support.world import World, in_async

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("connections")]

HALF = head(200, {"content-length": "9"}) + b"half"


class TestBody:
    async def test_a_body_that_is_read_to_its_end_releases_its_slot(
        self, world: World, server: Server
    ) -> None:
        server.play(drip(200, [b"one", b"two"]))
        transport = pooling(world)
        async with world.client(transport) as client:
            response = await stream(client, server.url)
            assert in_total(transport) == {"active": 1, "opened": 1}
            assert await world.read(response) == b"onetwo"
            assert in_total(transport) == {"idle": 1, "opened": 1}
            await is_whole(world, transport, client, server)

    async def test_a_body_that_is_closed_unread_releases_its_slot(
        self, world: World, server: Server
    ) -> None:
        server.play(raw(HALF))
        transport = pooling(world)
        async with world.client(transport) as client:
            response = await stream(client, server.url)
            for _ in range(2):
                await world.close(response)
            await until(world, lambda: not server.open_connections)
            await is_whole(world, transport, client, server)

    async def test_a_body_that_breaks_releases_its_slot(
        self, world: World, server: Server
    ) -> None:
        server.play(close(HALF))
        transport = pooling(world)
        async with world.client(transport) as client:
            with pytest.raises(world.library.RemoteProtocolError):
                await client.get(server.url)
            await is_whole(world, transport, client, server)

    async def test_a_body_whose_close_fails_releases_its_slot(
        self, world: World, server: Server
    ) -> None:
        transport = pooling(world)
        async with world.client(transport) as client:
            response = await stream(client, server.url)
            body = replace_body(response, Unclosable())
            with pytest.raises(OSError, match="unclosable"):
                await world.close(response)
            assert in_total(transport) == {"opened": 1, "retired": 1}
            await (run(body.close) if world.sync else body.aclose())
            await until(world, lambda: not server.open_connections)
            await is_whole(world, transport, client, server)


class Unclosable:
    def close(self) -> None:
        msg = "unclosable"
        raise OSError(msg)

    async def aclose(self) -> None:
        self.close()


async def run(call: Callable[[], None]) -> None:
    call()


class TestLeakedResponse:
    async def test_a_leaked_response_warns_and_releases_its_slot_to_a_waiting_request(
        self, world: World, server: Server
    ) -> None:
        server.play(raw(HALF), reply())
        transport = pooling(world)
        async with patient(world, transport) as client:
            responses = [await stream(client, server.url)]

            async def drop() -> None:
                await until(world, lambda: transport.stats().waiting)
                responses.clear()
                gc.collect()

            async def get() -> None:
                assert (await client.get(server.url)).status_code == 200

            with pytest.warns(ResourceWarning, match="neither read nor closed"):
                await world.together(get, drop)
            await until(world, lambda: len(server.open_connections) == 1)
            await is_whole(world, transport, client, server)

    @in_async
    async def test_a_leaked_response_may_be_collected_in_another_thread(
        self, world: World, server: Server
    ) -> None:
        server.play(raw(HALF), reply())
        transport = pooling(world)
        async with patient(world, transport) as client:
            responses = [await stream(client, server.url)]

            def drop() -> None:
                responses.clear()
                gc.collect()

            async def drop_elsewhere() -> None:
                await until(world, lambda: transport.stats().waiting)
                await anyio.to_thread.run_sync(drop)

            async def get() -> None:
                assert (await client.get(server.url)).status_code == 200

            with pytest.warns(ResourceWarning, match="neither read nor closed"):
                await world.together(get, drop_elsewhere)
            await is_whole(world, transport, client, server)

    @in_async
    async def test_a_leaked_response_may_be_collected_during_a_transition_of_the_pool(
        self, world: World, server: Server, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        server.play(raw(HALF), reply())
        transport = pooling(world)
        async with patient(world, transport) as client:
            responses = [await stream(client, server.url)]
            pool = state_of(transport, world)
            enqueue = pool.enqueue

            def collecting(*args: Any) -> Any:
                responses.clear()
                gc.collect()
                return enqueue(*args)

            monkeypatch.setattr(pool, "enqueue", collecting)
            with pytest.warns(ResourceWarning, match="neither read nor closed"):
                with anyio.fail_after(5):
                    assert (await client.get(server.url)).status_code == 200
            await is_whole(world, transport, client, server)

    async def test_a_response_leaked_while_the_pool_is_locked_is_released_by_the_next_request(
        self, world: World, server: Server
    ) -> None:
        server.play(raw(HALF), reply())
        transport = pooling(world)
        async with patient(world, transport) as client:
            responses = [await stream(client, server.url)]
            warned = pytest.warns(ResourceWarning, match="neither read nor closed")
            with warned, leases_of(transport, world).lock:
                responses.clear()
                gc.collect()
            assert in_total(transport) == {"active": 1, "opened": 1}
            assert (await client.get(server.url)).status_code == 200
            await is_whole(world, transport, client, server)

    async def test_a_response_leaked_while_the_pool_is_locked_is_released_with_the_next_one(
        self, world: World, server: Server
    ) -> None:
        server.play(raw(HALF), reply())
        transport = pooling(world, 2)
        async with patient(world, transport) as client:
            responses = [await stream(client, server.url)]
            other = await stream(client, server.url)
            warned = pytest.warns(ResourceWarning, match="neither read nor closed")
            with warned, leases_of(transport, world).lock:
                responses.clear()
                gc.collect()
            assert in_total(transport)["active"] == 2
            await world.read(other)
            assert in_total(transport) == {"idle": 1, "opened": 2, "retired": 1}
            await is_whole(world, transport, client, server)
