"""The wire under load: CPU time with several requests in flight, and idle memory."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from rich.progress import Progress
from rich.table import Table

from benchmarks import layout, scale
from benchmarks.bench import Results
from benchmarks.figures import cpu_at, ratio
from benchmarks.goals import FAMILIES, KB
from benchmarks.plan import Plan

LEVELS = (1, 10, 100, 1000)

CPU_GOALS: Mapping[tuple[str, int], float] = {
    ("httpx", 1): 0.36,
    ("httpx", 10): 0.28,
    ("httpx", 100): 0.18,
    ("httpx2", 1000): 0.32,
}
"""CPU time of ours, relative to the library's own transport, by requests in flight."""

NOTE = (
    "CPU time of the client's process, the median of several rounds in which the "
    "clients took turns; it depends on the machine and on what else it does. Ratios "
    "are those of each round."
)


def measure(plan: Plan, progress: Progress) -> Results:
    """Measure the clients of the table."""
    return scale.measure(("cpu", "memory"), replace(plan, only_goals=True), progress)


def table_of(results: Results) -> Table:
    """Lay out the figures."""
    table = layout.table(
        "CPU µs of a GET, and KB of an idle connection",
        *("", "of", "stock", "ours", "ours / stock", "goal"),
        left=2,
    )
    for row in _rows(results):
        table.add_row(*row)
    return table


def _rows(results: Results) -> Iterator[tuple[str, ...]]:
    for family, (ours, stock) in FAMILIES.items():
        for level in LEVELS:
            costs = (cpu_at(results, client, level) for client in (stock, ours))
            found = ratio(results, (ours, level), (stock, level))
            goal = CPU_GOALS.get((family, level))
            yield (
                f"{level:,} in flight",
                family,
                *(_shown(cost, 0) for cost in costs),
                f"[bold]{_shown(found, 2)}",
                _shown(goal, 2),
            )
        idle = [results["memory"][client][0].get("slot") for client in (stock, ours)]
        kilobytes = [None if each is None else each / KB for each in idle]
        yield (
            "idle connection",
            family,
            *(_shown(each, 1) for each in kilobytes),
            "",
            "stock's",
        )


def _shown(value: float | None, digits: int) -> str:
    return "-" if value is None else f"{value:,.{digits}f}"
