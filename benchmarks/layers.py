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

_GOALS: dict[str, int | None] = {
    OURS: None,  # the overhead part has its goal
    "retry, with a no-op listener": 29_400,  # 20,900 more than without it
    "failover": 10_600,
    "standard_transport()": 55_000,
}
"""Instructions."""

_GOAL = 15_900
"""Instructions for every other layer."""

NOTE = (
    "All costs are over bare. Instructions hardly vary between runs. The goals are "
    "instructions."
)


@dataclass(frozen=True)
class Layer:
    """A row of the table."""

    name: str
    microseconds: float
    instructions: float | None
    goal: int | None

    @property
    def reached(self) -> bool | None:
        """Whether it reaches its goal; `None` if it has no goal or was not counted."""
        if self.instructions is None or self.goal is None:
            return None
        return self.instructions <= self.goal


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
            "-" if layer.goal is None else f"{layer.goal:,}",
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
