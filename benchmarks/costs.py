"""The overhead part: its figures, goals and table."""

from __future__ import annotations

import argparse
import statistics
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from benchmarks import connections, overhead
from benchmarks.peers import BARE, OURS, PEERS, RIVAL


@dataclass(frozen=True)
class Figure:
    """A row of the table: one figure of each peer. Lower is better."""

    subject: str
    unit: str
    values: Mapping[str, float]
    goal: float
    digits: int = 0

    @property
    def reached(self) -> bool | None:
        """Whether ours reaches its goal; `None` if it was not measured."""
        return self.values[OURS] <= self.goal if self.values else None

    def shown(self, value: float | None) -> str:
        """Format a value."""
        return "-" if value is None else f"{value:,.{self.digits}f}"


def measure(arguments: argparse.Namespace, progress: Progress) -> list[Figure]:
    """Measure one kind of figure after the other."""
    times = overhead.cpu_times(arguments.rounds, arguments.n, progress)
    bytes_in_flight = overhead.memory(progress)
    opened = connections.opened_by_retries(arguments.requests, progress)
    counts = None
    if arguments.instructions:
        counts = overhead.instructions(arguments.counted, progress)

    figures: list[Figure] = []
    for subject, of, goals in (
        ("happy path", overhead.happy_path, (0.8, 0.85, 8_500, 0.65)),
        ("extra attempt", overhead.extra_attempt, (11, 0.97, 100_000, 0.85)),
    ):
        spent = medians(of, times)
        figures.append(Figure(subject, "µs", spent, goals[0], digits=2))
        figures.append(Figure(subject, "ratio", _ratios(spent), goals[1], digits=3))
        if arguments.instructions:
            counted = medians(of, [counts]) if counts else {}
            ratios = _ratios(counted) if counted else {}
            figures.append(Figure(subject, "instructions", counted, goals[2]))
            figures.append(Figure(subject, "their ratio", ratios, goals[3], digits=3))
    if arguments.instructions:
        figures += _instructions_of_ours(counts)
    memory = medians(overhead.happy_path, [bytes_in_flight])
    figures.append(Figure("memory in flight", "bytes", memory, 300))
    figures.extend(
        Figure("new connections", f"after {size:,} B", of_peers, 0)
        for size, of_peers in opened.items()
    )
    return figures


def _ratios(values: Mapping[str, float]) -> dict[str, float]:
    """Return the values of all transports but the bare one, as ratios to the rival."""
    return {peer: values[peer] / values[RIVAL] for peer in PEERS if peer != BARE}


def _instructions_of_ours(counts: overhead.Costs | None) -> Iterator[Figure]:
    """Yield the figures that no other transport has."""
    by_default, giving_up = dict[str, float](), dict[str, float]()
    if counts is not None:
        rival = overhead.extra_attempt(counts, RIVAL)
        by_default[OURS] = overhead.extra_attempt_by_default(counts) / rival
        giving_up[OURS] = overhead.giving_up(counts)
    subject = "extra attempt, default strategies"
    yield Figure(subject, "instructions, ratio", by_default, 0.95, digits=3)
    yield Figure("giving up", "instructions", giving_up, 90_000)


def medians(
    of: Callable[[overhead.Costs, str], float], rounds: Sequence[overhead.Costs]
) -> dict[str, float]:
    """
    Return the median over the rounds of a difference within each round.

    A disturbance that slows down a whole round affects both sides of the difference.
    """
    return {
        peer: statistics.median(of(costs, peer) for costs in rounds) for peer in PEERS
    }


def table_of(figures: Sequence[Figure]) -> Table:
    """Lay out the figures, in at most 80 columns."""
    table = Table(
        box=SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0)
    )
    table.add_column("")
    for peer in PEERS:
        table.add_column(peer.replace("-", "-\n"), justify="right")
        if peer == OURS:
            table.add_column("goal", justify="right")
            table.add_column("reached")
    subject = ""
    for figure in figures:
        if figure.subject != subject:
            subject = figure.subject
            table.add_row(f"[bold]{subject}")
        missing = "" if figure.values else "\n  needs valgrind"
        table.add_row(f"  {figure.unit}{missing}", *cells(figure))
    return table


def cells(figure: Figure) -> Iterator[str]:
    """Yield the cells of a row, with the goal beside ours."""
    for peer in PEERS:
        value = figure.shown(figure.values.get(peer))
        if peer == OURS:
            yield f"[bold]{value}"
            yield figure.shown(figure.goal)
            yield {True: "[green]yes", False: "[red]no", None: ""}[figure.reached]
        else:
            yield value


def report(
    figures: Sequence[Figure], arguments: argparse.Namespace, console: Console
) -> None:
    """Print the table, and a note that explains it."""
    console.print(table_of(figures))
    console.print(
        "All costs are over bare, whose own cost is shown. The µs depend on the "
        f"machine: compare the ratios, which are to {RIVAL}. New connections are those "
        f"that retries opened: {connections.failing(arguments.requests)} of "
        f"{arguments.requests:,} requests failed once."
    )


def as_json(figures: Sequence[Figure], arguments: argparse.Namespace) -> dict[str, Any]:
    """Return the figures, and the numbers of rounds and requests behind them."""
    return {
        "rounds": arguments.rounds,
        "n": arguments.n,
        "figures": [
            {**asdict(figure), "reached": figure.reached} for figure in figures
        ],
    }
