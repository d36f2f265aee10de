"""What a simulation has counted, and what follows from it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from httpx_resilient._core.public import public
from httpx_resilient._core.state.quantile import quantile
from httpx_resilient._core.validation import number

ERROR_STATUS = 400
"""The lowest status code of an error (RFC 9110 §15)."""

GOOD = 0.99
"""The share of the calls that succeed in good times."""

WINDOW = 10
"""Seconds for which they must do so: then a server has recovered."""


@public("httpx_resilient.simulation")
class Second(NamedTuple):
    """
    One second of a simulation.

    Args:
        calls: Calls that started in it.
        succeeded: Those of them that succeeded, then or later.
        requests: Requests that reached the server in it.

    Example:
        >>> Second(calls=10, succeeded=9, requests=14).requests
        14
    """

    calls: int
    succeeded: int
    requests: int


@public("httpx_resilient.simulation")
@dataclass(frozen=True, slots=True)
class SimulationResult:
    """
    The calls of a simulation, and what they cost the server.

    Args:
        outcomes: Calls by their outcome: a status code, the name of an exception, or
            `unfinished` if a call had not ended two minutes after the last one began.
        requests: Requests that reached the server, or would have if it had been up.
        refused: Calls that had no further attempt because the retry budget was spent.
        over: The end of the last outage in seconds; `None` if there was none.
        by_second: Each second of the traffic.
        latencies: The seconds that each call took, in ascending order.

    Example:
        >>> result = simulate(RetryingTransport, Server(100), Traffic(10), seconds=20)
        >>> result.calls == sum(result.outcomes.values()) == result.outcomes["200"]
        True
        >>> result.success, result.amplification
        (1.0, 1.0)
    """

    outcomes: Mapping[str, int]
    requests: int
    refused: int
    over: float | None
    by_second: Sequence[Second]
    latencies: Sequence[float] = field(repr=False)

    @property
    def calls(self) -> int:
        """The number of calls."""
        return sum(self.outcomes.values())

    @property
    def succeeded(self) -> int:
        """Calls with a status code below 400."""
        return sum(
            count
            for outcome, count in self.outcomes.items()
            if outcome.isdigit() and int(outcome) < ERROR_STATUS
        )

    @property
    def success(self) -> float:
        """The share of the calls that succeeded; 1.0 without calls."""
        return self.succeeded / self.calls if self.calls else 1.0

    @property
    def amplification(self) -> float:
        """Requests per call; 1.0 without calls."""
        return self.requests / self.calls if self.calls else 1.0

    @property
    def peak(self) -> int:
        """The most requests that reached the server in one second."""
        return max((each.requests for each in self.by_second), default=0)

    @property
    def recovery(self) -> int | None:
        """
        Seconds from the end of the last outage until the server has recovered.

        From then on, 99 % of the calls that start within ten seconds succeed. `None` if
        there is no such moment in the time of the simulation, or was no outage.
        """
        if self.over is None:
            return None
        first = math.ceil(self.over)
        for second in range(first, len(self.by_second) - WINDOW + 1):
            window = self.by_second[second : second + WINDOW]
            calls = sum(each.calls for each in window)
            if calls and sum(each.succeeded for each in window) >= GOOD * calls:
                return second - first
        return None

    def latency(self, share: float) -> float:
        """
        Return the seconds within which this share of the calls ended, well or not.

        Args:
            share: As 0.99 for the 99th percentile.

        Raises:
            TypeError: It is not a number.
            ValueError: It is not above 0, or above 1.
        """
        number("share", share, above=0, most=1)
        return quantile(self.latencies, share) if self.latencies else 0.0
