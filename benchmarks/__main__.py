"""
Run all benchmarks, print tables and draw plots. The result is a report, not a test.

    python -m benchmarks                     15 minutes, with valgrind on the PATH
    python -m benchmarks --quick             a smoke test
    python -m benchmarks --only overhead     the cost of retrying transports
    python -m benchmarks --only layers       the cost of each layer, and of a listener
    python -m benchmarks --only imports      the cost of importing the library
    python -m benchmarks --only wire         the cost of a request, by its connection
    python -m benchmarks --only bodies       the cost of a body that can be resumed
    python -m benchmarks --only downloads    one connection, beside wget and aria2
    python -m benchmarks --only scale        pools under load
    python -m benchmarks --only cpu cold     parts of scale
    python -m benchmarks --only simulations  decisions of the layers, in virtual time
    python -m benchmarks --only jitter       a part of simulations
    python -m benchmarks --only sockets      two simulations over real sockets
    python -m benchmarks --redraw            the plots again, from the stored results
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import Any

try:
    # The client processes use these. Import them first, to fail before any measurement.
    import aiohttp  # noqa: F401 - checks that it is installed
    import httpx2  # noqa: F401 - checks that it is installed
    import httpx_aiohttp  # noqa: F401 - checks that it is installed
    import httpx_retries  # noqa: F401 - checks that it is installed
    import pydantic_ai.retries  # noqa: F401 - checks that it is installed
    import pyreqwest  # noqa: F401 - checks that it is installed
    import stamina  # noqa: F401 - checks that it is installed
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
    from rich.table import Table

    from benchmarks import (
        bodies,
        command_line,
        costs,
        downloads,
        imports,
        layers,
        machine,
        plan,
        plots,
        scale,
        tables,
        wire,
        wire_load,
        wire_plot,
    )
    from benchmarks.command_line import (
        BODIES,
        DOWNLOADS,
        IMPORTS,
        LAYERS,
        OVERHEAD,
        SCALE,
        SIMULATIONS,
        SOCKETS,
        WIRE,
        chosen,
    )
    from benchmarks.goals import goals_of
    from benchmarks.simulations import measure as simulations
    from benchmarks.simulations import plots as simulations_plots
    from benchmarks.sockets import measure as sockets
    from benchmarks.sockets import report as sockets_report
except ImportError as error:
    sys.exit(f"{error}\nRun: pip install -r requirements/benchmarks.txt")

_PLOTS = plots, simulations_plots, wire_plot
RESULTS = Path(__file__).parent / "results"


def main() -> None:
    """Read the command line, measure, and report."""
    arguments = command_line.parse()
    # In a file, the width is that of a page.
    console = Console(highlight=False, width=None if sys.stdout.isatty() else 100)

    if arguments.redraw:
        _redraw(console)
    else:
        _measure(arguments, console)


def _measure(arguments: argparse.Namespace, console: Console) -> None:
    facts = machine.facts()
    report: dict[str, Any] = dict(facts)
    for part, run in RUNS.items():
        if part in arguments.only or chosen(part, arguments):
            report[part] = run(arguments, console)
    if arguments.quick:
        console.print("\nThe benchmarks work. Ignore the figures of a quick run.")
    with _folder(temporary=arguments.quick) as folder:
        for part in report.keys() - facts.keys():
            _write(folder / f"{part}.json", {**facts, part: report[part]})
        if arguments.json is not None:
            _write(arguments.json, report)
        _draw(report, folder, console)


def _draw(report: Mapping[str, Any], folder: Path, console: Console) -> None:
    drawn = (module.draw(report, folder) for module in _PLOTS)
    for path in chain.from_iterable(drawn):
        size = path.stat().st_size / 1000
        console.print(f"{path.relative_to(folder)}: {size:.0f} KB")


def _redraw(console: Console) -> None:
    for part in (WIRE, SCALE, SIMULATIONS):
        report = json.loads((RESULTS / f"{part}.json").read_text(encoding="utf-8"))
        _draw(report, RESULTS, console)


def _overhead(arguments: argparse.Namespace, console: Console) -> dict[str, Any]:
    with _progress() as progress:
        figures = costs.measure(arguments, progress)
    costs.report(figures, arguments, console)
    return costs.as_json(figures, arguments)


def _layers(arguments: argparse.Namespace, console: Console) -> dict[str, Any]:
    with _progress() as progress:
        measured = layers.measure(arguments, progress)
    _show(console, [layers.table_of(measured)], layers.NOTE)
    return layers.as_json(measured, arguments)


def _imports(_: argparse.Namespace, console: Console) -> dict[str, Any]:
    with _progress() as progress:
        measured = imports.measure(progress)
    _show(console, [imports.table_of(measured)], imports.NOTE)
    return imports.as_json(measured)


def _wire(arguments: argparse.Namespace, console: Console) -> dict[str, Any]:
    with _progress() as progress:
        rows = wire.measure(arguments, progress)
    _show(console, [wire.table_of(rows)], wire.NOTE)
    of_load = plan.QUICK if arguments.quick else plan.Plan()
    with _progress() as progress:
        load = wire_load.measure(of_load, progress)
    _show(console, [wire_load.table_of(load)], wire_load.NOTE)
    return {**wire.as_json(rows), "load": load}


def _bodies(arguments: argparse.Namespace, console: Console) -> dict[str, Any]:
    with _progress() as progress:
        rows = bodies.measure(arguments, progress)
    _show(console, [bodies.table_of(rows)], bodies.NOTE)
    return bodies.as_json(rows)


def _downloads(arguments: argparse.Namespace, console: Console) -> dict[str, Any]:
    size, rounds = (20_000_000, 1) if arguments.quick else (500_000_000, 9)
    with _progress() as progress:
        rows = downloads.measure(progress, size=size, rounds=rounds)
    _show(console, [downloads.table_of(rows, size)], downloads.NOTE)
    return downloads.as_json(rows, size, rounds)


def _scale(arguments: argparse.Namespace, console: Console) -> dict[str, Any]:
    of_scale = plan.QUICK if arguments.quick else plan.Plan()
    parts = chosen(SCALE, arguments)
    with _progress() as progress:
        results = scale.measure(parts, of_scale, progress)
    goals = goals_of(results)
    _show(console, tables.tables_of(results, goals), tables.NOTE)
    return tables.as_json(of_scale, results, goals)


def _simulations(arguments: argparse.Namespace, console: Console) -> dict[str, Any]:
    parts = chosen(SIMULATIONS, arguments)
    with _progress() as progress:
        results = simulations.measure(parts, progress, quick=arguments.quick)
    _show(console, simulations.tables_of(results), simulations.NOTE)
    return simulations.as_json(results)


def _sockets(arguments: argparse.Namespace, console: Console) -> dict[str, Any]:
    of_sockets = sockets.QUICK if arguments.quick else sockets.Plan()
    with _progress() as progress:
        results = sockets.measure(of_sockets, progress)
    _show(console, sockets_report.tables_of(of_sockets, results), sockets_report.NOTE)
    return sockets_report.as_json(of_sockets, results)


RUNS: dict[str, Callable[[argparse.Namespace, Console], dict[str, Any]]] = {
    OVERHEAD: _overhead,
    LAYERS: _layers,
    IMPORTS: _imports,
    WIRE: _wire,
    BODIES: _bodies,
    DOWNLOADS: _downloads,
    SCALE: _scale,
    SIMULATIONS: _simulations,
    SOCKETS: _sockets,
}


def _show(console: Console, shown: Iterable[Table], note: str) -> None:
    for table in shown:
        console.print()
        console.print(table)
    console.print(note)


def _progress() -> Progress:
    # Drawn only between measurements: a thread that draws would use CPU time, too.
    return Progress(
        TextColumn("{task.description:12}"),
        BarColumn(),
        MofNCompleteColumn(),
        console=Console(stderr=True),
        transient=True,
        auto_refresh=False,
    )


@contextmanager
def _folder(*, temporary: bool) -> Iterator[Path]:
    if temporary:
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
