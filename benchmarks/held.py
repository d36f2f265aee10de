"""The memory that a pool holds for an idle connection, and for a waiting request."""

from __future__ import annotations

import asyncio
import gc
import tracemalloc
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

import httpx

from benchmarks.clients import Make, Settings


async def memory(
    make: Make,
    settings: Settings,  # noqa: ARG001 - it makes its own
    *,
    url: str,
    slow: str,
    slower: str,
    slots: int,
    waiting: int,
) -> dict[str, Any]:
    """Tell bytes that Python allocated: for a slot, and for a waiting request."""
    tracemalloc.start()
    try:
        return {
            "slot": await _idle_slot(make, Settings(slots), slow, slots),
            "waiting": await _waiting_request(make, Settings(1), url, slower, waiting),
        }
    finally:
        tracemalloc.stop()


async def _idle_slot(make: Make, settings: Settings, slow: str, slots: int) -> float:
    """Compare one connection to many, after each has had two requests."""
    client = make(settings)

    async def used(at_once: int) -> int:
        for _ in range(2):
            await asyncio.gather(*(client.get(slow) for _ in range(at_once)))
        gc.collect()
        return tracemalloc.get_traced_memory()[0]

    one = await used(1)
    many = await used(slots)
    await client.close()
    return (many - one) / (slots - 1)


async def _waiting_request(
    make: Make, settings: Settings, url: str, slow: str, waiting: int
) -> float | None:
    """
    Compare before and after requests are sent while the only connection is used.

    Neither the request is counted, which is the client's, nor its task, which is a
    user's. A client without a transport has no way to tell them apart.
    """
    client = make(settings)
    if client.transport is None:
        await client.close()
        return None
    extensions = {"timeout": httpx.Timeout(5.0).as_dict()}
    requests = [
        client.family.Request("GET", url, extensions=dict(extensions))
        for _ in range(waiting)
    ]
    blocking = asyncio.ensure_future(client.get(slow))
    await asyncio.sleep(0.1)
    forever = asyncio.get_running_loop().create_future()

    async def task_alone(_: Any) -> None:
        await forever

    alone = await _parked(task_alone, requests)
    held = await _parked(client.transport.handle_async_request, requests)
    answered = blocking.done()
    blocking.cancel()
    await asyncio.gather(blocking, return_exceptions=True)
    await client.close()
    return None if answered else held - alone


async def _parked(
    send: Callable[[Any], Coroutine[Any, Any, Any]], requests: Sequence[Any]
) -> float:
    """Tell the bytes of a task that waits, the first one not counted."""
    tasks: list[asyncio.Task[Any]] = []

    async def park(some: Sequence[Any]) -> int:
        tasks.extend(asyncio.create_task(send(one), name="parked") for one in some)
        await asyncio.sleep(0.05)
        gc.collect()
        return tracemalloc.get_traced_memory()[0]

    before = await park(requests[:1])
    held = await park(requests[1:]) - before
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    return held / (len(requests) - 1)
