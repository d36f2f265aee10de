"""
The bodies part: what an unbroken body costs more within a `ResumingTransport`.

callgrind counts the instructions of the client's process, without its start. The server
is another process.
"""

from __future__ import annotations

import argparse
import shutil
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

from rich.progress import Progress
from rich.table import Table

from benchmarks import layout, overhead
from benchmarks.bodies_client import KINDS, PLAIN, RESUMING
from benchmarks.workers import Process

NOTE = (
    "Instructions of a whole call of the client, with RetryingTransport() alone and "
    "within a ResumingTransport. A body without a strong validator is hashed."
)

_LARGE = 16_000_000

CASES: Mapping[str, tuple[str, str, str, int]] = {
    "GET, 1 KB": ("asyncio", "get", "1000/etag", 50),
    "GET, 1 KB, no validator": ("asyncio", "get", "1000/none", 50),
    "GET, 1 KB, trio": ("trio", "get", "1000/etag", 50),
    "GET, 1 KB, sync": ("sync", "get", "1000/etag", 50),
    "stream, 16 MB": ("asyncio", "stream", f"{_LARGE}/etag", 1),
    "stream, 16 MB, sync": ("sync", "stream", f"{_LARGE}/etag", 1),
    "stream, 16 MB, no validator": ("asyncio", "stream", f"{_LARGE}/none", 1),
}
"""The event loop, how it is read, the path, and how many requests are counted."""

_MOST_ADDED, _MOST_RATIO = 15_000, 1.03


@dataclass(frozen=True)
class Row:
    """A row of the table."""

    case: str
    instructions: Mapping[str, float]

    @property
    def added(self) -> float:
        """Return the instructions that the layer adds."""
        return self.instructions[RESUMING] - self.instructions[PLAIN]

    @property
    def ratio(self) -> float:
        """Return the instructions with the layer, relative to those without it."""
        return self.instructions[RESUMING] / self.instructions[PLAIN]

    @property
    def reached(self) -> bool | None:
        """Whether it reaches its goal; `None` if it has none."""
        if self.case.endswith("MB, no validator"):
            return None
        if self.case.startswith("stream"):
            return self.ratio <= _MOST_RATIO
        return self.added <= _MOST_ADDED


def measure(arguments: argparse.Namespace, progress: Progress) -> list[Row]:
    """Count the instructions of each case. Without valgrind none are counted."""
    valgrind = shutil.which("valgrind")
    if valgrind is None or not arguments.instructions:
        return []
    cases = list(CASES)[:1] if arguments.quick else list(CASES)
    server = Process("bodies_server")
    try:
        address = f"http://127.0.0.1:{server.receive(30)}"
        groups = [cases[0::2], cases[1::2]]
        with ThreadPoolExecutor(len(groups)) as pool:
            counts = pool.map(partial(_count, valgrind, address), groups)
            track = progress.track(counts, total=len(groups), description="bodies")
            rows = {row.case: row for group in track for row in group}
    finally:
        server.stop()
    return [rows[case] for case in cases]


def _count(valgrind: str, address: str, cases: Sequence[str]) -> list[Row]:
    """Count cases, all in forks of one process."""
    if not cases:
        return []
    runs = []
    for case in cases:
        backend, how, path, n = CASES[case]
        for kind in KINDS:
            runs += [f"{backend},{kind},{how},{path},{n * times}" for times in (1, 2)]
    client = [sys.executable, "-m", "benchmarks.bodies_client", address, *runs]
    counted = overhead.callgrind_of_each(valgrind, client, {})
    # The forks end in the order of the runs, and then the process itself does.
    totals = iter(counted.values())
    rows = []
    for case in cases:
        instructions = {}
        for kind in KINDS:
            less, more = next(totals), next(totals)
            instructions[kind] = (more - less) / CASES[case][3]
        rows.append(Row(case, instructions))
    return rows


def table_of(rows: Sequence[Row]) -> Table:
    """Lay out the cases."""
    table = layout.table(
        "Instructions of an unbroken body", "", *KINDS, "added", "ratio", "goal"
    )
    for row in rows:
        counted = (f"{row.instructions[kind]:,.0f}" for kind in KINDS)
        reached = {True: "[green]yes", False: "[red]no", None: "-"}[row.reached]
        shown = f"{row.added:,.0f}", f"[bold]{row.ratio:.3f}", reached
        table.add_row(row.case, *counted, *shown)
    return table


def as_json(rows: Sequence[Row]) -> dict[str, Any]:
    """Return the figures."""
    return {"cases": [{**asdict(row), "reached": row.reached} for row in rows]}
