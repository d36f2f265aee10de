"""Sending requests in a client process, and counting their outcomes."""

from __future__ import annotations

import asyncio
import json
import os
import threading
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from benchmarks.clients import Get

GRACE = 2.0
"""Seconds after a limit in which the event loop may still notice it."""


@dataclass
class Tally:
    """The outcomes of a case so far."""

    requests: int
    done: int = 0
    errors: Counter[str] = field(default_factory=Counter)
    cpu: float = field(default_factory=time.process_time)
    wall: float = field(default_factory=time.perf_counter)

    def result(self) -> dict[str, Any]:
        """Return the outcomes and the time until now."""
        return {
            "requests": self.requests,
            "done": self.done,
            "failed": self.errors.total(),
            "errors": dict(self.errors.most_common()),
            "cpu": time.process_time() - self.cpu,
            "wall": time.perf_counter() - self.wall,
        }

    async def one(self, get: Get, url: str) -> None:
        """Send a request, and count its outcome."""
        try:
            status = await get(url)
        except Exception as error:  # noqa: BLE001 - every error is counted
            self.errors[type(error).__name__] += 1
        else:
            if status == 200:
                self.done += 1
            else:
                self.errors[str(status)] += 1


def answer(result: dict[str, Any]) -> None:
    """Print a result as a line of JSON."""
    print(json.dumps(result), flush=True)


def answer_and_exit(tally: Tally) -> None:
    """Print the result so far, and end the process without cleaning up."""
    answer(tally.result())
    os._exit(0)


def watchdog(tally: Tally, limit: float) -> threading.Timer:
    """Start a thread that ends the process if the event loop misses the limit."""
    timer = threading.Timer(limit + GRACE, answer_and_exit, [tally])
    timer.daemon = True
    timer.start()
    return timer


async def send(
    get: Get, urls: Iterable[str], tally: Tally, *, in_flight: int, limit: float
) -> None:
    """Get all URLs, `in_flight` at a time. If the limit passes, end the process."""
    remaining = iter(urls)

    async def work() -> None:
        for url in remaining:
            await tally.one(get, url)

    timer = watchdog(tally, limit)
    _, pending = await asyncio.wait(
        [asyncio.create_task(work()) for _ in range(in_flight)], timeout=limit
    )
    timer.cancel()
    if pending:
        answer_and_exit(tally)
