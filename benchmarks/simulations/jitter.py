"""
Backoff and jitter: many clients write the same record at once.

The model is that of "Exponential Backoff And Jitter" (Brooker, AWS Architecture Blog,
2015) and of its simulator: a write reads the version of the record, and succeeds if no
other client has written since. Every message takes N(10, 2) ms; waits begin at 5 ms x 2
and end at 2 s. One attempt is the read and the write, and 409 is the answer to a
conflict.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterator, Sequence
from statistics import mean
from typing import Any

import httpx
import tenacity
from rich.table import Table

from benchmarks import layout
from benchmarks.simulations import reporting
from benchmarks.simulations.load import answer
from benchmarks.simulations.reporting import CaseResult, Goal, at_most, beside
from httpx_resilient import RetryingTransport, RetryState, retry_if_status
from httpx_resilient.simulation._clock import SimulatedClock

BASE = 0.005
CAP = 2.0
FIRST = 2 * BASE
"""The first wait: the simulator counts the first failure as 1, tenacity as 0."""

LEVELS = (50, 100, 190)
CLAIMED = 100
"""The number of clients for which jitter is said to save over half of the calls."""

exponential = tenacity.wait_exponential(multiplier=FIRST, max=CAP)


def equal(state: RetryState) -> float:
    """Wait for half of the backoff, and a random part of the other half."""
    half = exponential(state) / 2
    return half + random.uniform(0, half)


def decorrelated(state: RetryState) -> float:
    """Wait for a random time, up to three times the wait before."""
    return min(CAP, random.uniform(BASE, 3 * (state.upcoming_sleep or BASE)))


OURS = "full (ours)"
WAITS: dict[str, Any] = {
    "none": tenacity.wait_none(),
    "exponential": exponential,
    "equal": equal,
    "decorrelated": decorrelated,
    OURS: tenacity.wait_random_exponential(multiplier=FIRST, max=CAP),
}

PUBLISHED = {
    "none": ("1,134 / 686", "2,019 / 2,420", "3,539 / 8,017"),
    "exponential": ("36,722 / 625", "62,220 / 1,834", "100,098 / 5,155"),
    "equal": ("4,136 / 346", "6,734 / 813", "9,395 / 1,760"),
    "decorrelated": ("2,147 / 374", "4,370 / 994", "8,117 / 2,451"),
    OURS: ("2,946 / 332", "5,005 / 795", "7,629 / 1,773"),
}
"""Figures of the published simulator, mean of 30 runs."""


class Record(httpx.AsyncBaseTransport):
    """A record. A write succeeds if it has read the latest version."""

    def __init__(self, clock: SimulatedClock, rng: random.Random) -> None:
        self._clock = clock
        self._rng = rng
        self._version = 0
        self.calls = 0

    async def handle_async_request(
        self,
        request: httpx.Request,  # noqa: ARG002 - the answer does not depend on it
    ) -> httpx.Response:
        """Read the version, then write."""
        await self._message()
        seen = self._version
        await self._message()
        await self._message()
        self.calls += 1
        status = 200 if seen == self._version else 409
        self._version += status == 200
        await self._message()
        return answer(status)

    async def _message(self) -> None:
        await asyncio.sleep(abs(self._rng.normalvariate(0.010, 0.002)))


def cases(*, quick: bool) -> list[dict[str, Any]]:
    """Return the cases: every wait with every number of clients."""
    return [
        {"wait": wait, "clients": clients, "seed": seed}
        for seed in range(1 if quick else 10)
        for clients in (LEVELS[:1] if quick else LEVELS)
        for wait in WAITS
    ]


def run(*, wait: str, clients: int, seed: int) -> dict[str, Any]:
    """Let all clients write; return the seconds and the calls until all have."""
    with SimulatedClock(seed) as clock:
        record = Record(clock, random.Random(seed))
        transport = RetryingTransport(
            record,
            retry=retry_if_status(409),
            wait=WAITS[wait],
            stop=tenacity.stop_never,
            budget=False,
        )
        request = httpx.Request("PUT", "http://localhost/record")
        for _ in range(clients):
            clock.start(transport.handle_async_request(request))
        clock.run()
        return {"seconds": clock.now(), "calls": record.calls}


def tables(results: Sequence[CaseResult]) -> Iterator[Table]:
    """Lay out the time and the calls."""
    table = layout.table(
        "Writes of one record: ms until all succeed / calls",
        "jitter",
        *(f"{clients} clients" for clients in LEVELS),
    )
    for wait, published in PUBLISHED.items():
        cells = []
        for clients, reference in zip(LEVELS, published, strict=True):
            seconds, calls = (
                _mean(results, of, wait, clients) for of in ("seconds", "calls")
            )
            shown = f"{1000 * seconds:,.0f} / {calls:,.0f}" if calls else "not run"
            cells.append(beside(shown, reference))
        table.add_row(reporting.bold_if_ours(wait), *cells)
    yield table


def goals(results: Sequence[CaseResult]) -> Iterator[Goal]:
    """Yield the goals: full jitter halves the calls, and needs the fewest."""
    for clients in LEVELS:
        calls = {wait: _mean(results, "calls", wait, clients) for wait in WAITS}
        if not calls[OURS]:
            continue
        if clients == CLAIMED:
            ratio = calls[OURS] / calls["exponential"]
            figure = f"calls of {clients} clients / without jitter"
            yield at_most(figure, 0.5, ratio, "less than half")
        ratio = calls[OURS] / min(calls.values())
        yield at_most(
            f"calls of {clients} clients / fewest of all", 1.05, ratio, "1.00"
        )


def _mean(results: Sequence[CaseResult], of: str, wait: str, clients: int) -> float:
    found = [
        each[of]
        for each in results
        if each["wait"] == wait and each["clients"] == clients
    ]
    return mean(found) if found else 0.0
