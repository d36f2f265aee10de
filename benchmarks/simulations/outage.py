"""
The savings of a budget in an outage of an hour.

The server answers 503 at once to all of 20 clients, each of which calls once a second.
Too large a budget multiplies the requests to a server that cannot answer any of them.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from typing import Any

from rich.table import Table

from benchmarks import layout
from benchmarks.simulations import reporting
from benchmarks.simulations.budgets import BUDGETS, NONE, OURS, Client
from benchmarks.simulations.load import Load, Server, summed
from benchmarks.simulations.reporting import CaseResult, Goal, at_most
from httpx_resilient.simulation._clock import SimulatedClock

CLIENTS = 20
RATE = 20.0
HEALTHY = 300
HOUR = 3600


def cases(*, quick: bool) -> list[dict[str, Any]]:
    """Return the cases: every budget."""
    seconds = 10 if quick else HOUR
    return [
        {"policy": policy, "seconds": seconds} for policy in BUDGETS if policy != NONE
    ]


def run(*, policy: str, seconds: int) -> dict[str, Any]:
    """Return the calls in the outage, and the requests for them."""
    with SimulatedClock(1) as clock:
        rng = random.Random(1)
        server = Server(clock, rng)
        callers = [Client(policy, clock, server).call for _ in range(CLIENTS)]
        load = Load(clock, rng, callers, RATE, HEALTHY + seconds)
        clock.run(HEALTHY)
        server.failing = 1.0
        clock.run()
        outage = range(HEALTHY, HEALTHY + seconds)
        return {
            "calls": summed(load.started, outage),
            "requests": server.requests.total()
            - summed(server.requests, range(HEALTHY)),
        }


def tables(results: Sequence[CaseResult]) -> Iterator[Table]:
    """Lay out the requests per call."""
    table = layout.table(
        "An hour in which every answer is 503",
        "budget for retries",
        "requests per call",
    )
    for result in results:
        policy = reporting.bold_if_ours(result["policy"])
        table.add_row(policy, f"{per_call(result):.3f}")
    yield table


def goals(results: Sequence[CaseResult]) -> Iterator[Goal]:
    """Yield the goal: an outage gets hardly any retries."""
    for result in results:
        if result["policy"] == OURS:
            attempts = per_call(result)
            yield at_most("requests per call in an outage", 1.1, attempts, "3 to 11")


def per_call(result: CaseResult) -> float:
    """Return the requests per call."""
    return float(result["requests"] / result["calls"])
