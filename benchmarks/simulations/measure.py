"""The simulations: the list of them, their execution and their report."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict
from types import ModuleType
from typing import TYPE_CHECKING, Any

from rich.table import Table

from benchmarks.simulations import (
    events,
    flaky,
    hedging,
    hints,
    jitter,
    outage,
    overload,
    throttling,
)
from benchmarks.simulations.reporting import CaseResult, Goal, table_of_goals

if TYPE_CHECKING:
    from rich.progress import Progress

PARTS: dict[str, ModuleType] = {
    "jitter": jitter,
    "overload": overload,
    "flaky": flaky,
    "outage": outage,
    "events": events,
    "hints": hints,
    "throttling": throttling,
    "hedging": hedging,
}
"""Each module has `cases`, `run` for one case, and `tables` and `goals` for all."""

NOTE = (
    "The clock, the servers and the network are simulated; the library's own code "
    "makes the decisions. Parentheses contain published figures, figures of other "
    "algorithms in another model, and results of a published formula."
)
"""The explanation below the tables."""

Results = dict[str, list[CaseResult]]


def measure(parts: Sequence[str], progress: Progress, *, quick: bool) -> Results:
    """Run the cases of all parts, one at a time on each core."""
    cases = [(part, case) for part in parts for case in PARTS[part].cases(quick=quick)]
    results: Results = {part: [] for part in parts}
    with ProcessPoolExecutor() as pool:
        measured = progress.track(
            pool.map(_run, cases), len(cases), description="simulations"
        )
        for (part, case), result in zip(cases, measured, strict=True):
            results[part].append({**case, **result})
    return results


def _run(case: tuple[str, dict[str, Any]]) -> CaseResult:
    part, arguments = case
    result: CaseResult = PARTS[part].run(**arguments)
    return result


def goals_of(results: Results) -> list[Goal]:
    """Compare the results with the goals."""
    return [
        goal for part, found in results.items() for goal in PARTS[part].goals(found)
    ]


def tables_of(results: Results) -> Iterator[Table]:
    """Lay out the results."""
    for part, found in results.items():
        yield from PARTS[part].tables(found)
    yield table_of_goals(goals_of(results))


def as_json(results: Results) -> dict[str, Any]:
    """Return the goals and the results."""
    return {"goals": list(map(asdict, goals_of(results))), "results": results}
