"""
Measures everything and prints one table: a report, and no test that could fail.

    python -m benchmarks            a few minutes, with valgrind on the PATH
    python -m benchmarks --quick    to see that it works
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

try:
    # Used by peers only, but there it would be late to learn that one is missing.
    import httpx_retries  # noqa: F401
    import pydantic_ai.retries  # noqa: F401
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
    from rich.table import Table

    from benchmarks import connections, overhead
    from benchmarks.peers import BARE, OURS, PEERS, RIVAL
except ImportError as error:
    sys.exit(f"{error}\nThe benchmarks need more: pip install -e '.[benchmarks]'")

PACKAGES = ("httpx", "tenacity", "httpx_resilient", "httpx-retries", "pydantic-ai-slim")


@dataclass(frozen=True)
class Figure:
    """What was measured of all peers, or nothing; less is better."""

    subject: str
    unit: str
    goal: float
    values: Mapping[str, float]

    @property
    def reached(self) -> bool | None:
        """Whether ours is as good as it should be, if it was measured."""
        return self.values[OURS] <= self.goal if self.values else None


def measure(arguments: argparse.Namespace) -> list[Figure]:
    """Measure all figures, one kind after the other."""
    # Drawn between measurements only: a thread that draws is CPU time of ours as well.
    with Progress(
        TextColumn("{task.description:12}"),
        BarColumn(),
        MofNCompleteColumn(),
        console=Console(stderr=True),
        transient=True,
        auto_refresh=False,
    ) as progress:
        times = overhead.cpu_times(arguments.rounds, arguments.n, progress)
        held = overhead.memory(progress)
        opened = connections.opened_by_retries(arguments.requests, progress)
        counts = None
        if arguments.instructions:
            counts = overhead.instructions(arguments.counted, progress)

    happy = over_rounds(overhead.happy_path, times)
    extra = over_rounds(overhead.extra_attempt, times)
    counted = [counts] if counts else []
    unit = "instructions"
    if counts is None:
        unit += "\n(needs valgrind)" if arguments.instructions else "\n(skipped)"
    return [
        Figure("happy path", "µs", 0.5, happy),
        Figure("happy path", f"/ {RIVAL}", 0.53, relative(happy)),
        Figure("happy path", unit, 5_500, over_rounds(overhead.happy_path, counted)),
        Figure("extra attempt", "µs", 11, extra),
        Figure("extra attempt", f"/ {RIVAL}", 0.97, relative(extra)),
        Figure("extra attempt", unit, 100_000, over_rounds(overhead.extra_attempt, counted)),
        Figure("in flight", "bytes", 300, over_rounds(overhead.happy_path, [held])),
        *(
            Figure("new connections", f"{size:,} B bodies", 0, opened[size])
            for size in connections.BODIES
        ),
    ]
