"""
Metastable overload: a server stands still for ten seconds, its clients go on asking.

It serves 100 requests a second, first come, first served, and is asked for 80. Clients
wait for a second; the server knows nothing of that, and works on what was abandoned.
So much has piled up after ten seconds that all calls time out for a while, and each
retry adds to it: with enough of them it never ends (Bronson et al., "Metastable
Failures in Distributed Systems", HotOS 2021).
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from statistics import mean
from typing import Any

import httpx
from rich.table import Table

from benchmarks import layout
from benchmarks.simulations import telling
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
from benchmarks.simulations.clock import Clock
from benchmarks.simulations.load import Load
from benchmarks.simulations.simulated import answer
from benchmarks.simulations.telling import Goal, Told, at_most, beside

RATE = 100.0
RATIO = 0.8
FROZEN = (60.0, 70.0)
TIMEOUT = 1.0
HORIZON = 180
WINDOW = 10
ENOUGH = 5
"""Seconds in which a call has ended, whatever it does."""

LEVELS = (5, 50, 200)

PUBLISHED = {
    NONE: ("36 32 41", "40 30 37", "40 30 37"),
    UNLIMITED: ("never", "never", "never"),
    FINAGLE: ("never", "never", "never"),
    AWS_2026: ("44 43 46", "128 122 124", "never"),
    GRPC_A6: ("37 34 41", "49 42 50", "78 68 77"),
}
"""What was measured for the published algorithms, in a model with backoffs of 50 ms."""


class Queue:
    """A server with one place, and a queue without an end."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._free = 0.0

    async def send(self, request: httpx.Request) -> httpx.Response:
        """Answer, if it is not too late by then."""
        now = self._clock.now()
        begins = max(now, self._free)
        if FROZEN[0] <= begins < FROZEN[1]:
            begins = FROZEN[1]
        self._free = begins + 1 / RATE
        if self._free - now > TIMEOUT:
            await self._clock.sleep(TIMEOUT)
            msg = "timed out"
            raise httpx.ReadTimeout(msg, request=request)
        await self._clock.sleep(self._free - now)
        return answer(200)


def cases(*, quick: bool) -> list[dict[str, Any]]:
    """Every budget, with every number of clients."""
    return [
        {"policy": policy, "clients": clients, "seed": seed, "horizon": horizon}
        for seed, horizon in ([(0, 5)] if quick else [(s, HORIZON) for s in range(3)])
        for clients in (LEVELS[-1:] if quick else LEVELS)
        for policy in BUDGETS
    ]


def run(*, policy: str, clients: int, seed: int, horizon: int) -> dict[str, Any]:
    """Tell after how many seconds all is well again, or `None` if it never is."""
    random.seed(seed)
    clock = Clock()
    queue = Queue(clock)
    callers = [Client(policy, clock, queue.send).call for _ in range(clients)]
    over = int(FROZEN[1])
    until = over + horizon + WINDOW
    load = Load(clock, random.Random(seed), callers, RATIO * RATE, until)
    for second in range(over, over + horizon):
        clock.run(second + WINDOW + ENOUGH)
        if load.is_well(range(second, second + WINDOW)):
            return {"recovered": second - over}
    return {"recovered": None}


def tables(tolds: Sequence[Told]) -> Iterator[Table]:
    """Lay out the seconds."""
    table = layout.table(
        "A server stands still for 10 s: seconds after it until all is well",
        "budget for retries",
        *(f"{clients} clients" for clients in LEVELS),
    )
    for policy in BUDGETS:
        published = PUBLISHED.get(policy, (None,) * len(LEVELS))
        table.add_row(
            telling.origin_name(policy),
            *(
                beside(_shown(_found(tolds, policy, clients)), reference)
                for clients, reference in zip(LEVELS, published, strict=True)
            ),
        )
    yield table


def goals(tolds: Sequence[Told]) -> Iterator[Goal]:
    """Retries hardly prolong it."""
    for clients in LEVELS:
        if not _found(tolds, OURS, clients):
            continue
        ours, grpc = (_ratio(tolds, policy, clients) for policy in (OURS, GRPC_A6))
        yield at_most(
            f"recovery, {clients} clients / no retries",
            1.3,
            ours,
            "gRPC's never" if grpc is None else f"gRPC's {grpc:.2f}",
        )


def mean_of(tolds: Sequence[Told], policy: str, clients: int) -> float | None:
    """Tell the mean of all seeds, or `None` if it was never well again with one."""
    found = _found(tolds, policy, clients)
    known = [seconds for seconds in found if seconds is not None]
    return mean(known) if known and len(known) == len(found) else None


def _ratio(tolds: Sequence[Told], policy: str, clients: int) -> float | None:
    seconds, least = (mean_of(tolds, each, clients) for each in (policy, NONE))
    return None if seconds is None or least is None else seconds / max(least, 1)


def _found(tolds: Sequence[Told], policy: str, clients: int) -> list[int | None]:
    return [
        told["recovered"]
        for told in tolds
        if told["policy"] == policy and told["clients"] == clients
    ]


def _shown(found: Sequence[int | None]) -> str:
    if not found:
        return "not run"
    if all(seconds is None for seconds in found):
        return "never"
    return " ".join("-" if seconds is None else str(seconds) for seconds in found)
