"""The range of a wait that may be random, for each kind of wait strategy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import tenacity

from httpx_resilient import wait_retry_after, wait_transient
from httpx_resilient._layers.retry.state import RetryState
from httpx_resilient._layers.retry.waits import BRIDGE_JITTER, is_before_the_last

THROTTLED = 429
"""A status code for which `wait_transient` has its longer wait."""


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

    def bridging(self, bridge: float, waited: WaitRange) -> WaitRange:
        """
        Return the range of the longer of this wait and the rest of a bridge.

        Args:
            bridge: Seconds that all waits add up to, at least.
            waited: Seconds of the waits so far.
        """
        longest = bridge * (1 + BRIDGE_JITTER)
        return WaitRange(
            max(self.low, bridge - waited.high),
            max(self.high, longest - waited.low if waited.low < bridge else 0.0),
            max(self.mean, (bridge + longest) / 2 - waited.mean),
        )


_NOT_YET = WaitRange.exactly(0.0)


def wait_range(
    wait: Any, state: RetryState[Any, Any], waited: WaitRange = _NOT_YET
) -> WaitRange:
    """
    Return the range of a wait strategy, without what a Retry-After header adds.

    Args:
        wait: The strategy.
        state: The state after the failed attempt.
        waited: Seconds of the waits so far.
    """
    match wait:
        case wait_transient():
            if state.reason == str(THROTTLED):
                return wait_range(wait.throttled, state)
            usual = wait_range(wait.failure, state)
            is_last = is_before_the_last(state)
            return usual.bridging(wait.bridge, waited) if is_last else usual
        case wait_retry_after():
            return WaitRange.exactly(0.0)
        case tenacity.wait_combine():
            parts = [wait_range(each, state, waited) for each in wait.wait_funcs]
            return WaitRange(
                sum(each.low for each in parts),
                sum(each.high for each in parts),
                sum(each.mean for each in parts),
            )
        case tenacity.wait_chain():
            last = min(state.attempt_number, len(wait.strategies))
            return wait_range(wait.strategies[last - 1], state, waited)
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
