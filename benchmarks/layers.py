"""The layers part: what each layer adds to a successful request."""

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
    OURS: None,  # the overhead part has its goal
    "retry, with a no-op listener": 2.8,
    "failover": 1.0,
    "standard_transport()": 6.0,
}
"""Microseconds. The listener itself may take 2 of its 2.8."""

_GOAL = 1.5
"""Microseconds for every other layer."""

NOTE = (
    "All costs are over bare. Instructions hardly vary between runs. The goals are "
    f"those of a machine that runs {PER_MICROSECOND:,} instructions in a microsecond."
)


@dataclass(frozen=True)
class Layer:
    """A row of the table."""

    name: str
    microseconds: float
    instructions: float | None
    goal: float | None

    @property
    def reached(self) -> bool | None:
        """Whether it reaches its goal; `None` if it has no goal or was not counted."""
        if self.instructions is None or self.goal is None:
            return None
        return self.instructions <= self.goal * PER_MICROSECOND


def measure(arguments: argparse.Namespace, progress: Progress) -> list[Layer]:
    """Measure each layer, and subtract the cost of the bare transport."""
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
    """Lay out the layers."""
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


def as_json(layers: Sequence[Layer], arguments: argparse.Namespace) -> dict[str, Any]:
    """Return the figures, and the numbers of rounds and requests behind them."""
    return {
        "rounds": arguments.rounds,
        "n": arguments.n,
        "layers": [{**asdict(layer), "reached": layer.reached} for layer in layers],
    }
