"""Counts the calls of a simulation."""

from __future__ import annotations

import math
from collections import Counter
from typing import Any

from httpx_resilient._core.attempts import attempts_of
from httpx_resilient.simulation._result import ERROR_STATUS, Second, SimulationResult

_BUDGET = "the retry budget of"
"""What the reason of an attempt says if a budget has refused the next one."""


class Recorder:
    """Counts what happens in a simulation, by the second in which a call starts."""

    def __init__(self) -> None:
        self.outcomes: Counter[str] = Counter()
        self.started: Counter[int] = Counter()
        self.succeeded: Counter[int] = Counter()
        self.requests: Counter[int] = Counter()
        self._refused = 0
        self._latencies: list[float] = []

    def answered(self, response: Any, started: float, now: float) -> None:
        """Record the response of a call."""
        status = response.status_code
        if status < ERROR_STATUS:
            self.succeeded[int(started)] += 1
        self._ended(str(status), response, now - started)

    def failed(self, error: Exception, started: float, now: float) -> None:
        """Record the exception of a call."""
        self._ended(type(error).__name__, error, now - started)

    def _ended(self, outcome: str, of: object, took: float) -> None:
        self.outcomes[outcome] += 1
        self._latencies.append(took)
        attempts = () if outcome == "200" else attempts_of(of)
        if attempts and _BUDGET in attempts[-1].reason:
            self._refused += 1

    def result(self, seconds: float, over: float | None) -> SimulationResult:
        """Return the result of a simulation of so many seconds."""
        by_second = tuple(
            Second(self.started[each], self.succeeded[each], self.requests[each])
            for each in range(math.ceil(seconds))
        )
        outcomes = dict(self.outcomes.most_common())
        unfinished = self.started.total() - self.outcomes.total()
        if unfinished:
            outcomes["unfinished"] = unfinished
        return SimulationResult(
            outcomes,
            self.requests.total(),
            self._refused,
            over,
            by_second,
            sorted(self._latencies),
        )
