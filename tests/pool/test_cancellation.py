"""The pool on sockets: a request that is cancelled releases its slot."""

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
    lease_of,
    leases_of,
    patient,
    pooling,
    state_of,
    stream,
    until,
)
from support.server import Server, Step, close, drip, head, reply, stall
from support.world import World, in_async

from httpx_resilient._core.io.waiters import AsyncioWaiter

pytestmark = pytest.mark.anyio

HALF = head(200, {"content-length": "9"}) + b"half"

Cut = Callable[[World, Any, Any, Server], Awaitable[None]]


async def connecting(world: World, transport: Any, client: Any, server: Server) -> None:
    """The backlog of the server is full, so the connection is never accepted."""
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


async def at_the_moment_of_its_admission(
    world: World, transport: Any, client: Any, server: Server
) -> None:
    response = await stream(client, server.url)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(client.get, server.url)
        await until(world, lambda: transport.stats().waiting)
        tasks.cancel_scope.cancel()
        # The slot is released before the task notices that it was cancelled.
        leases_of(transport, world).on_closed(lease_of(response), OSError())
        assert in_total(transport)["active"] == 1
    assert server.requests == 1
    await response.aclose()


CUTS = [
    connecting,
    waiting_for_headers,
    reading_the_body,
    in_the_queue,
    at_the_moment_of_its_admission,
]


@in_async
@pytest.mark.parametrize("cut", CUTS)
async def test_a_request_that_is_cancelled_releases_its_slot(
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
    async def check(self, world: World, transport: Any, client: Any, url: str) -> None:
        stats = in_total(transport)
        assert stats.keys() <= {"idle", "opened", "reused", "retired"}
        pool = state_of(transport, world)
        assert len(pool.slots) == stats.get("idle", 0) <= 10
        answers = []

        async def get() -> None:
            answers.append((await client.get(url, timeout=5)).content)

        await world.together(*[get] * 50)
        assert answers == [b"ok"] * 50
        assert len(pool.slots) == in_total(transport)["idle"] <= 10

    @in_async
    async def test_no_slot_is_lost(self, world: World, server: Server) -> None:
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
            await self.check(world, transport, client, server.url)

    @pytest.mark.parametrize("runtime", ["asyncio"])
    async def test_no_slot_is_lost_to_repeated_cancellations_that_ignore_shields(
        self, world: World, server: Server
    ) -> None:
        """asyncio's own cancellations ignore the shields of anyio."""
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
            await self.check(world, transport, client, server.url)


@pytest.mark.parametrize("runtime", ["asyncio"])
@pytest.mark.parametrize("rounds", range(8))
async def test_a_body_whose_reader_is_cancelled_twice_releases_its_slot(
    world: World, server: Server, rounds: int
) -> None:
    """A second cancellation, during a close, breaks the pool of httpcore."""
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
async def test_a_waiter_can_be_woken_twice(runtime: str) -> None:
    """By a release and by its timer, in the same iteration of the event loop."""
    waiter = AsyncioWaiter()
    for _ in range(2):
        waiter.wake()
    await waiter.wait(1)


@pytest.mark.parametrize("runtime", ["asyncio"])
@pytest.mark.parametrize("replayed", [True, False])
async def test_a_request_that_is_cancelled_while_it_closes_a_connection_releases_its_slot(
    world: World, server: Server, replayed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """asyncio ignores shields. The request is a replay, or goes to another origin."""
    monkeypatch.setenv("HTTPX_RESILIENT_WIRE", "0")
    begun = asyncio.Event()

    async def closing() -> None:
        begun.set()
        await asyncio.sleep(60)

    server.play(reply(), close(), reply())
    transport = pooling(world)
    with Server() as other:
        async with patient(world, transport) as client:
            await client.get(server.url)
            (slot,) = state_of(transport, world).slots
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
