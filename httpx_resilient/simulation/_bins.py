"""Seconds together in bins, as wide as a picture needs them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from httpx_resilient.simulation._result import Second


@dataclass(frozen=True, slots=True)
class Bin:
    """
    Some seconds of a simulation.

    Args:
        start: The first second.
        calls: Calls per second.
        requests: Requests per second.
        success: The share of the calls that succeeded; `None` without calls.
        amplification: Requests per call; `None` without calls.
    """

    start: int
    calls: float
    requests: float
    success: float | None
    amplification: float | None


def binned(series: Sequence[Second], most: int) -> list[Bin]:
    """Put the seconds into bins of equal width, which are at most so many."""
    width = max(math.ceil(len(series) / most), 1)
    return [
        _bin(start, series[start : start + width])
        for start in range(0, len(series), width)
    ]


def _bin(start: int, seconds: Sequence[Second]) -> Bin:
    calls, succeeded, requests = map(sum, zip(*seconds, strict=True))
    return Bin(
        start,
        calls / len(seconds),
        requests / len(seconds),
        succeeded / calls if calls else None,
        requests / calls if calls else None,
    )
