"""The command line of `python -m benchmarks`."""

from __future__ import annotations

import argparse
from pathlib import Path

from benchmarks import scale
from benchmarks.simulations import measure as simulations

OVERHEAD, LAYERS, IMPORTS, SCALE = "overhead", "layers", "imports", "scale"
SIMULATIONS, SOCKETS, WIRE = "simulations", "sockets", "wire"
BODIES, DOWNLOADS = "bodies", "downloads"
ALL = (
    OVERHEAD, LAYERS, IMPORTS, WIRE, BODIES, DOWNLOADS, SCALE, SIMULATIONS, SOCKETS,
)  # fmt: skip
PARTS = {SCALE: tuple(scale.PARTS), SIMULATIONS: tuple(simulations.PARTS)}


def parse() -> argparse.Namespace:
    """Read the command line, and set the numbers that `--quick` reduces."""
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
        "--quick", action="store_true", help="run a smoke test, and write no results"
    )
    parser.add_argument(
        "--only",
        nargs="+",
        choices=(*ALL, *PARTS[SCALE], *PARTS[SIMULATIONS]),
        default=ALL,
        metavar="PART",
        help=f"run only these: {', '.join(ALL)}; parts of {SCALE}: "
        f"{', '.join(PARTS[SCALE])}; parts of {SIMULATIONS}: "
        f"{', '.join(PARTS[SIMULATIONS])}",
    )
    parser.add_argument(
        "--redraw",
        action="store_true",
        help="draw the plots again, and measure nothing",
    )
    parser.add_argument(
        "--rounds", type=positive, help="rounds of CPU time; 25 by default"
    )
    parser.add_argument(
        "--n", type=positive, help="requests in each round; 2000 by default"
    )
    parser.add_argument(
        "--no-instructions",
        dest="instructions",
        action="store_false",
        help="do not count instructions, which takes most of the time",
    )
    parser.add_argument(
        "--json", type=Path, metavar="FILE", help="also write all figures to this file"
    )
    return parser


def positive(argument: str) -> int:
    """Parse a number of at least 1."""
    number = int(argument)
    if number < 1:
        msg = f"expected a number of at least 1; got {number}"
        raise argparse.ArgumentTypeError(msg)
    return number


def chosen(part: str, arguments: argparse.Namespace) -> list[str]:
    """Return the parts of a part that the command line selects."""
    only = arguments.only
    return [each for each in PARTS.get(part, ()) if part in only or each in only]
