"""
Metastable overload: a server stands still for ten seconds, its clients keep calling.

The server handles 100 requests a second in order of arrival, and receives 80. Clients
time out after a second; the server does not notice, and still works on abandoned
requests. After ten seconds its queue is so long that all calls time out for a while.
Each retry lengthens the queue, and with enough retries it never shrinks (Bronson et
al., "Metastable Failures in Distributed Systems", HotOS 2021).
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterator, Sequence
from statistics import mean
from typing import Any

import httpx
from rich.table import Table

from benchmarks import layout
from benchmarks.simulations import reporting
from benchmarks.simulations.budgets import (
    AWS_2026,
    BUDGETS,
    FINAGLE,
    GRPC_A6,
    NONE,
    OURS,
    UNLIMITED,
    Client,
)
from benchmarks.simulations.load import Load, answer
from benchmarks.simulations.reporting import CaseResult, Goal, at_most, beside
from httpx_resilient.simulation._clock import SimulatedClock

RATE = 100.0
RATIO = 0.8
FROZEN = (60.0, 70.0)
TIMEOUT = 1.0
HORIZON = 180
WINDOW = 10
ENOUGH = 5
"""Seconds after which a call has ended in any case."""

LEVELS = (5, 50, 200)

PUBLISHED = {
    NONE: ("36 32 41", "40 30 37", "40 30 37"),
    UNLIMITED: ("never", "never", "never"),
    FINAGLE: ("never", "never", "never"),
    AWS_2026: ("44 43 46", "128 122 124", "never"),
    GRPC_A6: ("37 34 41", "49 42 50", "78 68 77"),
}
"""Figures of the published algorithms, measured in a model with backoffs of 50 ms."""


class Queue(httpx.AsyncBaseTransport):
    """A server that handles one request at a time, with an unbounded queue."""

    def __init__(self, clock: SimulatedClock) -> None:
        self._clock = clock
        self._free = 0.0

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Answer when the queue has reached the request, or time out before."""
        now = self._clock.now()
        begins = max(now, self._free)
        if FROZEN[0] <= begins < FROZEN[1]:
            begins = FROZEN[1]
        self._free = begins + 1 / RATE
        if self._free - now > TIMEOUT:
            await asyncio.sleep(TIMEOUT)
            msg = "timed out"
            raise httpx.ReadTimeout(msg, request=request)
        await asyncio.sleep(self._free - now)
        return answer(200)


def cases(*, quick: bool) -> list[dict[str, Any]]:
    """Return the cases: every budget with every number of clients."""
    return [
        {"policy": policy, "clients": clients, "seed": seed, "horizon": horizon}
        for seed, horizon in ([(0, 5)] if quick else [(s, HORIZON) for s in range(3)])
        for clients in (LEVELS[-1:] if quick else LEVELS)
        for policy in BUDGETS
    ]


def run(*, policy: str, clients: int, seed: int, horizon: int) -> dict[str, Any]:
    """Return the seconds to recovery, or `None` without a recovery."""
    with SimulatedClock(seed) as clock:
        queue = Queue(clock)
        callers = [Client(policy, clock, queue).call for _ in range(clients)]
        over = int(FROZEN[1])
        until = over + horizon + WINDOW
        load = Load(clock, random.Random(seed), callers, RATIO * RATE, until)
        for second in range(over, over + horizon):
            clock.run(second + WINDOW + ENOUGH)
            if load.is_healthy(range(second, second + WINDOW)):
                return {"recovered": second - over}
        return {"recovered": None}


def tables(results: Sequence[CaseResult]) -> Iterator[Table]:
    """Lay out the seconds to recovery."""
    table = layout.table(
        "A server stands still for 10 s: seconds to recovery",
        "budget for retries",
        *(f"{clients} clients" for clients in LEVELS),
    )
    for policy in BUDGETS:
        published = PUBLISHED.get(policy, (None,) * len(LEVELS))
        table.add_row(
            reporting.bold_if_ours(policy),
            *(
                beside(_shown(_found(results, policy, clients)), reference)
                for clients, reference in zip(LEVELS, published, strict=True)
            ),
        )
    yield table


def goals(results: Sequence[CaseResult]) -> Iterator[Goal]:
    """Yield the goals: retries hardly delay the recovery."""
    for clients in LEVELS:
        if not _found(results, OURS, clients):
            continue
        ours, grpc = (ratio(results, policy, clients) for policy in (OURS, GRPC_A6))
        yield at_most(
            f"recovery, {clients} clients / no retries",
            1.3,
            ours,
            "gRPC's never" if grpc is None else f"gRPC's {grpc:.2f}",
        )


def mean_of(results: Sequence[CaseResult], policy: str, clients: int) -> float | None:
    """Return the mean over all seeds, or `None` if one did not recover."""
    found = _found(results, policy, clients)
    known = [seconds for seconds in found if seconds is not None]
    return mean(known) if known and len(known) == len(found) else None


def ratio(results: Sequence[CaseResult], policy: str, clients: int) -> float | None:
    """Return the time to recovery as a multiple of that without retries."""
    seconds, least = (mean_of(results, each, clients) for each in (policy, NONE))
    return None if seconds is None or least is None else seconds / max(least, 1)


def _found(
    results: Sequence[CaseResult], policy: str, clients: int
) -> list[int | None]:
    return [
        each["recovered"]
        for each in results
        if each["policy"] == policy and each["clients"] == clients
    ]


def _shown(found: Sequence[int | None]) -> str:
    if not found:
        return "not run"
    if all(seconds is None for seconds in found):
        return "never"
    return " ".join("-" if seconds is None else str(seconds) for seconds in found)
