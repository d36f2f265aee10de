"""
A client process of the sockets part. It calls, at random, with several clients.

Each line of standard input is a case in JSON, and is answered with what came of it.
"""

from __future__ import annotations

import asyncio
import json
import random
import sys
import time
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

import httpx
from httpx_retries import RetryTransport

from httpx_resilient import HedgingTransport, PoolingTransport, RetryingTransport

NONE = "no retries"
UNLIMITED = "3 attempts"
RIVAL = "httpx-retries"
OURS = "ours"

Layer = Callable[[httpx.AsyncBaseTransport], httpx.AsyncBaseTransport]

RETRYING: dict[str, Layer] = {
    NONE: lambda inner: inner,
    UNLIMITED: lambda inner: RetryingTransport(inner, budget=False),
    RIVAL: lambda inner: RetryTransport(transport=inner),
    OURS: RetryingTransport,
}
"""As they come."""

ALONE, HEDGED = "no hedge", "ours"
HEDGING: dict[str, Layer] = {ALONE: lambda inner: inner, HEDGED: HedgingTransport}


async def at_random(
    rate: float, until: float, call: Callable[[], Awaitable[None]]
) -> None:
    """Call so often a second, until a moment, and wait for all that comes of it."""
    calls: set[asyncio.Task[None]] = set()
    due = time.monotonic()
    while due < until:
        await asyncio.sleep(due - time.monotonic())
        task = asyncio.ensure_future(call())
        calls.add(task)
        task.add_done_callback(calls.discard)
        due += random.expovariate(rate)
    if calls:
        await asyncio.wait(calls)


async def overload(
    *,
    ports: list[int],
    clients: int,
    rate: float,
    patience: float,
    begin: float,
    seconds: int,
    warm: int,  # noqa: ARG001 - all seconds are told
) -> dict[str, Any]:
    """Tell the calls of each second, and which of them went well, of each kind."""
    told: dict[str, Any] = {}

    async def one(kind: str, port: int) -> None:
        made = [
            httpx.AsyncClient(
                transport=RETRYING[kind](httpx.AsyncHTTPTransport(verify=False)),
                timeout=patience,
            )
            for _ in range(clients)
        ]
        began, well = [0] * (seconds + 1), [0] * (seconds + 1)
        told[kind] = {"began": began, "well": well}

        async def call() -> None:
            second = int(time.monotonic() - begin)
            began[second] += 1
            try:
                response = await random.choice(made).get(f"http://127.0.0.1:{port}/")
            except httpx.TransportError:
                return
            well[second] += response.status_code == 200

        await at_random(rate, begin + seconds, call)
        await asyncio.gather(*(client.aclose() for client in made))

    await asyncio.sleep(begin - time.monotonic())
    await asyncio.gather(*map(one, RETRYING, ports))
    return told


async def hedging(
    *, ports: list[int], rate: float, begin: float, seconds: int, warm: int
) -> dict[str, Any]:
    """Tell the milliseconds that each call took, with hedging and without."""
    told: dict[str, Any] = {}

    async def one(kind: str, port: int) -> None:
        # A pool that costs more has a tail of its own, with so many at a time.
        inner = PoolingTransport(verify=False)
        client = httpx.AsyncClient(transport=HEDGING[kind](inner))
        took: list[float] = []
        told[kind] = took

        async def call() -> None:
            began = time.monotonic()
            await client.get(f"http://127.0.0.1:{port}/")
            if began >= begin + warm:
                took.append(round(1000 * (time.monotonic() - began), 2))

        await at_random(rate, begin + seconds, call)
        await client.aclose()

    await asyncio.sleep(begin - time.monotonic())
    await asyncio.gather(*map(one, HEDGING, ports))
    return told


CASES: dict[str, Callable[..., Coroutine[Any, Any, Any]]] = {
    "overload": overload,
    "hedging": hedging,
}


def main() -> None:
    """Run the cases on standard input, until it is closed."""
    print(json.dumps("ready"), flush=True)
    for line in sys.stdin:
        case = json.loads(line)
        run = CASES[case.pop("case")]
        print(json.dumps(asyncio.run(run(**case))), flush=True)


if __name__ == "__main__":
    main()
