"""
The cost of a budget: each attempt at a service fails with the same probability.

The service has enough capacity, so too small a budget gives up calls that another
attempt would have saved. One caller makes 100 calls a second, another makes one.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from typing import Any

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
from benchmarks.simulations.load import Load, Server
from benchmarks.simulations.reporting import CaseResult, Goal, at_least, beside
from httpx_resilient.simulation._clock import SimulatedClock

FAILING = (0.05, 0.1, 0.2, 0.5, 1.0)
BUSY, IDLE = 100, 1
SECONDS = {BUSY: 120, IDLE: 12_000}

PUBLISHED = {
    UNLIMITED: ("1.05 / 1.000", "1.11 / .999", "1.24 / .992", "1.76 / .875", "3.00"),
    FINAGLE: (*("1.05 / 1.000", "1.11 / .999", "1.24 / .992", "1.30 / .654", "1.30"),),
    AWS_2026: (*("1.05 / 1.000", "1.11 / .999", "1.24 / .992", "1.08 / .547", "1.01"),),
    GRPC_A6: (*("1.05 / .999", "1.03 / .926", "1.00 / .802", "1.00 / .504", "1.00"),),
}
"""Figures of the published algorithms, at 100 requests a second."""


def cases(*, quick: bool) -> list[dict[str, Any]]:
    """Return the cases: every budget with every probability."""
    return [
        {"policy": policy, "failing": failing, "rate": rate, "seconds": seconds}
        for rate, seconds in ({BUSY: 2} if quick else SECONDS).items()
        for failing in FAILING
        for policy in BUDGETS
    ]


def run(*, policy: str, failing: float, rate: int, seconds: int) -> dict[str, Any]:
    """Return the calls, the successful calls, and the requests for them."""
    with SimulatedClock(1) as clock:
        rng = random.Random(1)
        server = Server(clock, rng, failing)
        client = Client(policy, clock, server)
        load = Load(clock, rng, [client.call], rate, seconds, evenly=True)
        clock.run()
        return {
            "calls": load.started.total(),
            "succeeded": load.succeeded.total(),
            "requests": server.requests.total(),
        }


def tables(results: Sequence[CaseResult]) -> Iterator[Table]:
    """Lay out the requests per call and the success rates."""
    for rate in SECONDS:
        if not any(each["rate"] == rate for each in results):
            continue
        table = layout.table(
            f"Failures at random, {rate} calls/s: requests per call / success",
            "budget for retries",
            *(f"{failing:.0%}" for failing in FAILING),
        )
        for policy in BUDGETS:
            published = PUBLISHED.get(policy) if rate == BUSY else None
            cells = [
                beside(_shown(_result(results, policy, failing, rate)), reference)
                for failing, reference in zip(
                    FAILING, published or (None,) * len(FAILING), strict=True
                )
            ]
            table.add_row(reporting.bold_if_ours(policy), *cells)
        yield table


def goals(results: Sequence[CaseResult]) -> Iterator[Goal]:
    """Yield the goals: if one attempt in five fails, hardly any call fails."""
    for rate in SECONDS:
        ours = _result(results, OURS, 0.2, rate)
        none = _result(results, NONE, 0.2, rate)
        if ours and none:
            yield at_least(
                f"success at 20 % failures, {rate} calls/s",
                0.97,
                ours["succeeded"] / ours["calls"],
                f"no retries {none['succeeded'] / none['calls']:.2f}",
                digits=3,
            )


def _result(
    results: Sequence[CaseResult], policy: str, failing: float, rate: float
) -> CaseResult | None:
    case = (policy, failing, rate)
    for each in results:
        if (each["policy"], each["failing"], each["rate"]) == case:
            return each
    return None


def _shown(result: CaseResult | None) -> str:
    if result is None:
        return "not run"
    amplified = f"{result['requests'] / result['calls']:.2f}"
    if result["failing"] == 1:
        return amplified
    success = f"{result['succeeded'] / result['calls']:.3f}"
    return f"{amplified} / {success.removeprefix('0')}"
