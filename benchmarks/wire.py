"""
The wire part: the instructions of a client's request, by the connections below it.

callgrind counts those of the client's process, without its start. The server is another
process.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from itertools import product
from typing import Any

from rich.progress import Progress
from rich.table import Table

from benchmarks import layout, overhead
from benchmarks.wire_client import EXCHANGES, LIBRARIES, STOCK
from benchmarks.workers import Process

FALLBACK, WIRE = "httpcore", "wire"
KINDS = (STOCK, FALLBACK, WIRE)
"""The transport of the library; ours with connections of httpcore, and with its own."""


Case = tuple[str, str, str]
"""The exchange, the library, and the kind of the connections."""

NOTE = (
    "Instructions of a whole call of the client, which hardly vary between runs, with "
    "one request in flight. `ours` is RetryingTransport(); ratios are to the transport "
    "of the library itself in the same run."
)


@dataclass(frozen=True)
class Row:
    """A row of the table."""

    exchange: str
    library: str
    instructions: Mapping[str, float]
    goal: float | None

    def ratio(self, kind: str) -> float:
        """Return the instructions of a kind, relative to the library's own."""
        return self.instructions[kind] / self.instructions[STOCK]

    @property
    def reached(self) -> bool | None:
        """Whether the wire reaches its goal; `None` if it has none."""
        return None if self.goal is None else self.ratio(WIRE) <= self.goal


GOALS: Mapping[tuple[str, str], float] = {
    ("GET", "httpx"): 0.37,
    ("GET", "httpx2"): 0.35,
    ("GET, sync", "httpx"): 0.50,
    ("GET, sync", "httpx2"): 0.50,
    ("GET, trio", "httpx"): 0.52,
    ("GET, trio", "httpx2"): 0.52,
    ("stream 1 MiB", "httpx"): 0.19,
    ("stream 1 MiB, TLS", "httpx"): 0.36,
    ("POST 100 KB", "httpx"): 0.37,
}


def measure(arguments: argparse.Namespace, progress: Progress) -> list[Row]:
    """Count the instructions of each exchange. Without valgrind none are counted."""
    valgrind = shutil.which("valgrind")
    if valgrind is None or not arguments.instructions:
        return []
    rows = [
        (exchange, library)
        for exchange, library in product(EXCHANGES, LIBRARIES)
        if (exchange, library) in GOALS or library == "httpx"
    ]
    rows = rows[:1] if arguments.quick else rows
    cases = [(*row, kind) for row in rows for kind in KINDS]
    costs = _count(valgrind, cases, arguments.counted // 2, progress)
    return [
        Row(*row, {kind: costs[*row, kind] for kind in KINDS}, GOALS.get(row))
        for row in rows
    ]


def _count(
    valgrind: str, cases: Sequence[Case], n: int, progress: Progress
) -> dict[Case, float]:
    """Return the cost of one request: the difference of two lengths, without starts."""
    server = Process("wire_server")
    try:
        port, secure, authority = server.receive(30)
        runs = [(case, length) for case in cases for length in (n, 2 * n)]

        def count(run: tuple[Case, int]) -> int:
            case, length = run
            url = f"http://127.0.0.1:{port}/"
            if case[0].endswith("TLS"):
                url = f"https://127.0.0.1:{secure}/"
            named = ("--n", str(length), "--url", url, "--authority", authority)
            command = [sys.executable, "-m", "benchmarks.wire_client", *case]
            switch = {"HTTPX_RESILIENT_WIRE": str(int(case[2] == WIRE))}
            return overhead.callgrind(valgrind, [*command, *named], switch)

        with ThreadPoolExecutor(os.cpu_count()) as pool:
            track = progress.track(runs, description="wire")
            totals = dict(zip(track, pool.map(count, runs), strict=True))
    finally:
        server.stop()
    return {case: (totals[case, 2 * n] - totals[case, n]) / n for case in cases}


def table_of(rows: Sequence[Row]) -> Table:
    """Lay out the exchanges."""
    table = layout.table(
        "Instructions of a request", "", "of", *KINDS, *("ours / stock", "goal"), left=2
    )
    for row in rows:
        counted = (f"{row.instructions[kind]:,.0f}" for kind in KINDS)
        goal = "-" if row.goal is None else f"{row.goal:.2f}"
        ratio = f"[bold]{row.ratio(WIRE):.2f}"
        table.add_row(row.exchange, row.library, *counted, ratio, goal)
    return table


def as_json(rows: Sequence[Row]) -> dict[str, Any]:
    """Return the figures."""
    found = ({**asdict(row), "reached": row.reached} for row in rows)
    return {"exchanges": list(found)}
