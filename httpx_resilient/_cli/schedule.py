"""When the attempts are that a policy allows, if all of them fail. Nothing is sent."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import tenacity

from httpx_resilient import wait_retry_after, wait_transient
from httpx_resilient._core.family import Family
from httpx_resilient._layers.retry.policy import RetryPolicy
from httpx_resilient._layers.retry.state import RetryState

MOST = 20
"""Attempts that are told of."""

FAMILY = Family.of(httpx, home="httpx_resilient")

FAILURE, THROTTLED = 500, 429
"""What servers answer that have failed, or are asked too much."""


@dataclass(frozen=True, slots=True)
class Spread:
    """
    A wait that may be random.

    Args:
        low: Seconds, at least.
        high: Seconds, at most.
        mean: Seconds, on average.
    """

    low: float
    high: float
    mean: float

    @classmethod
    def even(cls, one: float, other: float) -> Spread:
        """All between two numbers is equally likely."""
        return cls(min(one, other), max(one, other), (one + other) / 2)


@dataclass(frozen=True, slots=True)
class Row:
    """
    An attempt.

    Args:
        number: Counted from 1.
        wait: Before it.
        earliest: Seconds since the first began, at least.
        typical: Seconds since the first began, if all waits are as on average.
        latest: Seconds since the first began, at most.
        likely: Whether there is one if all waits are as on average.
        certain: Whether there is one however long the waits are.
    """

    number: int
    wait: Spread
    earliest: float
    typical: float
    latest: float
    likely: bool
    certain: bool


def state_of(policy: RetryPolicy, method: str = "GET") -> RetryState[Any, Any]:
    """Make what strategies are given, for a request that goes nowhere."""
    request = httpx.Request(method, "http://localhost/")
    return RetryState(request, None, policy, FAMILY, 0.0, lambda: 0.0)


def schedule(policy: RetryPolicy, status: int, took: float = 0.0) -> Iterator[Row]:
    """
    Tell when the attempts are.

    Args:
        policy: The strategies.
        status: What each attempt is answered.
        took: Seconds that each takes.

    Yields:
        One after the other, without end if the policy has none.
    """
    state = state_of(policy)
    none = Spread(0.0, 0.0, 0.0)
    row = Row(1, none, 0.0, 0.0, 0.0, likely=True, certain=True)
    while True:
        yield row
        state.returned(httpx.Response(status), 0.0)
        wait = spread(policy.wait, state)

        def goes_on(began: float, seconds: float) -> bool:
            state.outcome_timestamp = began + took
            state.upcoming_sleep = seconds
            return not policy.stop(state)

        if not goes_on(row.earliest, wait.low):
            return
        latest = min(row.latest + took + wait.high, _bound(policy.stop, wait.high))
        row = Row(
            row.number + 1,
            wait,
            earliest := row.earliest + took + wait.low,
            row.typical + took + wait.mean,
            max(earliest, latest),
            likely=row.likely and goes_on(row.typical, wait.mean),
            certain=row.certain and goes_on(row.latest, wait.high),
        )
        state.sends(0.0)


def _bound(stop: Any, wait: float) -> float:
    """When the last attempt begins at the latest, as far as this is limited."""
    match stop:
        case tenacity.stop_any():
            return min(_bound(each, wait) for each in stop.stops)
        case tenacity.stop_all():
            return max(_bound(each, wait) for each in stop.stops)
        case tenacity.stop_before_delay():
            return stop.max_delay
        case tenacity.stop_after_delay():
            return stop.max_delay + wait
        case _:
            return math.inf


def spread(wait: Any, state: RetryState[Any, Any]) -> Spread:
    """Tell between which limits a wait is, other than what a server asks for."""
    match wait:
        case wait_transient():
            throttled = state.reason == str(THROTTLED)
            return spread(wait.throttled if throttled else wait.failure, state)
        case wait_retry_after():
            return Spread(0.0, 0.0, 0.0)
        case tenacity.wait_combine():
            parts = [spread(each, state) for each in wait.wait_funcs]
            return Spread(
                sum(each.low for each in parts),
                sum(each.high for each in parts),
                sum(each.mean for each in parts),
            )
        case tenacity.wait_chain():
            last = min(state.attempt_number, len(wait.strategies))
            return spread(wait.strategies[last - 1], state)
        case tenacity.wait_random():
            return Spread.even(wait.wait_random_min, wait.wait_random_max)
        case tenacity.wait_random_exponential():
            high = tenacity.wait_exponential.__call__(wait, state)
            return Spread.even(wait.min, high)
        case tenacity.wait_exponential_jitter():
            return _jittered(wait, state)
        case _:
            exact = float(wait(state))
            return Spread(exact, exact, exact)


def _jittered(
    wait: tenacity.wait_exponential_jitter, state: RetryState[Any, Any]
) -> Spread:
    """All between two numbers is equally likely, but what is above or below a limit."""
    # Their names are not the same in all releases.
    settings: dict[str, float] = {"min": 0.0, "initial": 1.0, **vars(wait)}
    least, most = settings["min"], wait.max
    multiplier = settings.get("multiplier", settings["initial"])
    low = multiplier * wait.exp_base ** (state.attempt_number - 1)
    high = low + wait.jitter

    def within(seconds: float) -> float:
        return max(least, min(seconds, most))

    if high == low:
        return Spread(within(low), within(low), within(low))
    below, above = (max(low, min(limit, high)) for limit in (least, most))
    between = (above - below) * (above + below) / 2
    area = least * (below - low) + between + most * (high - above)
    return Spread(within(low), within(high), area / (high - low))
