"""For tests of the pool: a server that answers when it is told, and waiting for a fact."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

from support.server import Connection, Server, Step, reply
from support.world import World


class Gate:
    """A step that lets so many requests through as it was told."""

    def __init__(self, step: Step | None = None) -> None:
        self._step = step or reply()
        self._permits = threading.Semaphore(0)

    def let(self, number: int = 1) -> None:
        self._permits.release(number)

    def __call__(self, connection: Connection) -> bool:
        # A test that failed lets nobody through; its server ends all the same.
        return self._permits.acquire(timeout=10) and self._step(connection)


async def until(world: World, met: Callable[[], Any]) -> None:
    """Wait for a fact. In a synchronous world without suspending."""
    end = time.monotonic() + 10
    while not met():
        assert time.monotonic() < end, "it did not come about"
        await world.sleep(0.001)


def pooling(world: World, most: int | None = 1, **options: Any) -> Any:
    """A transport with room for so many connections."""
    limits = {"max_connections": most, "max_keepalive_connections": most}
    limits |= options.pop("limits", {})
    return world.ours.PoolingTransport(limits=world.library.Limits(**limits), **options)


def patient(world: World, transport: Any) -> Any:
    """A client that waits for a connection without end."""
    return world.client(transport, timeout=world.library.Timeout(10, pool=None))


def in_total(transport: Any) -> dict[str, int]:
    """What is not nothing, of all origins."""
    stats = transport.stats()
    names = ("active", "idle", "waiting", "opened", "reused", "retired")
    return {name: n for name in names if (n := getattr(stats, name))}


async def stream(client: Any, url: str) -> Any:
    return await client.send(client.build_request("GET", url), stream=True)


async def is_whole(world: World, transport: Any, client: Any, server: Server) -> None:
    """Nobody has a place, and the next request gets one."""
    assert in_total(transport).keys() <= {"idle", "opened", "reused", "retired"}
    server.play(reply(204))
    assert (await client.get(server.url)).status_code == 204
    pool = side_of(transport, world).pool
    assert len(pool.slots) == in_total(transport)["idle"] == 1


def side_of(transport: Any, world: World) -> Any:
    return (transport._sync_side if world.sync else transport._async_side).made


async def burst(world: World, client: Any, url: str, size: int) -> list[int]:
    """Send so many requests at once. Returns how they ended."""
    statuses: list[int] = []

    async def get() -> None:
        statuses.append((await client.get(url)).status_code)

    await world.together(*[get] * size)
    return statuses
