"""Static bounds on strategies, so that the fast path need not call them."""

from __future__ import annotations

import math
from typing import Any

import tenacity
from tenacity.asyncio import retry as async_retry

from httpx_resilient._layers.retry.retries import retry_if_status, retry_if_transient

_ASSUMED_ATTEMPTS = 10
"""The attempts of a stop strategy that names no number, but seconds for example."""


def max_attempts(stop: Any) -> float:
    """Return how many attempts a stop strategy allows; 10 if it names no number."""
    attempts = named_attempts(stop)
    return _ASSUMED_ATTEMPTS if attempts == math.inf else attempts


def named_attempts(stop: Any) -> float:
    """Return the number of attempts that a stop strategy names, or infinity."""
    kind = stop.__class__
    if kind is tenacity.stop_any:
        return min(map(named_attempts, stop.stops), default=math.inf)
    if kind is tenacity.stop_all:
        return max(map(named_attempts, stop.stops), default=math.inf)
    if kind is tenacity.stop_after_attempt:
        return float(stop.max_attempt_number)
    return math.inf


def lowest_retryable_status(retry: Any) -> float:
    """
    Return the lowest status code that a retry strategy may retry.

    A response below it is final, without a state and without a call of the strategy:
    this is the fast path. The result is 0 for a strategy of unknown class, because it
    may retry any response, and infinity for a strategy that retries exceptions only.
    """
    kind = retry.__class__
    if kind in (tenacity.retry_any, async_retry.retry_any):
        return min(map(lowest_retryable_status, retry.retries), default=math.inf)
    if kind in (tenacity.retry_all, async_retry.retry_all):
        return max(map(lowest_retryable_status, retry.retries), default=0)
    if kind is retry_if_status:
        return float(min(retry.status_codes))
    if kind is retry_if_transient:
        return 400
    return math.inf if kind in ON_EXCEPTIONS_ONLY else 0


ON_EXCEPTIONS_ONLY: set[type[Any]] = {
    tenacity.retry_if_exception,
    tenacity.retry_if_exception_type,
    tenacity.retry_if_not_exception_type,
    tenacity.retry_if_exception_cause_type,
    tenacity.retry_if_exception_message,
    async_retry.retry_if_exception,
}
"""The strategies that are false for every response."""
