"""The layers part: what each of them adds to a request that goes well."""

from __future__ import annotations

import argparse
import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

from rich.progress import Progress
from rich.table import Table

from benchmarks import layout, overhead
from benchmarks.peers import BARE, LAYERS, OURS

PER_MICROSECOND = 10_600
"""Instructions, on the machine of the goals, where httpx-retries takes 0.94 µs."""

_GOALS: dict[str, float | None] = {
    OURS: None,  # it has one in `overhead`, where responses are not even closed
    "retry, with a no-op listener": 2.8,
    "failover": 1.0,
    "standard_transport()": 6.0,
}
"""Microseconds. 2 of those of a listener are its own."""

_GOAL = 1.5
"""Of every other layer."""

NOTE = (
    "All is over bare. Instructions hardly vary between runs. A goal in µs is of a "
    f"machine that runs {PER_MICROSECOND:,} of them in one."
)


@dataclass(frozen=True)
class Layer:
    """A line of the table."""

    name: str
    microseconds: float
    instructions: float | None
    goal: float | None

    @property
    def reached(self) -> bool | None:
        """Whether it costs no more than it means to, if that was counted."""
        if self.instructions is None or self.goal is None:
            return None
        return self.instructions <= self.goal * PER_MICROSECOND


def measure(arguments: argparse.Namespace, progress: Progress) -> list[Layer]:
    """Measure each of them, and take off what the bare transport costs."""
    cases = [(name, overhead.FRESH) for name in (BARE, OURS, *LAYERS)]
    rounds = overhead.cpu_times(arguments.rounds, arguments.n, progress, cases)
    counts = None
    if arguments.instructions:
        counts = overhead.instructions(arguments.counted, progress, cases)
    added = partial(overhead.happy_path, script=overhead.FRESH)
    return [
        Layer(
            name,
            statistics.median(added(costs, name) for costs in rounds),
            None if counts is None else added(counts, name),
            _GOALS.get(name, _GOAL),
        )
        for name in (OURS, *LAYERS)
    ]


def table_of(layers: Sequence[Layer]) -> Table:
    """Lay them out."""
    table = layout.table(
        "What a layer adds", "", "µs", "instructions", "goal", "reached"
    )
    for layer in layers:
        counted = layer.instructions
        table.add_row(
            "retry" if layer.name == OURS else layer.name,
            f"{layer.microseconds:.2f}",
            "-" if counted is None else f"{counted:,.0f}",
            "-" if layer.goal is None else f"{layer.goal * PER_MICROSECOND:,.0f}",
            {True: "[green]yes", False: "[red]no", None: ""}[layer.reached],
        )
    return table


def told(layers: Sequence[Layer], arguments: argparse.Namespace) -> dict[str, Any]:
    """Tell the figures, and of how many requests they are."""
    return {
        "rounds": arguments.rounds,
        "n": arguments.n,
        "layers": [{**asdict(layer), "reached": layer.reached} for layer in layers],
    }
