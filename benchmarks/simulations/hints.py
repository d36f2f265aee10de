"""
A server that throttles: 200 clients, honest and dishonest hints.

The server accepts 100 requests a second and answers the others 429, with
`Retry-After: 1`. The clients call 40 times a second, and once all of 200 call at the
same moment: who waits as told is served. Later the hint is dishonest: for an hour, the
server says a second and serves nobody.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterator, Sequence
from typing import Any

import httpx
from rich.table import Table

from benchmarks import layout
from benchmarks.simulations import reporting
from benchmarks.simulations.budgets import BUDGETS, NONE, OURS, Client
from benchmarks.simulations.load import LATENCY, Load, answer
from benchmarks.simulations.reporting import CaseResult, Goal, at_least, at_most
from httpx_resilient.simulation._clock import SimulatedClock

CLIENTS = 200
CAPACITY = 100
RATE = 40.0
BURST_AT = 60
CALM = 120
HOUR = 3600


class Throttling(httpx.AsyncBaseTransport):
    """Accepts a number of requests a second, and says when to return."""

    def __init__(self, clock: SimulatedClock) -> None:
        self._clock = clock
        self._tokens, self._updated = float(CAPACITY), 0.0
        self.is_honest = True
        self.requests = 0

    async def handle_async_request(
        self,
        request: httpx.Request,  # noqa: ARG002 - the answer does not depend on it
    ) -> httpx.Response:
        """Answer with 200, or with 429 and a hint."""
        now = self._clock.now()
        self.requests += 1
        refilled = self._tokens + CAPACITY * (now - self._updated)
        self._tokens, self._updated = min(refilled, CAPACITY), now
        is_served = self.is_honest and self._tokens >= 1
        if is_served:
            self._tokens -= 1
        await asyncio.sleep(LATENCY)
        if is_served:
            return answer(200)
        return answer(429, {"Retry-After": "1"})


def cases(*, quick: bool) -> list[dict[str, Any]]:
    """Return the cases: every budget."""
    return [{"policy": policy, "seconds": 5 if quick else HOUR} for policy in BUDGETS]


def run(*, policy: str, seconds: int) -> dict[str, Any]:
    """Return the share of the burst that is served, and the requests of the hour."""
    with SimulatedClock(1) as clock:
        rng = random.Random(1)
        server = Throttling(clock)
        callers = [Client(policy, clock, server).call for _ in range(CLIENTS)]
        Load(clock, rng, callers, RATE, BURST_AT - 1)
        burst: list[bool] = []

        async def call(client: Any) -> None:
            burst.append(await client())

        clock.run(BURST_AT)
        for each in callers:
            clock.start(call(each))
        clock.run(CALM)
        server.is_honest = False
        before = server.requests
        load = _later(clock, rng, callers, seconds)
        clock.run()
        return {
            "served": sum(burst) / len(burst),
            "calls": load.started.total(),
            "requests": server.requests - before,
        }


def _later(
    clock: SimulatedClock, rng: random.Random, callers: Sequence[Any], seconds: int
) -> Load:
    """Begin the calls of the hour."""
    load = Load(clock, rng, callers, RATE, CALM + seconds)
    clock.run(CALM + seconds)
    return load


def tables(results: Sequence[CaseResult]) -> Iterator[Table]:
    """Lay out the served share and the requests per call."""
    table = layout.table(
        f"A server throttles {CLIENTS} clients by 429 with Retry-After: 1",
        "budget for retries",
        "served of a burst\nof twice a second's capacity",
        "requests per call in an\nhour of dishonest hints",
    )
    for each in results:
        policy = reporting.bold_if_ours(each["policy"])
        table.add_row(policy, f"{each['served']:.3f}", f"{per_call(each):.3f}")
    yield table


def goals(results: Sequence[CaseResult]) -> Iterator[Goal]:
    """Yield the goals: an honest hint is followed, a dishonest one is not for long."""
    by_policy = {each["policy"]: each for each in results}
    ours, none = by_policy.get(OURS), by_policy.get(NONE)
    if ours and none:
        yield at_least(
            "served after honest hints",
            0.99,
            ours["served"],
            f"no retries {none['served']:.2f}",
        )
        yield at_most(
            "requests per call, dishonest hints", 1.1, per_call(ours), "3 attempts 3.0"
        )


def per_call(result: CaseResult) -> float:
    """Return the requests per call in the hour of dishonest hints."""
    return float(result["requests"] / result["calls"])
