"""Classify an outcome: is its origin up, and may its request fail over?"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from httpx_resilient._core.classify import (
    Retryability,
    classify_error,
    classify_status,
    is_graceful,
    is_own,
    is_refused_by_tls,
)
from httpx_resilient._core.errors import Refusal
from httpx_resilient._core.family import Family
from httpx_resilient._core.hints.reading import hints_in
from httpx_resilient._core.http_types import RequestLike, ResponseLike
from httpx_resilient._core.methods import is_repeatable


class Classification(NamedTuple):
    """
    The conclusions from an outcome about its origin and its request.

    Args:
        is_up: Whether the origin is up; `None` if the outcome does not say.
        kind: The status code, or the class of the exception; `None` if cancelled.
        may_fail_over: Whether the request may be sent to another origin.
        reason: Why the origin failed; empty if it did not.
        retry_after: Seconds for which the origin asked not to be used, if it did.
    """

    is_up: bool | None
    kind: int | type[Exception] | None = None
    may_fail_over: bool = False
    reason: str = ""
    retry_after: float | None = None


def classify_response(
    response: ResponseLike,
    request: RequestLike,
    names: Sequence[bytes],
    wall_time: Callable[[], float],
) -> Classification:
    """
    Classify a response by its status and by the server's advice in its headers.

    Args:
        response: The response.
        request: The request.
        names: The headers that may have an idempotency key.
        wall_time: The clock in seconds since the epoch.
    """
    status = response.status_code
    retryability = classify_status(status)
    if retryability is Retryability.NEVER:
        return Classification(is_up=True, kind=status)
    hints = hints_in(response, wall_time)
    if hints.unprocessed:
        retryability = Retryability.ALWAYS
    may_fail_over = hints.should_retry
    if may_fail_over is None:
        may_fail_over = _may_repeat(request, names, retryability)
    return Classification(
        is_up=False,
        kind=status,
        may_fail_over=may_fail_over,
        reason=str(status),
        retry_after=hints.retry_after,
    )


def classify_failure(
    error: Exception, request: RequestLike, names: Sequence[bytes], family: Family
) -> Classification:
    """
    Classify an exception of a transport by what it proves.

    Args:
        error: The exception.
        request: The request.
        names: The headers that may have an idempotency key.
        family: The library of the request.
    """
    retry_after = None
    retryability = classify_error(error, family)
    if isinstance(error, Refusal) and error.retry_after is not None:
        # A layer inside did not send the request, and sends none for that time.
        retryability, retry_after = Retryability.ALWAYS, error.retry_after
    elif is_refused_by_tls(error, family):
        # A refused certificate stays refused, but each origin has its own settings.
        retryability = Retryability.ALWAYS
    is_final = retryability is Retryability.NEVER
    return Classification(
        is_up=None if is_final or is_own(error) or is_graceful(error) else False,
        kind=type(error),
        may_fail_over=_may_repeat(request, names, retryability),
        reason=type(error).__name__,
        retry_after=retry_after,
    )


def _may_repeat(
    request: RequestLike, names: Sequence[bytes], retryability: Retryability
) -> bool:
    if retryability is Retryability.IF_IDEMPOTENT:
        return is_repeatable(request, names)
    return retryability is Retryability.ALWAYS
