"""The pool over the wire: a place is free again when its request is cancelled."""

from __future__ import annotations

import asyncio
import contextlib
import random
import socket
from collections.abc import Awaitable, Callable
from typing import Any

import anyio
import pytest
from support.gates import (
    Gate,
    in_total,
    is_whole,
    patient,
    pooling,
    side_of,
    stream,
    until,
)
from support.server import Server, Step, close, drip, head, reply, stall
from support.world import World

from httpx_resilient._core.io.waiters import AsyncioWaiter

pytestmark = pytest.mark.anyio

in_async = pytest.mark.parametrize("runtime", ["asyncio", "trio"])

HALF = head(200, {"content-length": "9"}) + b"half"

Cut = Callable[[World, Any, Any, Server], Awaitable[None]]


async def connecting(world: World, transport: Any, client: Any, server: Server) -> None:
    """As many as may wait to be accepted do: nobody answers to a further one."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as full:
        host, port = full.getsockname()
        with socket.create_connection((host, port)):
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(client.get, f"http://{host}:{port}/")
                await anyio.wait_all_tasks_blocked()
                assert in_total(transport) == {"active": 1}
                tasks.cancel_scope.cancel()


async def waiting_for_headers(
    world: World, transport: Any, client: Any, server: Server
) -> None:
    server.play(stall())
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(client.get, server.url)
        await until(world, lambda: server.requests)
        tasks.cancel_scope.cancel()


async def reading_the_body(
    world: World, transport: Any, client: Any, server: Server
) -> None:
    server.play(stall(HALF))
    begun = anyio.Event()

    async def read() -> None:
        async with client.stream("GET", server.url) as response:
            async for _ in response.aiter_raw():
                begun.set()

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(read)
        await begun.wait()
        tasks.cancel_scope.cancel()


async def in_the_queue(
    world: World, transport: Any, client: Any, server: Server
) -> None:
    response = await stream(client, server.url)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(client.get, server.url)
        await until(world, lambda: transport.stats().waiting)
        tasks.cancel_scope.cancel()
    await response.aread()


async def just_when_served(
    world: World, transport: Any, client: Any, server: Server
) -> None:
    response = await stream(client, server.url)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(client.get, server.url)
        await until(world, lambda: transport.stats().waiting)
        side = side_of(transport, world)
        slot = response.stream._stream._resource
        tasks.cancel_scope.cancel()
        # Given back before the one that was cancelled could notice that it was.
        response.stream._stream._resource = None
        side.on_closed(slot, OSError())
        assert in_total(transport)["active"] == 1
    assert server.requests == 1
    await response.aclose()


CUTS = [
    connecting,
    waiting_for_headers,
    reading_the_body,
    in_the_queue,
    just_when_served,
]


@in_async
@pytest.mark.parametrize("cut", CUTS)
async def test_a_request_that_is_cancelled(
    world: World, server: Server, cut: Cut
) -> None:
    transport = pooling(world)
    async with patient(world, transport) as client:
        await cut(world, transport, client, server)
        with anyio.fail_after(5):
            await is_whole(world, transport, client, server)


FATES: list[Step] = [
    reply(200, b"x" * 100),
    drip(200, [b"x"] * 3, every=0.001),
    close(HALF),
    Gate(),
]
FATES[-1].let(10**6)


class TestAStormOfCancellations:
    async def probe(self, world: World, transport: Any, client: Any, url: str) -> None:
        stats = in_total(transport)
        assert stats.keys() <= {"idle", "opened", "reused", "retired"}
        pool = side_of(transport, world).pool
        assert len(pool.slots) == stats.get("idle", 0) <= 10
        answers = []

        async def get() -> None:
            answers.append((await client.get(url, timeout=5)).content)

        await world.together(*[get] * 50)
        assert answers == [b"ok"] * 50
        assert len(pool.slots) == in_total(transport)["idle"] <= 10

    @in_async
    async def test_loses_no_place(self, world: World, server: Server) -> None:
        chance = random.Random(7)
        server.play(*[chance.choice(FATES) for _ in range(2000)], reply(200, b"ok"))
        transport = pooling(world, 10)
        async with patient(world, transport) as client:

            async def get() -> None:
                with anyio.move_on_after(chance.random() / 50):
                    with contextlib.suppress(world.library.RemoteProtocolError):
                        await client.get(server.url)

            for _ in range(20):
                await world.together(*[get] * 100)
            server.play(reply(200, b"ok"))
            await self.probe(world, transport, client, server.url)

    @pytest.mark.parametrize("runtime", ["asyncio"])
    async def test_nor_if_they_come_twice_and_shields_do_not_help(
        self, world: World, server: Server
    ) -> None:
        """Those of asyncio itself: anyio cannot hold them back."""
        chance = random.Random(7)
        server.play(*[chance.choice(FATES) for _ in range(500)], reply(200, b"ok"))
        transport = pooling(world, 10)
        async with patient(world, transport) as client:
            for _ in range(5):
                tasks = [
                    asyncio.create_task(client.get(server.url)) for _ in range(100)
                ]
                while not all(task.done() for task in tasks):
                    await asyncio.sleep(chance.random() / 100)
                    for task in chance.sample(tasks, 20):
                        for _ in range(chance.randint(1, 3)):
                            task.cancel()
                            await asyncio.sleep(0)
                await asyncio.gather(*tasks, return_exceptions=True)
            server.play(reply(200, b"ok"))
            await self.probe(world, transport, client, server.url)


@pytest.mark.parametrize("runtime", ["asyncio"])
@pytest.mark.parametrize("rounds", range(8))
async def test_a_body_whose_reader_is_cancelled_twice(
    world: World, server: Server, rounds: int
) -> None:
    """In the midst of closing a connection asyncio leaves httpcore's pool broken."""
    server.play(stall(HALF))
    transport = pooling(world)
    async with patient(world, transport) as client:
        response = await stream(client, server.url)
        reading = asyncio.create_task(response.aread())
        await anyio.wait_all_tasks_blocked()
        reading.cancel()
        for _ in range(rounds):
            await asyncio.sleep(0)
        reading.cancel()
        await asyncio.wait([reading])
        await response.aclose()
        with anyio.fail_after(5):
            await is_whole(world, transport, client, server)


@pytest.mark.parametrize("runtime", ["asyncio"])
async def test_one_that_was_woken_is_not_woken_again(runtime: str) -> None:
    """By its timer, say, in the same round of the loop."""
    waiter = AsyncioWaiter()
    for _ in range(2):
        waiter.wake()
    await waiter.wait(1)


@pytest.mark.parametrize("runtime", ["asyncio"])
@pytest.mark.parametrize("replayed", [True, False])
async def test_one_that_is_cancelled_while_it_closes_another_connection(
    world: World, server: Server, replayed: bool
) -> None:
    """By asyncio, which knows no shields: a replay, or one to another origin."""
    begun = asyncio.Event()

    async def closing() -> None:
        begun.set()
        await asyncio.sleep(60)

    server.play(reply(), close(), reply())
    transport = pooling(world)
    with Server() as other:
        async with patient(world, transport) as client:
            await client.get(server.url)
            (slot,) = side_of(transport, world).pool.slots
            old, aclose = slot.transport, slot.transport.aclose
            old.aclose = closing
            url = server.url if replayed else other.url
            request = asyncio.create_task(client.get(url))
            await begun.wait()
            request.cancel()
            await asyncio.wait([request])
            assert request.cancelled()
            await aclose()
            with anyio.fail_after(5):
                await is_whole(world, transport, client, server)
