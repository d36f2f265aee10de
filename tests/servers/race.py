"""
The race at the end of an idle connection: the server closes it while a request is sent.

Each of 30 clients has one connection. It sends a request, pauses until shortly before the
server's idle timeout, sends the next, and so on, ten times. The pauses spread over the last
30 ms. Before that, it pauses once for longer than the timeout, so that a client that learns
from a connection found closed has had the opportunity.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from servers.load import Load, Outcome, Run

CLIENTS = 30
PAUSES = 10
SPREAD = 0.03
IDLE = 1
"""The idle timeout in seconds that each server is configured with."""

RACE = Load(gets=0, posts=0, work=0)


async def race(make: Callable[[], Any], url: str, closes_after: float) -> Outcome:
    """Send 300 GETs and 300 POSTs, each after a pause, through clients of their own."""
    outcome = Outcome(sent=2 * CLIENTS * PAUSES)
    await asyncio.gather(
        *(
            _pausing(make, url, closes_after, method, number, outcome)
            for method in ("GET", "POST")
            for number in range(CLIENTS)
        )
    )
    return outcome


async def _pausing(
    make: Callable[[], Any],
    url: str,
    closes_after: float,
    method: str,
    number: int,
    outcome: Outcome,
) -> None:
    async with make() as client:
        run = Run(client, url, RACE, 0, "HTTP/1.1")
        # Apart from each other, so that each sends when it means to.
        await asyncio.sleep(closes_after * number / CLIENTS)
        await run.send("GET", f"opening-{method}-{number}")
        await asyncio.sleep(closes_after + 0.3)
        await run.send("GET", f"second-{method}-{number}")
        for n in range(PAUSES):
            place = (n + number / CLIENTS) / PAUSES
            await asyncio.sleep(closes_after - SPREAD * (1 - place))
            ident = f"{number}-{n}"
            if error := await run.send(method, ident):
                outcome.failed[f"{method} {ident}"] = error
