"""
Wait strategies for HTTP, in tenacity's form.

They combine with each other and with tenacity's own by `+`. A decision is pure but for
its random jitter: it reads the `RetryState` only, and writes only to its `reason`.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from typing import Any

import tenacity
from tenacity.wait import wait_base

from httpx_resilient._core.described import Described
from httpx_resilient._core.errors import Refusal
from httpx_resilient._core.public import public
from httpx_resilient._core.unknown_options import explains_options
from httpx_resilient._core.validation import number
from httpx_resilient._layers.retry.bounds import named_attempts
from httpx_resilient._layers.retry.checks import check_strategy
from httpx_resilient._layers.retry.state import RetryState
from httpx_resilient._layers.retry.strategy_types import Backoff

BRIDGE_JITTER = 0.25
"""The share of a bridge that is added at random: its clients return over that time."""


@public()
class wait_retry_after(Described, wait_base):  # noqa: N801 - tenacity's strategies are named as functions are
    """
    Wait as long as the server asks, and a little longer; 0 s if it asks for nothing.

    The time comes from `Retry-After`, `retry-after-ms` or `x-ms-retry-after-ms`, or
    from the `retry_after` of a refusal by a layer inside, such as `CircuitOpen`. The
    wait is never shorter. Up to a tenth is added at random, 5 s at most, because
    clients that were refused together would otherwise return together.

    Add a backoff for responses that name no time.

    Args:
        max_retry_after: Seconds. If the server asks for more, the response is returned
            at once without another attempt: an earlier one would certainly fail, and
            nobody expects a call to sleep for hours.

    Raises:
        TypeError: `max_retry_after` is not a number.
        ValueError: `max_retry_after` is negative or not a number (NaN).

    Example:
        >>> from tenacity import wait_fixed
        >>> transport = RetryingTransport(wait=wait_retry_after(20) + wait_fixed(1))
    """

    @explains_options
    def __init__(self, max_retry_after: float = 60.0) -> None:
        self.max_retry_after: float = number(
            "max_retry_after", max_retry_after, least=0, unit="seconds"
        )

    def __call__(self, retry_state: Any) -> float:
        return _retry_after(retry_state, self.max_retry_after)


@public()
class wait_transient(Described, wait_base):  # noqa: N801 - tenacity's strategies are named as functions are
    """
    Back off briefly from a failure, longer from a server that is throttling.

    429, and 503 with a `Retry-After`, mean that the server receives too many requests:
    an early return makes it worse. Any other failure is likely to be over soon. Both
    backoffs are exponential with full jitter, which needs the fewest calls of all
    published schemes (Brooker, "Exponential Backoff And Jitter", AWS, 2015). A time
    that the server asks for is respected as in `wait_retry_after`: the longer of the
    two counts.

    Args:
        failure: The wait after a failure: up to 0.1 s, then 0.2 s, 0.4 s ... 5 s.
        throttled: The wait when throttled: up to 1 s, then 2 s, 4 s ... 20 s. `None`
            for the same as after a failure.
        max_retry_after: Seconds, as in `wait_retry_after`.
        bridge: Seconds that the waits before the last attempt add up to, at least, so
            that a server can restart in between. Up to a quarter is added at random. It
            applies if the stop strategy names a number of attempts, the failure is no
            throttling and no timeout, the deadline allows it, and no other request was
            repeated with success meanwhile, as the budget knows; 0 for no such wait.

    Raises:
        TypeError: A wait is not callable or another strategy, or a number is none.
        ValueError: A number is negative or not a number (NaN).

    Example:
        >>> from tenacity import wait_random_exponential
        >>> transport = RetryingTransport(
        ...     wait=wait_transient(
        ...         failure=wait_random_exponential(multiplier=0.5, max=10),
        ...         max_retry_after=120,
        ...     )
        ... )
    """

    @explains_options
    def __init__(
        self,
        failure: Backoff = tenacity.wait_random_exponential(multiplier=0.1, max=5),
        throttled: Backoff | None = tenacity.wait_random_exponential(
            multiplier=1, max=20
        ),
        max_retry_after: float = 60.0,
        bridge: float = 2.0,
    ) -> None:
        throttled = failure if throttled is None else throttled
        for name, wait in (("failure", failure), ("throttled", throttled)):
            check_strategy(f"the {name} wait", wait, "wait_fixed(1)")
        self.failure: Callable[[Any], Any] = failure
        self.throttled: Callable[[Any], Any] = throttled
        self.max_retry_after: float = number(
            "max_retry_after", max_retry_after, least=0, unit="seconds"
        )
        self.bridge: float = number(
            "bridge", bridge, least=0, most=3600, unit="seconds"
        )

    @property
    def wait_funcs(self) -> tuple[Callable[[Any], Any], Callable[[Any], Any]]:
        """Its parts, by the name that they have in tenacity's own combination."""
        return self.failure, self.throttled

    def __call__(self, retry_state: Any) -> float:
        state: RetryState[Any, Any] = retry_state
        least = _retry_after(state, self.max_retry_after)
        if state.hints.throttled:
            return max(least, float(self.throttled(state)))
        return max(least, float(self.failure(state)), self._rest_of_bridge(state))

    def _rest_of_bridge(self, state: RetryState[Any, Any]) -> float:
        """Return the seconds that the last attempt has to come later."""
        rest = self.bridge - state.idle_for
        if rest <= 0 or not is_before_the_last(state):
            return 0.0
        if isinstance(state.error, state.family.timed_out) or _is_up(state):
            return 0.0
        rest += random.uniform(0, self.bridge * BRIDGE_JITTER)  # noqa: S311 - jitter need not be secret
        deadline = state.context.deadline
        is_too_late = deadline is not None and state.ended + rest >= deadline.at
        return 0.0 if is_too_late else rest


def _is_up(state: RetryState[Any, Any]) -> bool:
    """
    Whether the server has answered a retry that was sent since this request failed.

    Then it does not restart: it fails now and then.
    """
    budget, before = state.budget, state.attempts
    if budget is None or not before:
        return False
    first_failed = state.start_time + before[0].duration
    return budget.account_of(state.context).helped > first_failed


def is_before_the_last(state: RetryState[Any, Any]) -> bool:
    """Whether the next attempt is the last one that the stop strategy allows."""
    return state.attempt_number + 1 == named_attempts(state.retry_object.stop)


def _retry_after(state: RetryState[Any, Any], most: float) -> float:
    """
    Return the seconds that the server or a layer inside asks for, with jitter.

    The result is 0 if neither asks, and infinity if it asks for more than `most`.
    """
    seconds, source = state.hints.retry_after, "Retry-After"
    if seconds is None and isinstance(state.error, Refusal):
        seconds, source = state.error.retry_after, "retry after"
    if seconds is None:
        return 0.0
    state.reason += f", {source} {seconds:.4g} s"
    if seconds > most:
        state.reason += f" is above {most:.4g} s"
        return math.inf
    return seconds + random.uniform(0, min(seconds / 10, 5))  # noqa: S311 - jitter need not be secret
