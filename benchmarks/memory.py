"""The memory of a pool for an idle connection and for a waiting request."""

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
    settings: Settings,  # noqa: ARG001 - all cases have this signature
    *,
    url: str,
    slow: str,
    slower: str,
    slots: int,
    waiting: int,
) -> dict[str, Any]:
    """Return the bytes that Python allocates: for a slot, and for a waiting request."""
    tracemalloc.start()
    try:
        return {
            "slot": await _idle_slot(make, Settings(slots), slow, slots),
            "waiting": await _waiting_request(make, Settings(1), url, slower, waiting),
        }
    finally:
        tracemalloc.stop()


async def _idle_slot(make: Make, settings: Settings, slow: str, slots: int) -> float:
    """Compare one connection with many, after each has served two requests."""
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
    Compare the memory before and after requests queue for the only connection.

    This excludes the request, which the client makes, and its task, which the user
    makes. For a client without a transport they cannot be separated.
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
    queued = await _parked(client.transport.handle_async_request, requests)
    answered = blocking.done()
    blocking.cancel()
    await asyncio.gather(blocking, return_exceptions=True)
    await client.close()
    return None if answered else queued - alone


async def _parked(
    send: Callable[[Any], Coroutine[Any, Any, Any]], requests: Sequence[Any]
) -> float:
    """Return the bytes of a task that waits. The first task is not counted."""
    tasks: list[asyncio.Task[Any]] = []

    async def park(some: Sequence[Any]) -> int:
        tasks.extend(asyncio.create_task(send(one), name="parked") for one in some)
        await asyncio.sleep(0.05)
        gc.collect()
        return tracemalloc.get_traced_memory()[0]

    before = await park(requests[:1])
    grown = await park(requests[1:]) - before
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    return grown / (len(requests) - 1)
