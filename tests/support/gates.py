"""Helpers for tests of the pool: servers that answer on demand, and the pool's inside."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

from httpx_resilient._pool.lease import Lease
from support.server import Connection, Server, Step, reply
from support.world import LIBRARIES, World, run

BLOCKING = World(*LIBRARIES["httpx"], sync=True)


class Gate:
    """
    A step of a server that waits until the test lets it through.

    Args:
        step: The step that follows. By default, an empty response.
    """

    def __init__(self, step: Step | None = None) -> None:
        self._step = step or reply()
        self._permits = threading.Semaphore(0)

    def let(self, number: int = 1) -> None:
        """Let so many requests through."""
        self._permits.release(number)

    def __call__(self, connection: Connection) -> bool:
        # The timeout lets the server end after a test that has failed.
        return self._permits.acquire(timeout=10) and self._step(connection)


async def until(world: World, met: Callable[[], Any]) -> None:
    """Wait until a condition is met. In a synchronous world it does not suspend."""
    end = time.monotonic() + 10
    while not met():
        assert time.monotonic() < end, "the condition was not met within 10 s"
        await world.sleep(0.001)


def eventually(met: Callable[[], Any]) -> None:
    """Wait until a condition is met, outside of any event loop."""
    run(lambda: until(BLOCKING, met))


def pooling(world: World, most: int | None = 1, **options: Any) -> Any:
    """Return a pool with at most so many connections."""
    limits = {"max_connections": most, "max_keepalive_connections": most}
    limits |= options.pop("limits", {})
    return world.ours.PoolingTransport(limits=world.library.Limits(**limits), **options)


def patient(world: World, transport: Any) -> Any:
    """Return a client that waits for a connection without limit."""
    return world.client(transport, timeout=world.library.Timeout(10, pool=None))


def in_total(transport: Any) -> dict[str, int]:
    """Return the statistics over all origins, without the zeros."""
    stats = transport.stats()
    names = ("active", "idle", "waiting", "opened", "reused", "retired")
    return {name: n for name in names if (n := getattr(stats, name))}


async def stream(client: Any, url: str) -> Any:
    """Send a GET. Returns the response, whose body has not been read."""
    return await client.send(client.build_request("GET", url), stream=True)


async def burst(world: World, client: Any, url: str, size: int) -> list[int]:
    """Send so many requests at once. Returns their status codes."""
    statuses: list[int] = []

    async def get() -> None:
        statuses.append((await client.get(url)).status_code)

    await world.together(*[get] * size)
    return statuses


async def is_whole(world: World, transport: Any, client: Any, server: Server) -> None:
    """Assert that no request occupies a slot, and that the next one gets a slot."""
    assert in_total(transport).keys() <= {"idle", "opened", "reused", "retired"}
    server.play(reply(204))
    assert (await client.get(server.url)).status_code == 204
    slots = state_of(transport, world).slots
    assert len(slots) == in_total(transport)["idle"] == 1


# The tests look into a pool only here.


def pool_of(transport: Any, world: World) -> Any:
    """Return the inner transport of a layer, made for the clients of a world."""
    return (transport._sync_side if world.sync else transport._async_side).made


def state_of(transport: Any, world: World) -> Any:
    """Return the state of a pool."""
    return pool_of(transport, world).pool


def leases_of(transport: Any, world: World) -> Any:
    """Return the leases of a pool."""
    return pool_of(transport, world).leases


def tracked_stream(response: Any) -> Any:
    """Return the stream in which the pool has wrapped the body of a response."""
    return response.stream._stream


def replace_body(response: Any, body: Any) -> Any:
    """Put another body into the pool's stream. Returns the one that was there."""
    tracked = tracked_stream(response)
    replaced, tracked.stream = tracked.stream, body
    return replaced


def lease_of(response: Any) -> Lease:
    """Return the lease of the connection of a response."""
    lease: Lease = tracked_stream(response)
    return lease
