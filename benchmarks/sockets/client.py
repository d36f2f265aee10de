"""
A client process of the sockets part, which calls at random with several clients.

Each line of standard input is a case in JSON; the process answers it with the result.
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
"""The retrying transports, with their defaults."""

ALONE, HEDGED = "no hedge", "ours"
HEDGING: dict[str, Layer] = {ALONE: lambda inner: inner, HEDGED: HedgingTransport}


async def at_random(
    rate: float, until: float, call: Callable[[], Awaitable[None]]
) -> None:
    """Call at random moments until a time, and wait for all calls."""
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
    warm: int,  # noqa: ARG001 - the result has all seconds
) -> dict[str, Any]:
    """Return the calls and the successful calls of each second, for each kind."""
    results: dict[str, Any] = {}

    async def one(kind: str, port: int) -> None:
        made = [
            httpx.AsyncClient(
                transport=RETRYING[kind](httpx.AsyncHTTPTransport(verify=False)),
                timeout=patience,
            )
            for _ in range(clients)
        ]
        started, succeeded = [0] * (seconds + 1), [0] * (seconds + 1)
        results[kind] = {"started": started, "succeeded": succeeded}

        async def call() -> None:
            second = int(time.monotonic() - begin)
            started[second] += 1
            try:
                response = await random.choice(made).get(f"http://127.0.0.1:{port}/")
            except httpx.TransportError:
                return
            succeeded[second] += response.status_code == 200

        await at_random(rate, begin + seconds, call)
        await asyncio.gather(*(client.aclose() for client in made))

    await asyncio.sleep(begin - time.monotonic())
    await asyncio.gather(*map(one, RETRYING, ports))
    return results


async def hedging(
    *, ports: list[int], rate: float, begin: float, seconds: int, warm: int
) -> dict[str, Any]:
    """Return the milliseconds of each call, with hedging and without."""
    results: dict[str, Any] = {}

    async def one(kind: str, port: int) -> None:
        # With this concurrency, a pool that uses more CPU time has a tail of its own.
        inner = PoolingTransport(verify=False)
        client = httpx.AsyncClient(transport=HEDGING[kind](inner))
        took: list[float] = []
        results[kind] = took

        async def call() -> None:
            started = time.monotonic()
            await client.get(f"http://127.0.0.1:{port}/")
            if started >= begin + warm:
                took.append(round(1000 * (time.monotonic() - started), 2))

        await at_random(rate, begin + seconds, call)
        await client.aclose()

    await asyncio.sleep(begin - time.monotonic())
    await asyncio.gather(*map(one, HEDGING, ports))
    return results


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
