"""The figures of the scale part, computed from the results."""

from __future__ import annotations

import statistics

from benchmarks.bench import Results
from benchmarks.plan import ORIGINS, SLOTS
from benchmarks.workers import CaseResult


def cost(result: CaseResult) -> float | None:
    """Return the CPU microseconds for each answered request."""
    return result["cpu"] / result["done"] * 1e6 if result.get("done") else None


def cpu_at(results: Results, client: str, level: int) -> float | None:
    """Return the median cost over the rounds."""
    return _median(_costs(results, client, level))


def ratio(results: Results, of: tuple[str, int], to: tuple[str, int]) -> float | None:
    """Return the median over the rounds of the ratio within each round."""
    pairs = zip(_costs(results, *of), _costs(results, *to), strict=False)
    return _median([one / two if one and two else None for one, two in pairs])


def _costs(results: Results, client: str, level: int) -> list[float | None]:
    return [
        cost(result)
        for result in results["cpu"][client]
        if result["in_flight"] == level
    ]


def all_done(result: CaseResult) -> bool:
    """Return whether all requests were answered."""
    return bool(result.get("done") == result.get("requests", -1))


def done_of(result: CaseResult) -> str:
    """Format the number of answered requests, or the error of the process."""
    if "error" in result:
        return str(result["error"])
    return f"{result['done']:,} of {result['requests']:,}"


def origins_ratio(results: Results, client: str) -> float | None:
    """Return the cost of requests to 50 origins over the cost of those to one."""
    one, many = (
        [
            cost(result)
            for result in results["origins"][client]
            if result["origins"] == count
        ]
        for count in (1, ORIGINS)
    )
    return _median([b / a if a and b else None for a, b in zip(one, many, strict=True)])


def slots_lost(result: CaseResult) -> int | None:
    """Return how many slots no probe could use; `None` if no probe was answered."""
    return SLOTS - min(SLOTS, result["server"]["max_busy"]) if result["done"] else None


def _median(values: list[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return statistics.median(known) if known else None
