"""The tables of the scale part: its goals, and what all clients did."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from typing import Any

from rich.table import Table

from benchmarks import layout
from benchmarks.clients import CLIENTS
from benchmarks.goals import (
    KB,
    MIB,
    Goal,
    all_done,
    cost,
    cpu_at,
    done_of,
    origins_ratio,
    slots_lost,
)
from benchmarks.scale import LEVELS, ORIGINS, Plan, Results

NOTE = (
    "Where not all were answered within the limit of time, it is said how many were. "
    "Each client has its own default limits and timeouts; pool=None lets a request "
    "wait for a connection for ever, as all do that can with 5,000 in flight. A lost "
    "slot is one of 10 that no probe could use."
)
"""What the tables mean."""


def tables_of(results: Results, goals: Sequence[Goal]) -> Iterator[Table]:
    """Lay out what was measured, narrow enough for most terminals."""
    if "cpu" in results:
        yield _cpu(results)
    if "cold" in results:
        yield _cold_start(results)
    rows = {part: row for part, row in _CELLS.items() if part in results}
    if rows:
        yield _under_load(results, rows)
    if {"memory", "soak"} & results.keys():
        yield _kept(results)
    yield _goals(goals)


def told(plan: Plan, results: Results, goals: Sequence[Goal]) -> dict[str, Any]:
    """Tell everything: what was asked for, what came of it, what it is measured by."""
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
    tolds = [told for told in results["cpu"][client] if told["in_flight"] == level]
    found = cpu_at(results, client, level)
    shown = "-" if found is None else f"{found:,.0f}"
    worst = min(tolds, key=lambda told: int(told["done"]))
    return shown if all_done(worst) else f"{shown}\n{done_of(worst)}"


def _cold_start(results: Results) -> Table:
    table = layout.table(
        "All at once, new client, 1 s each: done / failed / seconds",
        "",
        "as they come",
        "with pool=None",
    )
    for client in CLIENTS:
        cells = {
            told["patient"]: f"{told['done']:,} / {told['failed']:,} / "
            f"{told['wall']:.1f}"
            for told in results["cold"][client]
        }
        cells.setdefault(True, NOT_RUN)
        table.add_row(_name(client), cells[False], cells[True])
    return table


def _connections(results: Results, client: str) -> str:
    told = results["connections"][client][0]
    shown = f"{told['server']['accepts']:,}"
    return shown if all_done(told) else f"{shown}, {done_of(told)}"


def _origins(results: Results, client: str) -> str:
    tolds = results["origins"][client]
    told = next(each for each in tolds if each["origins"] == ORIGINS)
    return f"{told['done']:,} / {told['failed']:,} / {told['server']['max_open']}"


def _origins_cpu(results: Results, client: str) -> str:
    found = origins_ratio(results, client)
    return "-" if found is None else f"{found:.2f}"


def _cancellations(results: Results, client: str) -> str:
    told = results["cancellations"][client][0]
    lost = slots_lost(told)
    return f"{told['done']} / {'?' if lost is None else lost}"


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


def _kept(results: Results) -> Table:
    table = layout.table(
        "What is kept",
        "",
        "KB per idle\nconnection",
        "KB per waiting\nrequest",
        "MiB grown, 5 %\nfailing",
        "CPU µs per\nrequest",
    )
    for client in CLIENTS:
        held = next(iter(results.get("memory", {}).get(client, [])), {})
        kept = next(iter(results.get("soak", {}).get(client, [])), {})
        found = cost(kept)
        table.add_row(
            _name(client),
            *(f"{held[of] / KB:.1f}" if held.get(of) else NOT_RUN for of in HELD),
            f"{kept['grown'] / MIB:.2f}" if "grown" in kept else NOT_RUN,
            f"{found:,.0f}" if found else NOT_RUN,
        )
    return table


HELD = ("slot", "waiting")
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
