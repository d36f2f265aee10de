"""Events of a `RetryingTransport`."""

from __future__ import annotations

import logging
from dataclasses import field
from typing import Any, ClassVar

from httpx_resilient._core.attempts import Attempt
from httpx_resilient._core.events.base import RequestEvent, outcome_of
from httpx_resilient._core.events.record import event
from httpx_resilient._core.http_types import ResponseLike


@event
class AttemptStarted(RequestEvent):
    """
    A `RetryingTransport` sends a request, for the first time or again.

    Args:
        request: The request.
        attempt: The number of the attempt, counted from 1.

    Example:
        >>> print(AttemptStarted(request, 1))
        GET https://api.example.com/: attempt 1 starts
    """

    attempt: int

    logged: ClassVar[bool] = False

    def __str__(self) -> str:
        return self._describe(f"attempt {self.attempt} starts")


@event
class AttemptEnded(RequestEvent):
    """
    An attempt was answered, failed, or was cancelled.

    Args:
        request: The request.
        attempt: The number of the attempt, counted from 1.
        duration: Seconds from sending to the response's headers or the exception.
        response: The response, open and unread. A listener must not read or close it.
        error: The exception. A cancelled attempt has neither a response nor an error.

    Example:
        >>> print(AttemptEnded(request, 1, 0.25, error=TimeoutError()))
        GET https://api.example.com/: attempt 1 ended with TimeoutError after 0.250 s
    """

    attempt: int
    duration: float
    response: ResponseLike | None = field(default=None, repr=False)
    error: Exception | None = field(default=None, repr=False)

    logged: ClassVar[bool] = False

    @property
    def outcome(self) -> int | type[Exception] | None:
        """The status code, the class of the exception, or `None` if cancelled."""
        return outcome_of(self.response, self.error)

    def fields(self) -> dict[str, Any]:
        """Return the fields as plain values, as the log record has them in `extra`."""
        return {**RequestEvent.fields(self), "outcome": self._outcome()}

    def _outcome(self) -> int | str:
        outcome = self.outcome
        if isinstance(outcome, int):
            return outcome
        return "cancelled" if outcome is None else outcome.__name__

    def __str__(self) -> str:
        how = f"ended with {self._outcome()} after {self.duration:.3f} s"
        return self._describe(f"attempt {self.attempt} {how}")


@event
class RetryScheduled(RequestEvent):
    """
    Another attempt follows.

    Args:
        request: The request.
        attempt: The number of the attempt that has ended.
        reason: Why the request is tried again.
        wait: Seconds until the next attempt.

    Example:
        >>> print(RetryScheduled(request, 1, "503", wait=0.2))
        GET https://api.example.com/: 503; next attempt in 0.20 s
    """

    attempt: int
    reason: str
    wait: float

    level: ClassVar[int] = logging.INFO

    def __str__(self) -> str:
        return self._describe(f"{self.reason}; next attempt in {self.wait:.2f} s")


@event
class GaveUp(RequestEvent):
    """
    A request ends with an outcome that was worth another attempt.

    Args:
        request: The request.
        attempt: The number of the last attempt.
        reason: Why the last attempt failed, and why no other one follows.
        elapsed: Seconds from sending the first attempt to the end of the last.
        attempts: All attempts, oldest first.

    Example:
        >>> failed = Attempt(1, 503, "503", wait=0.0, duration=0.1)
        >>> print(GaveUp(request, 1, "503", elapsed=0.1, attempts=(failed,)))
        GET https://api.example.com/: gave up after 1 attempt in 0.1 s: 503
    """

    attempt: int
    reason: str
    elapsed: float
    attempts: tuple[Attempt, ...] = field(repr=False)

    level: ClassVar[int] = logging.WARNING

    def __str__(self) -> str:
        return self._describe(summary(self.attempts, self.elapsed))


@event
class NotRetried(RequestEvent):
    """
    A request failed, and is not tried again because it is not idempotent.

    Args:
        request: The request.
        attempt: The number of the attempt that has failed.
        reason: Why it failed.

    Example:
        >>> print(NotRetried(request, 1, "503"))  # doctest: +ELLIPSIS
        GET https://api.example.com/: 503; not tried again: GET is not idempotent (...
    """

    attempt: int
    reason: str

    level: ClassVar[int] = logging.INFO

    def __str__(self) -> str:
        return self._describe(f"{self.reason}; {refusal_of(self.method)}")


def refusal_of(method: str) -> str:
    """Describe why a request of this method has no further attempt, and what helps."""
    return (
        f"not tried again: {method} is not idempotent (retry_if_transient({method!r}), "
        "or an Idempotency-Key)"
    )


_SHOWN = 5
"""Outcomes that a summary shows at each end. A note or a log line must stay short."""


def summary(attempts: tuple[Attempt, ...], elapsed: float) -> str:
    """Return the attempts of a failed request in one line, the first and last few."""
    last = attempts[-1]
    hidden = len(attempts) - 2 * _SHOWN
    if hidden > 1:
        first = [*map(str, attempts[:_SHOWN]), f"{hidden:,} more"]
        earlier = [*first, *map(str, attempts[-_SHOWN:-1])]
    else:
        earlier = [*map(str, attempts[:-1])]
    outcomes = ", ".join([*earlier, last.reason])
    times = "1 attempt" if last.number == 1 else f"{last.number} attempts"
    return f"gave up after {times} in {elapsed:.1f} s: {outcomes}"
