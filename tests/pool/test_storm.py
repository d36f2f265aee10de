"""A storm of cancellations, interruptions and closes: nothing is left of any request."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import random
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import anyio
import anyio.lowlevel
import pytest
from support.gates import burst, in_total, patient, pooling, state_of, stream, until
from support.interruptions import Interrupter, Interruption
from support.server import Server, Step, close, drip, head, reply, reset
from support.world import World, in_async

pytestmark = [
    pytest.mark.anyio,
    # A response that its reader never got is lost, as it should be.
    pytest.mark.filterwarnings("ignore:a response was neither read nor closed"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

FATES: list[Step] = [
    *[reply(200, b"x" * 100)] * 3,
    drip(200, [b"x"] * 3, every=0.001),
    close(),
    close(head(200, {"content-length": "9"}) + b"half"),
    reset(head(200, {"content-length": "9"})),
]
ROUNDS, AT_ONCE = 10, 35


@pytest.fixture
def chance() -> random.Random:
    seed = random.randrange(10**6)
    print(f"seed {seed}")
    return random.Random(seed)


@pytest.fixture
def descriptors() -> Iterator[Any]:
    """Returns the number of descriptors, where the system tells it."""
    place = Path("/proc/self/fd")
    return (lambda: len(list(place.iterdir()))) if place.exists() else (lambda: 0)


def scripted(server: Server, chance: random.Random) -> None:
    fates = [chance.choice(FATES) for _ in range(2 * ROUNDS * AT_ONCE)]
    server.play(*fates, reply(200, b"ok"))


async def nothing_is_left(
    world: World, transport: Any, client: Any, server: Server
) -> None:
    """Assert that all connections can be had, and that a close leaves none open."""
    server.play(reply(200, b"ok"))
    gc.collect()
    with anyio.fail_after(20):
        assert await burst(world, client, server.url, 20) == [200] * 20
        responses = [await stream(client, server.url) for _ in range(5)]
    for each in responses:
        await world.read(each)
    stats = in_total(transport)
    assert stats.keys() <= {"idle", "opened", "reused", "retired"}
    assert len(state_of(transport, world).slots) == stats["idle"] == 5
    await client.aclose()
    await until(world, lambda: not server.open_connections)


@in_async
async def test_a_storm_of_cancellations_and_closes_leaves_nothing(
    world: World, server: Server, chance: random.Random, descriptors: Any
) -> None:
    transport = pooling(world, 5)
    client = patient(world, transport)
    await nothing_is_left(world, transport, client, server)
    client = patient(world, transport)
    before = (descriptors(), threading.active_count(), tasks())
    scripted(server, chance)

    async def use() -> None:
        with anyio.move_on_after(chance.choice([0, 0.001, 0.01, 0.05])):
            with contextlib.suppress(world.library.TransportError):
                response = await stream(client, server.url)
                if chance.random() < 0.5:
                    await response.aread()
                elif chance.random() < 0.8:
                    await response.aclose()

    async def shut() -> None:
        await anyio.sleep(chance.random() / 50)
        if chance.random() < 0.3:
            await transport.aclose()

    for _ in range(ROUNDS):
        await world.together(*[use] * AT_ONCE, shut)
    await nothing_is_left(world, transport, client, server)
    await until(world, lambda: tasks() <= before[2])
    await until(world, lambda: threading.active_count() <= before[1])
    await until(world, lambda: descriptors() <= before[0])


def tasks() -> int:
    """Return the number of tasks in the running event loop."""
    try:
        return len(asyncio.all_tasks())
    except RuntimeError:
        import trio

        return trio.lowlevel.current_statistics().tasks_living


@pytest.mark.parametrize("runtime", ["sync"])
async def test_a_storm_of_interruptions_and_closes_beside_threads_leaves_nothing(
    world: World, server: Server, chance: random.Random, descriptors: Any
) -> None:
    """Signals interrupt the main thread. The others only see what that leaves."""
    transport = pooling(world, 5)
    client = patient(world, transport)
    await nothing_is_left(world, transport, client, server)
    client = patient(world, transport)
    before = (descriptors(), threading.active_count())
    scripted(server, chance)
    ended = threading.Event()

    def use() -> None:
        while not ended.is_set():
            with contextlib.suppress(world.library.TransportError):
                transport_client.get(server.url)
            if chance.random() < 0.02:
                transport.close()

    transport_client = world.library.Client(transport=transport, timeout=10)
    threads = [threading.Thread(target=use) for _ in range(6)]
    for each in threads:
        each.start()
    for _ in range(ROUNDS * AT_ONCE):
        with contextlib.suppress(world.library.TransportError, Interruption):
            with Interrupter(chance.randrange(2500)):
                transport_client.get(server.url)
    ended.set()
    for each in threads:
        each.join(30)
    assert not any(each.is_alive() for each in threads)
    await nothing_is_left(world, transport, client, server)
    await until(world, lambda: threading.active_count() <= before[1])
    await until(world, lambda: descriptors() <= before[0])
