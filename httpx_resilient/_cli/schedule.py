"""The schedule of attempts that a policy allows if all fail. Nothing is sent."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import tenacity

from httpx_resilient import wait_retry_after, wait_transient
from httpx_resilient._core.context import begin
from httpx_resilient._core.family import Family
from httpx_resilient._layers.retry.policy import RetryPolicy
from httpx_resilient._layers.retry.state import RetryState

_FAMILY = Family(httpx, home="httpx_resilient")

FAILURE, THROTTLED = 500, 429
"""Status codes of the two kinds of failure for which `wait_transient` has a wait."""


@dataclass(frozen=True, slots=True)
class WaitRange:
    """
    The range of a wait that may be random.

    Args:
        low: The minimum, in seconds.
        high: The maximum, in seconds.
        mean: The average, in seconds.
    """

    low: float
    high: float
    mean: float

    @classmethod
    def exactly(cls, seconds: float) -> WaitRange:
        """Return the range of a wait that is not random."""
        return cls(seconds, seconds, seconds)

    @classmethod
    def uniform(cls, one: float, other: float) -> WaitRange:
        """Return the range of a uniform distribution, with its ends in any order."""
        return cls(min(one, other), max(one, other), (one + other) / 2)


@dataclass(frozen=True, slots=True)
class ScheduledAttempt:
    """
    An attempt of a schedule, with its start in seconds since that of the first one.

    Args:
        number: Counted from 1.
        wait: The wait before it.
        earliest: Its earliest start.
        typical: Its start if every wait is average.
        latest: Its latest start.
        likely: Whether it takes place if every wait is average.
        certain: Whether it takes place even if every wait is the longest.
    """

    number: int
    wait: WaitRange
    earliest: float
    typical: float
    latest: float
    likely: bool
    certain: bool


def new_state(policy: RetryPolicy, method: str = "GET") -> RetryState[Any, Any]:
    """Make the state that strategies are called with, for a request never sent."""
    request = httpx.Request(method, "http://localhost/")
    context = begin(request, _Beginning())
    return RetryState(request, context, policy.controller, _FAMILY)


class _Beginning:
    """A clock that stands still at 0."""

    def now(self) -> float:
        return 0.0

    wall_time = now


def schedule(
    policy: RetryPolicy, status: int, took: float = 0.0
) -> Iterator[ScheduledAttempt]:
    """
    Iterate over the attempts.

    Args:
        policy: The strategies.
        status: The status code that each attempt fails with.
        took: Seconds that each attempt takes.

    Yields:
        One attempt after the other; infinitely many if the policy never stops.
    """
    state = new_state(policy)
    attempt = ScheduledAttempt(
        1, WaitRange.exactly(0.0), 0.0, 0.0, 0.0, likely=True, certain=True
    )

    def continues(start: float, wait: float) -> bool:
        state.outcome_timestamp = start + took
        state.upcoming_sleep = wait
        return not policy.stop(state)

    while True:
        yield attempt
        state.returned(httpx.Response(status), 0.0)
        wait = wait_range(policy.wait, state)
        if not continues(attempt.earliest, wait.low):
            return
        earliest = attempt.earliest + took + wait.low
        latest = attempt.latest + took + wait.high
        attempt = ScheduledAttempt(
            attempt.number + 1,
            wait,
            earliest,
            attempt.typical + took + wait.mean,
            max(earliest, min(latest, _last_start(policy.stop, wait.high))),
            likely=attempt.likely and continues(attempt.typical, wait.mean),
            certain=attempt.certain and continues(attempt.latest, wait.high),
        )
        state.sends(0.0)


def _last_start(stop: Any, wait: float) -> float:
    """Return the latest time at which a stop strategy lets an attempt start."""
    match stop:
        case tenacity.stop_any():
            return min(_last_start(each, wait) for each in stop.stops)
        case tenacity.stop_all():
            return max(_last_start(each, wait) for each in stop.stops)
        case tenacity.stop_before_delay():
            return stop.max_delay
        case tenacity.stop_after_delay():
            return stop.max_delay + wait
        case _:
            return math.inf


def wait_range(wait: Any, state: RetryState[Any, Any]) -> WaitRange:
    """Return the range of a wait strategy, without what a Retry-After header adds."""
    match wait:
        case wait_transient():
            throttled = state.reason == str(THROTTLED)
            return wait_range(wait.throttled if throttled else wait.failure, state)
        case wait_retry_after():
            return WaitRange.exactly(0.0)
        case tenacity.wait_combine():
            parts = [wait_range(each, state) for each in wait.wait_funcs]
            return WaitRange(
                sum(each.low for each in parts),
                sum(each.high for each in parts),
                sum(each.mean for each in parts),
            )
        case tenacity.wait_chain():
            last = min(state.attempt_number, len(wait.strategies))
            return wait_range(wait.strategies[last - 1], state)
        case tenacity.wait_random():
            return WaitRange.uniform(wait.wait_random_min, wait.wait_random_max)
        case tenacity.wait_random_exponential():
            high = tenacity.wait_exponential.__call__(wait, state)
            return WaitRange.uniform(wait.min, high)
        case tenacity.wait_exponential_jitter():
            return _jittered_range(wait, state)
        case _:
            return WaitRange.exactly(float(wait(state)))


def _jittered_range(
    wait: tenacity.wait_exponential_jitter, state: RetryState[Any, Any]
) -> WaitRange:
    """Return the range of a uniform distribution that is cut off at two limits."""
    # Releases of tenacity differ in the names of these attributes.
    settings: dict[str, float] = {"min": 0.0, "initial": 1.0, **vars(wait)}
    least, most = settings["min"], wait.max
    multiplier = settings.get("multiplier", settings["initial"])
    low = multiplier * wait.exp_base ** (state.attempt_number - 1)
    high = low + wait.jitter

    def within(seconds: float) -> float:
        return max(least, min(seconds, most))

    if high == low:
        return WaitRange.exactly(within(low))
    below, above = (max(low, min(limit, high)) for limit in (least, most))
    between = (above - below) * (above + below) / 2
    area = least * (below - low) + between + most * (high - above)
    return WaitRange(within(low), within(high), area / (high - low))
