"""
Hedging: one answer in a hundred takes 100 to 400 ms longer at random.

The others take about 5 ms, lognormally distributed. The case is that of "The Tail at
Scale" (Dean and Barroso, CACM 2013), with other parameters. Later all answers become
slow: a hedge after a fixed delay then sends every request twice, at the worst time.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterator, Sequence
from statistics import median
from typing import Any

import httpx
from rich.table import Table

from benchmarks import layout
from benchmarks.simulations import reporting
from benchmarks.simulations.load import answer
from benchmarks.simulations.reporting import CaseResult, Goal, at_most, beside
from httpx_resilient import HedgePolicy, HedgingTransport
from httpx_resilient.simulation._clock import SimulatedClock

RATE = 100.0
FAN = 100
"""Requests of one fan-out."""

QUANTILES = (50, 90, 95, 99, 99.5, 99.9, 99.95)

SLOWER = 20
CALM = 6000
"""Calls before all answers get slower, and after it."""

NONE = "no hedge"
OURS = "p95 (ours)"
FIXED = "10 ms, no budget"
POLICIES: dict[str, dict[str, Any]] = {
    NONE: {},
    OURS: {},
    "p90": {"quantile": 0.9, "extra": 0.1},
    "p99": {"quantile": 0.99, "extra": 0.01},
    FIXED: {"delay": 0.01, "extra": 1.0},
    "10 ms": {"delay": 0.01},
}

PUBLISHED = {
    NONE: ("107", "375", "187", "0 %"),
    OURS: ("13.0", "17.2", "13.7", "5.1 %"),
    "p90": ("12.1", "15.7", None, "10 %"),
    "p99": ("16.0", "115", None, "1.0 %"),
}
"""
Figures without a budget and with a known quantile: p99, p99.9, 100 together, extra.
"""


class Leaf(httpx.AsyncBaseTransport):
    """A server that is fast, except for one answer in a hundred."""

    def __init__(self, clock: SimulatedClock, rng: random.Random) -> None:
        self._clock = clock
        self._rng = rng
        self.slower = 1
        self.requests = 0

    async def handle_async_request(
        self,
        request: httpx.Request,  # noqa: ARG002 - the answer does not depend on it
    ) -> httpx.Response:
        """Answer after a random time."""
        self.requests += 1
        rng = self._rng
        seconds = rng.lognormvariate(1.6, 0.35) / 1000
        if rng.random() < 0.01:
            seconds += rng.uniform(0.1, 0.4)
        await asyncio.sleep(self.slower * seconds)
        return answer(200)


def cases(*, quick: bool) -> list[dict[str, Any]]:
    """Return the cases: every policy, with normal and with slow answers."""
    few, many = (500, 2000) if quick else (CALM, 200_000)
    return [
        {"policy": policy, "slow": slow, "calls": few if slow else many}
        for slow in (False, True)
        for policy in POLICIES
    ]


def run(*, policy: str, slow: bool, calls: int) -> dict[str, Any]:
    """Return the latencies in ms, and the requests per call."""
    with SimulatedClock(1) as clock:
        rng = random.Random(1)
        leaf = Leaf(clock, random.Random(2))
        transport: httpx.AsyncBaseTransport = leaf
        if policy != NONE:
            transport = HedgingTransport(leaf, HedgePolicy(**POLICIES[policy]))
        request = httpx.Request("GET", "http://localhost/")
        took: list[float] = []

        async def call() -> None:
            started = clock.now()
            await transport.handle_async_request(request)
            took.append(1000 * (clock.now() - started))

        def several(number: int) -> None:
            if number:
                clock.start(call())
                clock.at(clock.now() + rng.expovariate(RATE), several, number - 1)

        if slow:
            several(calls)
            clock.run()
            took.clear()
            leaf.slower, leaf.requests = SLOWER, 0
        several(calls)
        clock.run()
        together = [max(took[at : at + FAN]) for at in range(0, calls - FAN + 1, FAN)]
        ordered = sorted(took)
        return {
            "ms": {
                quantile: ordered[int(calls * quantile / 100)] for quantile in QUANTILES
            },
            "together": median(together),
            "requests": leaf.requests / calls,
        }


def tables(results: Sequence[CaseResult]) -> Iterator[Table]:
    """Lay out the latencies and the requests."""
    table = layout.table(
        "Hedging, 1 % of answers 100 to 400 ms late: ms",
        "delay",
        "p50",
        "p99",
        "p99.9",
        "median of\n100 together",
        "extra\nrequests",
        "extra when all\nare 20 x slower",
    )
    for policy in POLICIES:
        calm, slow = _of(results, policy)
        p99, p999, together, extra = PUBLISHED.get(policy, (None,) * 4)
        table.add_row(
            reporting.bold_if_ours(policy),
            f"{calm['ms'][50]:.1f}",
            beside(f"{calm['ms'][99]:.1f}", p99),
            beside(f"{calm['ms'][99.9]:.1f}", p999),
            beside(f"{calm['together']:.1f}", together),
            beside(f"{_extra(calm):.1f} %", extra),
            f"{_extra(slow):.1f} %",
        )
    yield table


def goals(results: Sequence[CaseResult]) -> Iterator[Goal]:
    """Yield the goals: a short tail for few extra requests, even if all are slow."""
    calm, slow = _of(results, OURS)
    none, _ = _of(results, NONE)
    _, fixed = _of(results, FIXED)
    yield at_most(
        "hedging: p99.9 in ms",
        18,
        calm["ms"][99.9],
        f"no hedge {none['ms'][99.9]:.0f}, p95 17.2",
        digits=1,
    )
    yield at_most("hedging: % extra requests", 5.5, _extra(calm), "5.1", digits=1)
    yield at_most(
        "hedging: % extra when all are slow",
        5.5,
        _extra(slow),
        f"without a budget {_extra(fixed):.0f}",
        digits=1,
    )


def _of(results: Sequence[CaseResult], policy: str) -> tuple[CaseResult, CaseResult]:
    """Return the results of a policy with normal and with slow answers."""
    calm, slow = (each for each in results if each["policy"] == policy)
    return calm, slow


def _extra(result: CaseResult) -> float:
    return float(100 * (result["requests"] - 1))
