"""
Hedging: one answer in a hundred takes 100 to 400 ms more, for no reason.

All others take about 5 ms, lognormally. The case is that of "The Tail at Scale" (Dean
and Barroso, CACM 2013), the parameters are not. And then all of them become slow:
hedges that are sent after a fixed time send everything twice, just when it hurts.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from statistics import median
from typing import Any

import httpx
from rich.table import Table

from benchmarks import layout
from benchmarks.simulations import telling
from benchmarks.simulations.clock import Clock
from benchmarks.simulations.simulated import NOWHERE, Send, SimulatedIO, answer, nested
from benchmarks.simulations.telling import Goal, Told, at_most, beside
from httpx_resilient import HedgePolicy, HedgingTransport

RATE = 100.0
FAN = 100
"""Leaves that are asked together."""

QUANTILES = (50, 90, 95, 99, 99.5, 99.9, 99.95)

SLOWER = 20
CALM = 6000
"""Calls until all of them get slower, and then as many again."""

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
"""Without a budget, with the quantile known: p99, p99.9, all of 100, extra requests."""


class Leaf:
    """A server that is quick, but for one answer in a hundred."""

    def __init__(self, clock: Clock, rolled: random.Random) -> None:
        self._clock = clock
        self._rolled = rolled
        self.slower = 1
        self.asked = 0

    async def send(self, request: httpx.Request) -> httpx.Response:  # noqa: ARG002 - all are alike
        """Answer."""
        self.asked += 1
        rolled = self._rolled
        seconds = rolled.lognormvariate(1.6, 0.35) / 1000
        if rolled.random() < 0.01:
            seconds += rolled.uniform(0.1, 0.4)
        await self._clock.sleep(self.slower * seconds)
        return answer(200)


def cases(*, quick: bool) -> list[dict[str, Any]]:
    """Every policy, while all is well and when it is not."""
    few, many = (500, 2000) if quick else (CALM, 200_000)
    return [
        {"policy": policy, "slow": slow, "calls": few if slow else many}
        for slow in (False, True)
        for policy in POLICIES
    ]


def run(*, policy: str, slow: bool, calls: int) -> dict[str, Any]:
    """Tell latencies in ms, and how many requests there were for each call."""
    random.seed(1)
    clock, rolled = Clock(), random.Random(1)
    leaf = Leaf(clock, random.Random(2))
    send: Send = leaf.send
    if policy != NONE:
        transport = HedgingTransport(NOWHERE, HedgePolicy(**POLICIES[policy]))
        send = nested(transport, SimulatedIO(clock, leaf.send))
    request = httpx.Request("GET", "http://localhost/")
    took: list[float] = []

    async def call() -> None:
        began = clock.now()
        await send(request)
        took.append(1000 * (clock.now() - began))

    def several(number: int) -> None:
        if number:
            clock.start(call())
            clock.at(clock.now() + rolled.expovariate(RATE), several, number - 1)

    if slow:
        several(calls)
        clock.run()
        took.clear()
        leaf.slower, leaf.asked = SLOWER, 0
    several(calls)
    clock.run()
    together = [max(took[at : at + FAN]) for at in range(0, calls - FAN + 1, FAN)]
    ordered = sorted(took)
    return {
        "ms": {
            quantile: ordered[int(calls * quantile / 100)] for quantile in QUANTILES
        },
        "together": median(together),
        "requests": leaf.asked / calls,
    }


def tables(tolds: Sequence[Told]) -> Iterator[Table]:
    """Lay out latencies and requests."""
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
        told, slow = _told(tolds, policy)
        p99, p999, together, extra = PUBLISHED.get(policy, (None,) * 4)
        table.add_row(
            telling.origin_name(policy),
            f"{told['ms'][50]:.1f}",
            beside(f"{told['ms'][99]:.1f}", p99),
            beside(f"{told['ms'][99.9]:.1f}", p999),
            beside(f"{told['together']:.1f}", together),
            beside(f"{_extra(told):.1f} %", extra),
            f"{_extra(slow):.1f} %",
        )
    yield table


def goals(tolds: Sequence[Told]) -> Iterator[Goal]:
    """The tail is cut off, for a few requests more, whatever happens."""
    told, slow = _told(tolds, OURS)
    none, _ = _told(tolds, NONE)
    _, fixed = _told(tolds, FIXED)
    yield at_most(
        "hedging: p99.9 in ms",
        18,
        told["ms"][99.9],
        f"no hedge {none['ms'][99.9]:.0f}, p95 17.2",
        digits=1,
    )
    yield at_most("hedging: % of requests more", 5.5, _extra(told), "5.1", digits=1)
    yield at_most(
        "hedging: % more when all are slow",
        5.5,
        _extra(slow),
        f"without a budget {_extra(fixed):.0f}",
        digits=1,
    )


def _told(tolds: Sequence[Told], policy: str) -> tuple[Told, Told]:
    """What there was of it while all was well, and when it was not."""
    calm, slow = (told for told in tolds if told["policy"] == policy)
    return calm, slow


def _extra(told: Told) -> float:
    return float(100 * (told["requests"] - 1))
