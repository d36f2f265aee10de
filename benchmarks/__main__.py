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
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path

try:
    # Used by peers only, but there it would be late to learn that one is missing.
    import httpx_retries  # noqa: F401 - as said above
    import pydantic_ai.retries  # noqa: F401 - as said above
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
    """A line of the table: what was measured of each peer. Less is better."""

    subject: str
    unit: str
    values: Mapping[str, float]
    goal: float
    digits: int = 0

    @property
    def reached(self) -> bool | None:
        """Whether ours is as good as it means to be, if it was measured."""
        return self.values[OURS] <= self.goal if self.values else None

    def shown(self, value: float | None) -> str:
        """Format a value."""
        return "-" if value is None else f"{value:,.{self.digits}f}"


def measure(arguments: argparse.Namespace) -> list[Figure]:
    """Measure one kind of figures after the other."""
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

    figures: list[Figure] = []
    for subject, of, goals in (
        ("happy path", overhead.happy_path, (0.5, 0.53, 5_500)),
        ("extra attempt", overhead.extra_attempt, (11, 0.97, 100_000)),
    ):
        spent = medians(of, times)
        ratio = {peer: spent[peer] / spent[RIVAL] for peer in PEERS if peer != BARE}
        figures.append(Figure(subject, "µs", spent, goals[0], digits=2))
        figures.append(Figure(subject, "ratio", ratio, goals[1], digits=3))
        if arguments.instructions:
            counted = medians(of, [counts]) if counts else {}
            figures.append(Figure(subject, "instructions", counted, goals[2]))
    waiting = medians(overhead.happy_path, [held])
    figures.append(Figure("held in flight", "bytes", waiting, 300))
    figures.extend(
        Figure("new connections", f"after {size:,} B", of_peers, 0)
        for size, of_peers in opened.items()
    )
    return figures


def medians(
    of: Callable[[overhead.Costs, str], float], rounds: Sequence[overhead.Costs]
) -> dict[str, float]:
    """
    Take the median of what was found within each round.

    Not the other way round: what slows down a whole round is subtracted with it.
    """
    return {
        peer: statistics.median(of(costs, peer) for costs in rounds) for peer in PEERS
    }


def table_of(figures: Sequence[Figure]) -> Table:
    """Lay out the figures, narrow enough for any terminal."""
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
    """Yield the cells of a line, its goal beside ours."""
    for peer in PEERS:
        value = figure.shown(figure.values.get(peer))
        if peer == OURS:
            yield f"[bold]{value}"
            yield figure.shown(figure.goal)
            yield {True: "[green]yes", False: "[red]no", None: ""}[figure.reached]
        else:
            yield value


def main() -> None:
    """Read the command line, measure, and tell."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description="Measures what RetryingTransport costs, next to its peers.",
    )
    parser.add_argument("--quick", action="store_true", help="see that it works")
    parser.add_argument("--rounds", type=positive, help="of CPU time; 25 by default")
    parser.add_argument("--n", type=positive, help="requests in each; 2000 by default")
    parser.add_argument(
        "--no-instructions",
        dest="instructions",
        action="store_false",
        help="do not count instructions, which takes most of the time",
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write figures there")
    arguments = parser.parse_args()
    quick = arguments.quick
    arguments.rounds = arguments.rounds or (5 if quick else 25)
    arguments.n = arguments.n or (500 if quick else 2000)
    arguments.requests = 100 if quick else 1000
    arguments.counted = 50 if quick else 200

    figures = measure(arguments)
    console = Console(highlight=False)
    console.print(table_of(figures))
    console.print(
        "All is over bare, of which its own is shown. Other machines have other µs: "
        f"compare the ratio, which is to {RIVAL}. New connections are those opened "
        f"because {connections.failing(arguments.requests)} of "
        f"{arguments.requests:,} requests failed once."
    )
    if arguments.json is not None:
        arguments.json.write_text(json_of(figures, arguments), encoding="utf-8")


def positive(argument: str) -> int:
    """Refuse what cannot be counted to."""
    number = int(argument)
    if number < 1:
        msg = f"{number} is less than 1"
        raise argparse.ArgumentTypeError(msg)
    return number


def json_of(figures: Sequence[Figure], arguments: argparse.Namespace) -> str:
    """Tell figures, and what is needed to take them for what they are."""
    report = {
        "python": platform.python_version(),
        "machine": platform.machine(),
        "packages": {name: version(name) for name in PACKAGES},
        "rounds": arguments.rounds,
        "n": arguments.n,
        "figures": [
            {**asdict(figure), "reached": figure.reached} for figure in figures
        ],
    }
    return json.dumps(report, indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)
