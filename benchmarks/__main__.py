"""
Measures everything, prints tables and draws plots: a report, no test that could fail.

    python -m benchmarks                     15 minutes, with valgrind on the PATH
    python -m benchmarks --quick             to see that it works
    python -m benchmarks --only overhead     what a retrying transport costs
    python -m benchmarks --only layers       what each layer, and a listener, costs
    python -m benchmarks --only scale        what a pool does under load
    python -m benchmarks --only cpu cold     parts of that
    python -m benchmarks --only simulations  what the layers decide, in virtual time
    python -m benchmarks --only jitter       a part of that
    python -m benchmarks --only sockets      the same over real sockets, in real time
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

try:
    # Used by peers only, but there it would be late to learn that one is missing.
    import aiohttp  # noqa: F401 - as said above
    import httpx2  # noqa: F401 - as said above
    import httpx_aiohttp  # noqa: F401 - as said above
    import httpx_retries  # noqa: F401 - as said above
    import pydantic_ai.retries  # noqa: F401 - as said above
    import pyreqwest  # noqa: F401 - as said above
    import stamina  # noqa: F401 - as said above
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
    from rich.table import Table

    from benchmarks import costs, layers, machine, plots, scale, tables
    from benchmarks.goals import goals_of
    from benchmarks.simulations import measure as simulations
    from benchmarks.simulations import plots as simulations_plots
    from benchmarks.sockets import measure as sockets
except ImportError as error:
    sys.exit(f"{error}\nThe benchmarks need more: pip install -e '.[benchmarks]'")

RESULTS = Path(__file__).parent / "results"
OVERHEAD, LAYERS, SCALE = "overhead", "layers", "scale"
SIMULATIONS, SOCKETS = "simulations", "sockets"
ALL = (OVERHEAD, LAYERS, SCALE, SIMULATIONS, SOCKETS)


def main() -> None:
    """Read the command line, measure, and tell."""
    arguments = _arguments()
    quick = arguments.quick
    plan = scale.QUICK if quick else scale.Plan()
    only = arguments.only
    parts = [part for part in scale.PARTS if SCALE in only or part in only]
    # In a file as wide as the README has room for.
    console = Console(highlight=False, width=None if sys.stdout.isatty() else 100)

    facts = machine.facts()
    report: dict[str, Any] = dict(facts)
    if OVERHEAD in only:
        with _progress() as progress:
            figures = costs.measure(arguments, progress)
        costs.report(figures, arguments, console)
        report[OVERHEAD] = costs.told(figures, arguments)
    if LAYERS in only:
        with _progress() as progress:
            each = layers.measure(arguments, progress)
        _show(console, [layers.table_of(each)], layers.NOTE)
        report[LAYERS] = layers.told(each, arguments)
    results: scale.Results = {}
    if parts:
        with _progress() as progress:
            results = scale.measure(parts, plan, progress)
        goals = goals_of(results)
        _show(console, tables.tables_of(results, goals), tables.NOTE)
        report[SCALE] = tables.told(plan, results, goals)
    parts = [part for part in simulations.PARTS if SIMULATIONS in only or part in only]
    simulated: simulations.Results = {}
    if parts:
        with _progress() as progress:
            simulated = simulations.measure(parts, progress, quick=quick)
        _show(console, simulations.tables_of(simulated), simulations.NOTE)
        report[SIMULATIONS] = simulations.told(simulated)
    if SOCKETS in only:
        crowd = sockets.QUICK if quick else sockets.Plan()
        with _progress() as progress:
            real = sockets.measure(crowd, progress)
        _show(console, sockets.tables_of(crowd, real), sockets.NOTE)
        report[SOCKETS] = sockets.told(crowd, real)
    if quick:
        console.print("\nThat was quick: it works, and the figures mean nothing.")
    with _folder(thrown_away=quick) as folder:
        for part in report.keys() - facts.keys():
            _write(folder / f"{part}.json", {**facts, part: report[part]})
        if arguments.json is not None:
            _write(arguments.json, report)
        drawn = plots.draw(results, folder, machine.footer(report))
        of_simulations = simulations_plots.draw(simulated, folder, report)
        for path in (*drawn, *of_simulations):
            size = path.stat().st_size / 1000
            console.print(f"{path.relative_to(folder)}: {size:.0f} KB")


def _arguments() -> argparse.Namespace:
    arguments = _parser().parse_args()
    quick = arguments.quick
    arguments.rounds = arguments.rounds or (5 if quick else 25)
    arguments.n = arguments.n or (500 if quick else 2000)
    arguments.requests = 100 if quick else 1000
    arguments.counted = 50 if quick else 200
    return arguments


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description="Measures the layers and the pool, next to their peers.",
    )
    parser.add_argument(
        "--quick", action="store_true", help="see that it works, and keep nothing"
    )
    parser.add_argument(
        "--only",
        nargs="+",
        choices=(*ALL, *scale.PARTS, *simulations.PARTS),
        default=ALL,
        metavar="PART",
        help=f"some parts: {', '.join(ALL)}; of {SCALE} {', '.join(scale.PARTS)}; of "
        f"{SIMULATIONS} {', '.join(simulations.PARTS)}",
    )
    parser.add_argument("--rounds", type=positive, help="of CPU time; 25 by default")
    parser.add_argument("--n", type=positive, help="requests in each; 2000 by default")
    parser.add_argument(
        "--no-instructions",
        dest="instructions",
        action="store_false",
        help="do not count instructions, which takes most of the time of overhead",
    )
    parser.add_argument(
        "--json", type=Path, metavar="FILE", help="write figures there, too"
    )
    return parser


def positive(argument: str) -> int:
    """Refuse what cannot be counted to."""
    number = int(argument)
    if number < 1:
        msg = f"{number} is less than 1"
        raise argparse.ArgumentTypeError(msg)
    return number


def _show(console: Console, shown: Iterable[Table], note: str) -> None:
    for table in shown:
        console.print()
        console.print(table)
    console.print(note)


def _progress() -> Progress:
    # Drawn between measurements only: a thread that draws is CPU time of ours as well.
    return Progress(
        TextColumn("{task.description:12}"),
        BarColumn(),
        MofNCompleteColumn(),
        console=Console(stderr=True),
        transient=True,
        auto_refresh=False,
    )


@contextmanager
def _folder(*, thrown_away: bool) -> Iterator[Path]:
    if thrown_away:
        with tempfile.TemporaryDirectory() as folder:
            yield Path(folder)
    else:
        RESULTS.mkdir(exist_ok=True)
        yield RESULTS


def _write(path: Path, report: dict[str, Any]) -> None:
    written = json.dumps(report, indent=1, ensure_ascii=False) + "\n"
    path.write_text(written, encoding="utf-8")


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)
