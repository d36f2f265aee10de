"""
The client's side of the scale part: one process for each client.

    python -m benchmarks.load --client ours

reads cases from its standard input, a line of JSON each, and answers each with its
result. No case outlasts its limit: requests that are not done by then count as not
done, and the process ends, because a pool with thousands of waiting requests may take
minutes to clean up.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import itertools
import json
import os
import random
import resource
import sys
from collections import Counter
from collections.abc import Callable, Coroutine
from typing import Any

from benchmarks import memory
from benchmarks.clients import CLIENTS, Make, Settings
from benchmarks.sending import Tally, answer, answer_and_exit, send, watchdog


async def flight(
    make: Make,
    settings: Settings,
    *,
    urls: list[str],
    requests: int,
    in_flight: int,
    warm: int,
    limit: float,
) -> dict[str, Any]:
    """Send requests, after `warm` requests that do not count."""
    client = make(settings)
    if warm:
        first = itertools.islice(itertools.cycle(urls), warm)
        await send(client.get, first, Tally(warm), in_flight=warm, limit=limit)
    gc.collect()
    tally = Tally(requests)
    all_of_them = itertools.islice(itertools.cycle(urls), requests)
    await send(client.get, all_of_them, tally, in_flight=in_flight, limit=limit)
    result = tally.result()
    await client.close()
    return result


async def cancellations(
    make: Make,
    settings: Settings,
    *,
    url: str,
    slow: str,
    requests: int,
    probes: int,
    limit: float,
) -> dict[str, Any]:
    """Cancel requests at random moments, then count the slots that probes can use."""
    client, rng = make(settings), random.Random(4)
    patience = (rng.uniform(0, 0.06) for _ in range(20 * requests))
    cancelled = 0

    async def impatient() -> None:
        nonlocal cancelled
        for seconds in patience:
            if cancelled >= requests:
                return
            try:
                async with asyncio.timeout(seconds) as timer:
                    await client.get(url)
            except Exception:  # noqa: BLE001 - the probes show the damage
                cancelled += timer.expired()

    stuck = Tally(probes, errors=Counter({"stuck in cancelling": 1}))
    timer = watchdog(stuck, limit)
    tasks = [asyncio.create_task(impatient()) for _ in range(100)]
    _, pending = await asyncio.wait(tasks, timeout=limit)
    timer.cancel()
    if pending:
        answer_and_exit(stuck)
    tally = Tally(probes)
    await send(client.get, [slow] * probes, tally, in_flight=probes, limit=limit)
    result = {**tally.result(), "cancelled": cancelled}
    await client.close()
    return result


async def soak(
    make: Make,
    settings: Settings,
    *,
    base: str,
    requests: int,
    in_flight: int,
    settle: float,
    limit: float,
) -> dict[str, Any]:
    """
    Send very many requests of which 5 % fail, and measure the growth of the process.

    The comparison is between the end and the moment after the first tenth, when all
    caches are filled. Before each, idle connections beyond the limit have time to
    close.
    """
    client = make(settings)
    tally = Tally(requests)
    urls = (base + _path_of(number) for number in range(requests))

    async def settled(count: int) -> tuple[int, int]:
        some = itertools.islice(urls, count)
        await send(client.get, some, tally, in_flight=in_flight, limit=limit)
        await asyncio.sleep(settle)
        await client.get(base + "/")
        gc.collect()
        return _resident(), len(os.listdir("/proc/self/fd"))  # noqa: PTH208 - only the number of names matters

    before = await settled(requests // 10)
    after = await settled(requests)
    result = tally.result()
    await client.close()
    return {
        **result,
        "grown": after[0] - before[0],
        "descriptors": [before[1], after[1]],
    }


def _path_of(number: int) -> str:
    """Return a path: four of a hundred are first answered with 503, one is dropped."""
    place = number % 100
    if place % 20:
        return "/"
    return f"/fail/{number}" if place else f"/drop/{number}"


def _resident() -> int:
    with open("/proc/self/statm") as file:  # noqa: PTH123 - it opens no file of the disk
        return int(file.read().split()[1]) * resource.getpagesize()


CASES: dict[str, Callable[..., Coroutine[Any, Any, dict[str, Any]]]] = {
    "flight": flight,
    "cancellations": cancellations,
    "memory": memory.memory,
    "soak": soak,
}


def main() -> None:
    """Run the cases on standard input, until it is closed."""
    parser = argparse.ArgumentParser(description="Run the cases on standard input.")
    parser.add_argument("--client", choices=CLIENTS, required=True)
    make = CLIENTS[parser.parse_args().client]
    for line in sys.stdin:
        case = json.loads(line)
        run = CASES[case.pop("case")]
        settings = Settings(case.pop("connections", None), case.pop("patient", False))
        answer(asyncio.run(run(make, settings, **case)))
        gc.collect()


if __name__ == "__main__":
    main()
