"""The simulations: what there is, and how they are run and told."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict
from types import ModuleType
from typing import TYPE_CHECKING, Any

from rich.table import Table

from benchmarks.simulations import (
    flaky,
    hedging,
    jitter,
    outage,
    overload,
    throttling,
)
from benchmarks.simulations.telling import Goal, Told, table_of_goals

if TYPE_CHECKING:
    from rich.progress import Progress

PARTS: dict[str, ModuleType] = {
    "jitter": jitter,
    "overload": overload,
    "flaky": flaky,
    "outage": outage,
    "throttling": throttling,
    "hedging": hedging,
}
"""Each lists its `cases`, can `run` one, and has the `tables` and `goals` of all."""

NOTE = (
    "All is simulated but the decisions: these are the library's own, on a virtual "
    "clock. In parentheses: what others measured, or was measured for them in another "
    "model, and what follows from a published formula."
)
"""What the tables mean."""

Results = dict[str, list[Told]]


def measure(parts: Sequence[str], progress: Progress, *, quick: bool) -> Results:
    """Run the cases of all parts, as many at a time as there are cores."""
    cases = [(part, case) for part in parts for case in PARTS[part].cases(quick=quick)]
    results: Results = {part: [] for part in parts}
    with ProcessPoolExecutor() as pool:
        tolds = progress.track(
            pool.map(_run, cases), len(cases), description="simulations"
        )
        for (part, case), told in zip(cases, tolds, strict=True):
            results[part].append({**case, **told})
    return results


def _run(case: tuple[str, dict[str, Any]]) -> Told:
    part, arguments = case
    told: Told = PARTS[part].run(**arguments)
    return told


def goals_of(results: Results) -> list[Goal]:
    """Compare what was found with what it should be."""
    return [
        goal for part, found in results.items() for goal in PARTS[part].goals(found)
    ]


def tables_of(results: Results) -> Iterator[Table]:
    """Lay out what was found."""
    for part, found in results.items():
        yield from PARTS[part].tables(found)
    yield table_of_goals(goals_of(results))


def told(results: Results) -> dict[str, Any]:
    """Tell everything."""
    return {"goals": list(map(asdict, goals_of(results))), "results": results}
