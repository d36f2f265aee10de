"""The schedule of attempts that a policy allows if all fail. Nothing is sent."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import tenacity

from httpx_resilient import wait_transient
from httpx_resilient._cli.wait_ranges import THROTTLED, WaitRange, wait_range
from httpx_resilient._core.context import begin
from httpx_resilient._core.family import Family
from httpx_resilient._layers.retry.policy import RetryPolicy
from httpx_resilient._layers.retry.state import RetryState
from httpx_resilient._layers.retry.waits import BRIDGE_JITTER, is_before_the_last

_FAMILY = Family(httpx, home="httpx_resilient")

FAILURE = 500
"""A status code for which `wait_transient` has its shorter wait."""


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
        tried = (attempt.number - 1) * took
        waited = WaitRange(
            attempt.earliest - tried, attempt.latest - tried, attempt.typical - tried
        )
        wait = wait_range(policy.wait, state, waited)
        if not continues(attempt.earliest, wait.low):
            return
        earliest = attempt.earliest + took + wait.low
        latest = attempt.latest + took + wait.high
        if isinstance(policy.wait, wait_transient) and _is_bridging(state):
            # The longer it has waited so far, the less there is left to wait.
            bridge, usual = policy.wait.bridge, wait_range(policy.wait.failure, state)
            earliest = max(earliest, tried + took + bridge)
            most = max(waited.high + usual.high, bridge * (1 + BRIDGE_JITTER))
            latest = tried + took + most
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


def _is_bridging(state: RetryState[Any, Any]) -> bool:
    """Whether the next attempt is the last one, after a failure."""
    return state.reason != str(THROTTLED) and is_before_the_last(state)
