"""
What a budget saves: an outage of an hour.

The server answers 503 at once to all of 20 clients, each of which calls once a second.
Too wide a budget sends it a multiple of what it could not answer in the first place.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from typing import Any

from rich.table import Table

from benchmarks import layout
from benchmarks.simulations import telling
from benchmarks.simulations.budgets import BUDGETS, NONE, OURS, Client
from benchmarks.simulations.clock import Clock
from benchmarks.simulations.load import Load, Server, summed
from benchmarks.simulations.telling import Goal, Told, at_most

CLIENTS = 20
RATE = 20.0
HEALTHY = 300
HOUR = 3600


def cases(*, quick: bool) -> list[dict[str, Any]]:
    """Every budget."""
    seconds = 10 if quick else HOUR
    return [
        {"policy": policy, "seconds": seconds} for policy in BUDGETS if policy != NONE
    ]


def run(*, policy: str, seconds: int) -> dict[str, Any]:
    """Tell the calls of the outage, and the requests for them."""
    random.seed(1)
    clock, rolled = Clock(), random.Random(1)
    server = Server(clock, rolled)
    callers = [Client(policy, clock, server.send).call for _ in range(CLIENTS)]
    load = Load(clock, rolled, callers, RATE, HEALTHY + seconds)
    clock.run(HEALTHY)
    server.failing = 1.0
    clock.run()
    outage = range(HEALTHY, HEALTHY + seconds)
    return {
        "calls": summed(load.began, outage),
        "asked": server.asked.total() - summed(server.asked, range(HEALTHY)),
    }


def tables(tolds: Sequence[Told]) -> Iterator[Table]:
    """Lay out requests per call."""
    table = layout.table(
        "An hour of nothing but 503", "budget for retries", "requests per call"
    )
    for told in tolds:
        table.add_row(telling.origin_name(told["policy"]), f"{_attempts(told):.3f}")
    yield table


def goals(tolds: Sequence[Told]) -> Iterator[Goal]:
    """Retries are as good as none."""
    for told in tolds:
        if told["policy"] == OURS:
            attempts = _attempts(told)
            yield at_most("requests per call in an outage", 1.1, attempts, "3 to 11")


def _attempts(told: Told) -> float:
    return float(told["asked"] / told["calls"])
