"""The pool over the wire: a place is free again however its request ends."""

from __future__ import annotations

import gc
from collections.abc import Callable
from typing import Any

import anyio
import pytest
from support.gates import in_total, is_whole, patient, pooling, side_of, stream, until
from support.server import Server, close, drip, head, raw, reply
from support.world import World

pytestmark = pytest.mark.anyio

in_async = pytest.mark.parametrize("runtime", ["asyncio", "trio"])

HALF = head(200, {"content-length": "9"}) + b"half"


class TestABody:
    async def test_that_is_read_to_its_end(self, world: World, server: Server) -> None:
        server.play(drip(200, [b"one", b"two"]))
        transport = pooling(world)
        async with world.client(transport) as client:
            response = await stream(client, server.url)
            assert in_total(transport) == {"active": 1, "opened": 1}
            assert await world.read(response) == b"onetwo"
            assert in_total(transport) == {"idle": 1, "opened": 1}
            await is_whole(world, transport, client, server)

    async def test_that_is_closed_unread(self, world: World, server: Server) -> None:
        server.play(raw(HALF))
        transport = pooling(world)
        async with world.client(transport) as client:
            response = await stream(client, server.url)
            for _ in range(2):
                await world.close(response)
            await until(world, lambda: not server._open)
            await is_whole(world, transport, client, server)

    async def test_that_breaks(self, world: World, server: Server) -> None:
        server.play(close(HALF))
        transport = pooling(world)
        async with world.client(transport) as client:
            with pytest.raises(world.library.RemoteProtocolError):
                await client.get(server.url)
            await is_whole(world, transport, client, server)

    async def test_whose_closing_fails(self, world: World, server: Server) -> None:
        transport = pooling(world)
        async with world.client(transport) as client:
            response = await stream(client, server.url)
            held = response.stream._stream
            inner, held._stream = held._stream, Unclosable()
            with pytest.raises(OSError, match="unclosable"):
                await world.close(response)
            assert in_total(transport) == {"opened": 1, "retired": 1}
            await (run(inner.close) if world.sync else inner.aclose())
            await until(world, lambda: not server._open)
            await is_whole(world, transport, client, server)


class Unclosable:
    def close(self) -> None:
        msg = "unclosable"
        raise OSError(msg)

    async def aclose(self) -> None:
        self.close()


async def run(call: Callable[[], None]) -> None:
    call()


class TestAnAbandonedResponse:
    async def test_is_told_of_and_gives_its_place_to_one_that_waits(
        self, world: World, server: Server
    ) -> None:
        server.play(raw(HALF), reply())
        transport = pooling(world)
        async with patient(world, transport) as client:
            held = [await stream(client, server.url)]

            async def drop() -> None:
                await until(world, lambda: transport.stats().waiting)
                held.clear()
                gc.collect()

            async def get() -> None:
                assert (await client.get(server.url)).status_code == 200

            with pytest.warns(ResourceWarning, match="neither read nor closed"):
                await world.together(get, drop)
            await until(world, lambda: len(server._open) == 1)
            await is_whole(world, transport, client, server)

    @in_async
    async def test_may_be_collected_in_another_thread(
        self, world: World, server: Server
    ) -> None:
        server.play(raw(HALF), reply())
        transport = pooling(world)
        async with patient(world, transport) as client:
            held = [await stream(client, server.url)]

            def drop() -> None:
                held.clear()
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
    async def test_may_be_collected_while_the_pool_is_at_work(
        self, world: World, server: Server, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        server.play(raw(HALF), reply())
        transport = pooling(world)
        async with patient(world, transport) as client:
            held = [await stream(client, server.url)]
            pool = side_of(transport, world).pool
            enqueue = pool.enqueue

            def collecting(*args: Any) -> Any:
                held.clear()
                gc.collect()
                return enqueue(*args)

            monkeypatch.setattr(pool, "enqueue", collecting)
            with pytest.warns(ResourceWarning, match="neither read nor closed"):
                with anyio.fail_after(5):
                    assert (await client.get(server.url)).status_code == 200
            await is_whole(world, transport, client, server)

    async def test_is_found_by_the_next_request(
        self, world: World, server: Server
    ) -> None:
        server.play(raw(HALF), reply())
        transport = pooling(world)
        async with patient(world, transport) as client:
            held = [await stream(client, server.url)]
            warned = pytest.warns(ResourceWarning, match="neither read nor closed")
            with warned, side_of(transport, world)._lock:
                held.clear()
                gc.collect()
            assert in_total(transport) == {"active": 1, "opened": 1}
            assert (await client.get(server.url)).status_code == 200
            await is_whole(world, transport, client, server)
