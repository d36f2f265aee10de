"""What a strategy will say can be known before it is asked: so often it is not."""

from __future__ import annotations

import math
from typing import Any

import tenacity
from tenacity.asyncio import retry as async_retry

from httpx_resilient._layers.retry.strategies import retry_if_status, retry_if_transient

_UNKNOWN_ATTEMPTS = 10
"""What a stop strategy allows that tells of no number, but of seconds, say."""


def max_attempts(stop: Any) -> float:
    """How many attempts a stop strategy allows, or what is taken for that."""
    attempts = most_attempts(stop)
    return _UNKNOWN_ATTEMPTS if attempts == math.inf else attempts


def most_attempts(stop: Any) -> float:
    """How many attempts a stop strategy allows; infinitely many if it is not known."""
    kind = stop.__class__
    if kind is tenacity.stop_any:
        return min(map(most_attempts, stop.stops), default=math.inf)
    if kind is tenacity.stop_all:
        return max(map(most_attempts, stop.stops), default=math.inf)
    return (
        float(stop.max_attempt_number)
        if kind is tenacity.stop_after_attempt
        else math.inf
    )


def lowest_retryable_status(retry: Any) -> float:
    """
    The lowest status code that a retry strategy may ask to retry.

    A response below it is final without building a state or asking the strategy: this
    is the fast path. Of a strategy that is not known, nothing is assumed.
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
    return math.inf if kind in _ON_EXCEPTIONS_ONLY else 0


_ON_EXCEPTIONS_ONLY: set[type[Any]] = {
    tenacity.retry_if_exception,
    tenacity.retry_if_exception_type,
    tenacity.retry_if_not_exception_type,
    tenacity.retry_if_exception_cause_type,
    tenacity.retry_if_exception_message,
    async_retry.retry_if_exception,
}
