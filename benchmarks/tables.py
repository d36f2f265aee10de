"""The tables of the scale part: the results of all clients, and the goals."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from typing import Any

from rich.table import Table

from benchmarks import layout
from benchmarks.bench import Results
from benchmarks.clients import CLIENTS
from benchmarks.figures import (
    all_done,
    cost,
    cpu_at,
    done_of,
    origins_ratio,
    slots_lost,
)
from benchmarks.goals import KB, MIB, Goal
from benchmarks.plan import LEVELS, ORIGINS, Plan

NOTE = (
    "If not all requests of a client were answered within the time limit, the table "
    "shows how many were. Each client has its own default limits and timeouts. With "
    "pool=None, and with 5,000 in flight, a request waits for a connection without a "
    "limit, if the client can do that. A lost slot is one of 10 that no probe could "
    "use."
)
"""The explanation below the tables."""


def tables_of(results: Results, goals: Sequence[Goal]) -> Iterator[Table]:
    """Lay out the results, narrow enough for most terminals."""
    if "cpu" in results:
        yield _cpu(results)
    if "cold" in results:
        yield _cold_start(results)
    rows = {part: row for part, row in _CELLS.items() if part in results}
    if rows:
        yield _under_load(results, rows)
    if {"memory", "soak"} & results.keys():
        yield _resources(results)
    yield _goals(goals)


def as_json(plan: Plan, results: Results, goals: Sequence[Goal]) -> dict[str, Any]:
    """Return the plan, the goals and the results."""
    return {
        "plan": asdict(plan),
        "goals": [asdict(goal) for goal in goals],
        "results": results,
    }


def _name(client: str) -> str:
    return f"[bold]{client}" if client.startswith("ours") else client


def _cpu(results: Results) -> Table:
    table = layout.table(
        "CPU µs of the client per answered request",
        "in flight",
        *(f"{level:,}" for level in LEVELS),
    )
    for client in CLIENTS:
        table.add_row(
            _name(client), *(_cost(results, client, level) for level in LEVELS)
        )
    return table


def _cost(results: Results, client: str, level: int) -> str:
    found = cpu_at(results, client, level)
    shown = "-" if found is None else f"{found:,.0f}"
    worst = min(
        (each for each in results["cpu"][client] if each["in_flight"] == level),
        key=lambda result: int(result["done"]),
    )
    return shown if all_done(worst) else f"{shown}\n{done_of(worst)}"


def _cold_start(results: Results) -> Table:
    table = layout.table(
        "All at once, new client, 1 s each: done / failed / seconds",
        "",
        "defaults",
        "with pool=None",
    )
    for client in CLIENTS:
        cells = {
            result["patient"]: f"{result['done']:,} / {result['failed']:,} / "
            f"{result['wall']:.1f}"
            for result in results["cold"][client]
        }
        cells.setdefault(True, NOT_RUN)
        table.add_row(_name(client), cells[False], cells[True])
    return table


def _connections(results: Results, client: str) -> str:
    result = results["connections"][client][0]
    shown = f"{result['server']['accepts']:,}"
    return shown if all_done(result) else f"{shown}, {done_of(result)}"


def _origins(results: Results, client: str) -> str:
    result = next(
        each for each in results["origins"][client] if each["origins"] == ORIGINS
    )
    return f"{result['done']:,} / {result['failed']:,} / {result['server']['max_open']}"


def _origins_cpu(results: Results, client: str) -> str:
    found = origins_ratio(results, client)
    return "-" if found is None else f"{found:.2f}"


def _cancellations(results: Results, client: str) -> str:
    result = results["cancellations"][client][0]
    lost = slots_lost(result)
    return f"{result['done']} / {'?' if lost is None else lost}"


_Cell = Callable[[Results, str], str]

_CELLS: dict[str, list[tuple[str, _Cell]]] = {
    "connections": [("TCP\nconnections", _connections)],
    "origins": [
        ("50 origins: done\n/ failed / open", _origins),
        ("CPU / one\norigin", _origins_cpu),
    ],
    "cancellations": [("probes answered\n/ slots lost", _cancellations)],
}


def _under_load(results: Results, cells: dict[str, list[tuple[str, _Cell]]]) -> Table:
    columns = [column for part in cells.values() for column in part]
    table = layout.table("Under load", "", *(heading for heading, _ in columns))
    for client in CLIENTS:
        table.add_row(_name(client), *(cell(results, client) for _, cell in columns))
    return table


def _resources(results: Results) -> Table:
    table = layout.table(
        "Memory and soak",
        "",
        "KB per idle\nconnection",
        "KB per waiting\nrequest",
        "MiB grown, 5 %\nfailing",
        "CPU µs per\nrequest",
    )
    for client in CLIENTS:
        memory = next(iter(results.get("memory", {}).get(client, [])), {})
        soak = next(iter(results.get("soak", {}).get(client, [])), {})
        found = cost(soak)
        table.add_row(
            _name(client),
            *(f"{memory[of] / KB:.1f}" if memory.get(of) else NOT_RUN for of in MEMORY),
            f"{soak['grown'] / MIB:.2f}" if "grown" in soak else NOT_RUN,
            f"{found:,.0f}" if found else NOT_RUN,
        )
    return table


MEMORY = ("slot", "waiting")
NOT_RUN = "not run"


def _goals(goals: Sequence[Goal]) -> Table:
    table = layout.table(
        "Goals", "figure", "of", "goal", "ours", "reached", "stock", left=2
    )
    for goal in goals:
        reached = {True: "[green]yes", False: "[red]no", None: "[red]unknown"}
        table.add_row(
            goal.figure,
            goal.family,
            goal.goal,
            f"[bold]{goal.ours}",
            reached[goal.reached],
            goal.stock,
        )
    return table
