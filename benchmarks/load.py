"""
The client's side of the scale part: a process for each client, which does as told.

    python -m benchmarks.load --client ours

reads cases from its standard input, a line of JSON each, and answers with what came of
them. No case outlasts its limit: what is not done by then is told as not done, and the
process ends: a pool with thousands of waiting requests may take minutes to undo.
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
import threading
import time
from collections import Counter
from collections.abc import Callable, Coroutine, Iterable
from dataclasses import dataclass, field
from typing import Any

from benchmarks import held
from benchmarks.clients import CLIENTS, Get, Make, Settings

GRACE = 2.0
"""Seconds after a limit in which the event loop may still notice it."""


@dataclass
class Tally:
    """What came of a case so far."""

    asked: int
    done: int = 0
    errors: Counter[str] = field(default_factory=Counter)
    cpu: float = field(default_factory=time.process_time)
    wall: float = field(default_factory=time.perf_counter)

    def told(self) -> dict[str, Any]:
        """Tell it, as of now."""
        return {
            "asked": self.asked,
            "done": self.done,
            "failed": self.errors.total(),
            "errors": dict(self.errors.most_common()),
            "cpu": time.process_time() - self.cpu,
            "wall": time.perf_counter() - self.wall,
        }

    async def one(self, get: Get, url: str) -> None:
        """Send a request, and count what became of it."""
        try:
            status = await get(url)
        except Exception as error:  # noqa: BLE001 - to be counted, whatever it is
            self.errors[type(error).__name__] += 1
        else:
            if status == 200:
                self.done += 1
            else:
                self.errors[str(status)] += 1


def tell(told: dict[str, Any]) -> None:
    """Answer with a line."""
    print(json.dumps(told), flush=True)


def tell_and_end(tally: Tally) -> None:
    """Answer with what there is, and leave the rest."""
    tell(tally.told())
    os._exit(0)


async def send(
    get: Get, urls: Iterable[str], tally: Tally, *, in_flight: int, limit: float
) -> None:
    """Get all addresses, so many at a time. If that takes too long, end the process."""
    remaining = iter(urls)

    async def work() -> None:
        for url in remaining:
            await tally.one(get, url)

    watchdog = threading.Timer(limit + GRACE, tell_and_end, [tally])
    watchdog.daemon = True
    watchdog.start()
    _, pending = await asyncio.wait(
        [asyncio.create_task(work()) for _ in range(in_flight)], timeout=limit
    )
    watchdog.cancel()
    if pending:
        tell_and_end(tally)


async def flight(
    make: Make,
    settings: Settings,
    *,
    urls: list[str],
    asked: int,
    in_flight: int,
    warm: int,
    limit: float,
) -> dict[str, Any]:
    """Send requests, after some to warm up that do not count."""
    client = make(settings)
    if warm:
        first = itertools.islice(itertools.cycle(urls), warm)
        await send(client.get, first, Tally(warm), in_flight=warm, limit=limit)
    gc.collect()
    tally = Tally(asked)
    all_of_them = itertools.islice(itertools.cycle(urls), asked)
    await send(client.get, all_of_them, tally, in_flight=in_flight, limit=limit)
    told = tally.told()
    await client.close()
    return told


async def cancellations(
    make: Make,
    settings: Settings,
    *,
    url: str,
    slow: str,
    asked: int,
    probes: int,
    limit: float,
) -> dict[str, Any]:
    """Cancel requests at any moment of their lives, then see what is left."""
    client, rolled = make(settings), random.Random(4)
    patience = (rolled.uniform(0, 0.06) for _ in range(20 * asked))
    cancelled = 0

    async def impatient() -> None:
        nonlocal cancelled
        for seconds in patience:
            if cancelled >= asked:
                return
            try:
                async with asyncio.timeout(seconds) as timer:
                    await client.get(url)
            except Exception:  # noqa: BLE001 - the probes will tell
                cancelled += timer.expired()

    stuck = Tally(probes, errors=Counter({"stuck in cancelling": 1}))
    watchdog = threading.Timer(limit + GRACE, tell_and_end, [stuck])
    watchdog.daemon = True
    watchdog.start()
    tasks = [asyncio.create_task(impatient()) for _ in range(100)]
    _, pending = await asyncio.wait(tasks, timeout=limit)
    watchdog.cancel()
    if pending:
        tell_and_end(stuck)
    tally = Tally(probes)
    await send(client.get, [slow] * probes, tally, in_flight=probes, limit=limit)
    told = {**tally.told(), "cancelled": cancelled}
    await client.close()
    return told


async def soak(
    make: Make,
    settings: Settings,
    *,
    base: str,
    asked: int,
    in_flight: int,
    settle: float,
    limit: float,
) -> dict[str, Any]:
    """
    Send very many requests of which 5 % fail, and see what the process keeps.

    Compared are the moments after the first tenth, when all caches are filled, and at
    the end, each when idle connections beyond those to be kept had time to be closed.
    """
    client = make(settings)
    tally = Tally(asked)
    paths = (base + _path_of(number) for number in range(asked))

    async def settled(count: int) -> tuple[int, int]:
        some = itertools.islice(paths, count)
        await send(client.get, some, tally, in_flight=in_flight, limit=limit)
        await asyncio.sleep(settle)
        await client.get(base + "/")
        gc.collect()
        return _resident(), len(os.listdir("/proc/self/fd"))  # noqa: PTH208 - it is one of them

    before = await settled(asked // 10)
    after = await settled(asked)
    told = tally.told()
    await client.close()
    return {
        **told,
        "grown": after[0] - before[0],
        "descriptors": [before[1], after[1]],
    }


def _path_of(number: int) -> str:
    """Of a hundred, four are answered with 503 at first, and one with nothing."""
    place = number % 100
    if place % 20:
        return "/"
    return f"/fail/{number}" if place else f"/drop/{number}"


def _resident() -> int:
    with open("/proc/self/statm") as file:  # noqa: PTH123 - it is no file, really
        return int(file.read().split()[1]) * resource.getpagesize()


CASES: dict[str, Callable[..., Coroutine[Any, Any, dict[str, Any]]]] = {
    "flight": flight,
    "cancellations": cancellations,
    "memory": held.memory,
    "soak": soak,
}


def main() -> None:
    """Run the cases on standard input, until it is closed."""
    parser = argparse.ArgumentParser(description="Send what standard input asks for.")
    parser.add_argument("--client", choices=CLIENTS, required=True)
    make = CLIENTS[parser.parse_args().client]
    for line in sys.stdin:
        case = json.loads(line)
        run = CASES[case.pop("case")]
        settings = Settings(case.pop("connections", None), case.pop("patient", False))
        tell(asyncio.run(run(make, settings, **case)))
        gc.collect()


if __name__ == "__main__":
    main()
