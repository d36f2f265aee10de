"""
What a budget costs: a service of which each attempt fails with the same probability.

There is capacity enough: too tight a budget gives up calls that another attempt would
have saved. Two callers: one of 100 requests a second, and one of one.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from typing import Any

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
from benchmarks.simulations.load import Load, Server
from benchmarks.simulations.telling import Goal, Told, at_least, beside

FAILING = (0.05, 0.1, 0.2, 0.5, 1.0)
BUSY, IDLE = 100, 1
SECONDS = {BUSY: 120, IDLE: 12_000}

PUBLISHED = {
    UNLIMITED: ("1.05 / 1.000", "1.11 / .999", "1.24 / .992", "1.76 / .875", "3.00"),
    FINAGLE: (*("1.05 / 1.000", "1.11 / .999", "1.24 / .992", "1.30 / .654", "1.30"),),
    AWS_2026: (*("1.05 / 1.000", "1.11 / .999", "1.24 / .992", "1.08 / .547", "1.01"),),
    GRPC_A6: (*("1.05 / .999", "1.03 / .926", "1.00 / .802", "1.00 / .504", "1.00"),),
}
"""What was measured for the published algorithms, at 100 requests a second."""


def cases(*, quick: bool) -> list[dict[str, Any]]:
    """Every budget with every probability."""
    return [
        {"policy": policy, "failing": failing, "rate": rate, "seconds": seconds}
        for rate, seconds in ({BUSY: 2} if quick else SECONDS).items()
        for failing in FAILING
        for policy in BUDGETS
    ]


def run(*, policy: str, failing: float, rate: int, seconds: int) -> dict[str, Any]:
    """Tell the calls, how many went well, and the requests for them."""
    random.seed(1)
    clock, rolled = Clock(), random.Random(1)
    server = Server(clock, rolled, failing)
    client = Client(policy, clock, server.send)
    load = Load(clock, rolled, [client.call], rate, seconds, evenly=True)
    clock.run()
    calls, well = load.began.total(), load.well.total()
    return {"calls": calls, "well": well, "asked": server.asked.total()}


def tables(tolds: Sequence[Told]) -> Iterator[Table]:
    """Lay out requests per call and success."""
    for rate in SECONDS:
        if not any(told["rate"] == rate for told in tolds):
            continue
        table = layout.table(
            f"Failures at random, {rate} calls/s: requests per call / success",
            "budget for retries",
            *(f"{failing:.0%}" for failing in FAILING),
        )
        for policy in BUDGETS:
            published = PUBLISHED.get(policy) if rate == BUSY else None
            cells = [
                beside(_shown(_told(tolds, policy, failing, rate)), reference)
                for failing, reference in zip(
                    FAILING, published or (None,) * len(FAILING), strict=True
                )
            ]
            table.add_row(telling.origin_name(policy), *cells)
        yield table


def goals(tolds: Sequence[Told]) -> Iterator[Goal]:
    """One in five may fail, and hardly a call does."""
    for rate in SECONDS:
        told = _told(tolds, OURS, 0.2, rate)
        none = _told(tolds, NONE, 0.2, rate)
        if told and none:
            yield at_least(
                f"success at 20 % failures, {rate} calls/s",
                0.97,
                told["well"] / told["calls"],
                f"no retries {none['well'] / none['calls']:.2f}",
                digits=3,
            )


def _told(
    tolds: Sequence[Told], policy: str, failing: float, rate: float
) -> Told | None:
    asked = (policy, failing, rate)
    for told in tolds:
        if (told["policy"], told["failing"], told["rate"]) == asked:
            return told
    return None


def _shown(told: Told | None) -> str:
    if told is None:
        return "not run"
    amplified = f"{told['asked'] / told['calls']:.2f}"
    if told["failing"] == 1:
        return amplified
    success = f"{told['well'] / told['calls']:.3f}"
    return f"{amplified} / {success.removeprefix('0')}"
