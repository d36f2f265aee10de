"""The reaper: idle connections are closed in time, although no request comes."""

from __future__ import annotations

import asyncio
import gc
import threading
import time
from typing import Any

import pytest
from support.gates import Gate, in_total, pooling, until
from support.server import Server, reply
from support.world import World, in_async

from httpx_resilient._pool import idle

pytestmark = pytest.mark.anyio


async def burst_of(world: World, server: Server, client: Any, size: int) -> None:
    """Send so many requests, all of which are under way at the same time."""
    gate = Gate(reply())
    server.play(gate)
    before = server.requests

    async def get() -> None:
        assert (await client.get(server.url)).status_code == 200

    async def let() -> None:
        await until(world, lambda: server.requests == before + size)
        gate.let(size)

    await world.together(*[get] * size, let)


def reapers() -> list[threading.Thread]:
    return [
        each for each in threading.enumerate() if each.name == "httpx_resilient reaper"
    ]


@pytest.fixture
def short_linger(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(idle, "LINGER", 0.1)


async def test_connections_of_a_burst_close_within_silence(
    world: World, server: Server
) -> None:
    transport = pooling(world, 30, limits={"max_keepalive_connections": 5})
    async with world.client(transport, timeout=20) as client:
        await burst_of(world, server, client, 30)
        begun = time.monotonic()
        assert len(server.open_connections) == 30
        await until(world, lambda: len(server.open_connections) == 5)
        assert time.monotonic() - begun > idle.LINGER / 2
        assert in_total(transport) == {"idle": 5, "opened": 30}
    await until(world, lambda: not server.open_connections)


async def test_connections_of_each_burst_close(
    world: World, server: Server, short_linger: None
) -> None:
    """The reaper begins again after it has ended."""
    transport = pooling(world, 6, limits={"max_keepalive_connections": 1})
    async with world.client(transport, timeout=20) as client:
        for _ in range(3):
            await burst_of(world, server, client, 6)
            await until(world, lambda: len(server.open_connections) == 1)
            if world.sync:
                await until(world, lambda: not reapers())


async def test_a_burst_closes_all_where_no_connection_is_kept(
    world: World, server: Server
) -> None:
    transport = pooling(world, 4, limits={"max_keepalive_connections": 0})
    async with world.client(transport, timeout=20) as client:
        await burst_of(world, server, client, 4)
        await until(world, lambda: not server.open_connections)
        assert in_total(transport) == {"opened": 4}


@pytest.mark.parametrize("runtime", ["asyncio"])
async def test_connections_that_expire_close_within_silence(
    world: World, server: Server
) -> None:
    """On trio that would take a task, which programs would find; so it has none."""
    transport = pooling(world, 4, limits={"keepalive_expiry": 0.2})
    async with world.client(transport, timeout=20) as client:
        for _ in range(2):
            await burst_of(world, server, client, 4)
            assert in_total(transport)["idle"] == 4
            await until(world, lambda: not server.open_connections)
        assert in_total(transport) == {"opened": 8}


@in_async
async def test_a_burst_hastens_a_reaper_that_waits_for_the_expiry(
    world: World, server: Server, short_linger: None
) -> None:
    transport = pooling(world, 4, limits={"max_keepalive_connections": 1})
    async with world.client(transport, timeout=20) as client:
        await client.get(server.url)
        await burst_of(world, server, client, 4)
        await until(world, lambda: len(server.open_connections) == 1)


class TestWhatIsLeft:
    @pytest.mark.parametrize("runtime", ["asyncio"])
    async def test_no_task_and_no_timer_is_left_after_a_close(
        self, world: World, server: Server
    ) -> None:
        before, transport = asyncio.all_tasks(), pooling(world, 3)
        async with world.client(transport, timeout=20) as client:
            await burst_of(world, server, client, 3)
            assert timers_of(transport)
        assert asyncio.all_tasks() == before
        assert not timers_of(transport)

    @pytest.mark.parametrize("runtime", ["trio"])
    async def test_no_task_of_trio_is_left_after_a_close(
        self, world: World, server: Server
    ) -> None:
        import trio

        before = trio.lowlevel.current_statistics().tasks_living
        transport = pooling(world, 3, limits={"max_keepalive_connections": 1})
        async with world.client(transport, timeout=20) as client:
            await burst_of(world, server, client, 1)
            assert trio.lowlevel.current_statistics().tasks_living == before
            await burst_of(world, server, client, 3)
            assert trio.lowlevel.current_statistics().tasks_living == before + 1

        def tasks() -> int:
            return trio.lowlevel.current_statistics().tasks_living

        await until(world, lambda: tasks() == before)

    @pytest.mark.parametrize("runtime", ["sync"])
    async def test_no_thread_is_left_after_a_close(
        self, world: World, server: Server, short_linger: None
    ) -> None:
        transport = pooling(world, 6, limits={"max_keepalive_connections": 1})
        async with world.client(transport, timeout=20) as client:
            await burst_of(world, server, client, 6)
            assert reapers()
        await until(world, lambda: not reapers())

    @pytest.mark.parametrize("runtime", ["sync"])
    async def test_a_synchronous_client_has_no_thread_without_a_burst(
        self, world: World, server: Server
    ) -> None:
        before = reapers()
        async with world.client(pooling(world, 3)) as client:
            await client.get(server.url)
            assert set(reapers()) <= set(before)

    @pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")
    @pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
    async def test_a_client_that_is_dropped_is_collected(
        self, world: World, server: Server, short_linger: None
    ) -> None:
        """Whoever drops it without a close leaves its connections to Python."""
        transport = pooling(world, 3, limits={"max_keepalive_connections": 1})
        client = world.client(transport, timeout=20)
        await burst_of(world, server, client, 3)
        await until(world, lambda: len(server.open_connections) == 1)
        del transport, client

        def is_gone() -> bool:
            gc.collect()
            return not server.open_connections

        await until(world, is_gone)


def timers_of(transport: Any) -> list[Any]:
    """Return the timers of a pool in the running event loop."""
    reaper = transport._async_side.made.leases.reaper
    loop: Any = asyncio.get_running_loop()
    return [
        each
        for each in loop._scheduled
        if not each.cancelled() and getattr(each._callback, "__self__", None) is reaper
    ]


@pytest.mark.parametrize("library", ["httpx"])
async def test_connections_expire_in_virtual_time(
    world: World, server: Server, library: str
) -> None:
    with world.testing.virtual_time(patience=2) as clock:
        transport = pooling(world, 4, limits={"keepalive_expiry": 60})
        client = world.client(transport, timeout=20)
        for _ in range(2):
            await client.get(server.url)
        assert server.connections == 1
        clock.advance(100)
        await client.get(server.url)
        assert server.connections == 2
        await client.aclose()
