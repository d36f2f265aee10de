"""The tables and the goals of the sockets part."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from rich.table import Table

from benchmarks import layout
from benchmarks.simulations import reporting
from benchmarks.simulations.reporting import Goal, at_most, table_of_goals
from benchmarks.sockets.client import ALONE, HEDGED, NONE, OURS, RIVAL
from benchmarks.sockets.measure import Plan, Results

NOTE = (
    "Processes, sockets and seconds are real. All kinds of clients run at the same "
    "time, each against a server of its own."
)
"""The explanation below the tables."""


def tables_of(plan: Plan, results: Results) -> Iterator[Table]:
    """Lay out the results."""
    clients = plan.processes * plan.clients
    table = layout.table(
        f"Real sockets: a server stands still for {plan.frozen} s, {clients} clients "
        f"in {plan.processes} processes",
        "retries",
        "seconds to\nrecovery",
        "requests\nper call",
        "successful\ncalls",
    )
    for kind, result in results["overload"].items():
        seconds = result["recovered"]
        table.add_row(
            reporting.bold_if_ours(kind),
            f"not in {plan.horizon}" if seconds is None else str(seconds),
            f"{result['requests']:.2f}",
            f"{result['success']:.0%}",
        )
    yield table
    table = layout.table(
        "Real sockets: hedging, 1 % of answers 100 to 400 ms late",
        "",
        "p50 ms",
        "p99 ms",
        "p99.9 ms",
        "extra requests",
    )
    for kind, result in results["hedging"].items():
        table.add_row(
            reporting.bold_if_ours(kind),
            *(f"{result[of]:.1f}" for of in ("p50", "p99", "p99.9")),
            f"{100 * (result['requests'] - 1):.1f} %",
        )
    yield table
    yield table_of_goals(list(goals_of(results)))


def goals_of(results: Results) -> Iterator[Goal]:
    """Compare the results with the goals."""
    of = {kind: each["recovered"] for kind, each in results["overload"].items()}
    ours, least = of[OURS], of[NONE]
    ratio = None if ours is None or least is None else ours / max(least, 1)
    rival = "never" if of[RIVAL] is None else f"{of[RIVAL]} s"
    yield at_most("recovery / no retries", 1.3, ratio, f"httpx-retries {rival}")
    alone, hedged = (results["hedging"][kind] for kind in (ALONE, HEDGED))
    extra = 100 * (hedged["requests"] - 1)
    yield at_most(
        "hedging: p99.9 in ms", 20, hedged["p99.9"], f"alone {alone['p99.9']:.0f}", 1
    )
    yield at_most("hedging: % extra requests", 5.5, extra, "simulated 5", 1)


def as_json(plan: Plan, results: Results) -> dict[str, Any]:
    """Return the plan, the goals and the results."""
    goals = [asdict(goal) for goal in goals_of(results)]
    return {"plan": asdict(plan), "goals": goals, "results": results}
