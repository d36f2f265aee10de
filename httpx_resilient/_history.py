"""What happened to a request, attempt by attempt."""

from __future__ import annotations

from collections.abc import Awaitable, Sequence
from typing import Any, NamedTuple, TypeVar, cast

T = TypeVar("T")

KEY = "retry"
"""
The history of a `RetryingTransport`: in a response's extensions, or on an exception.

Where the first attempt succeeded only its seconds are kept, because this is the happy
path; the rest is made when asked for.
"""

SENDS = "sends"
"""What a layer that sends more than once leaves to those outside of it."""

QUEUED = "queued"
"""Seconds that the request has waited in queues before it was sent, if it has."""


class Attempt(NamedTuple):
    """
    One attempt at a request.

    Args:
        number: Counted from 1. Those of a hedge, or after a failover, have the number
            of the attempt that they belong to.
        outcome: The status code of the response, or the class of the exception. `None`
            if it was cancelled: the other one of a hedge, say.
        reason: Why it ended as it did or was tried again; empty for plain success.
        wait: Seconds slept after it, before the next one. 0.0 for the last.
        duration: Seconds from sending to the response's headers or the exception.
        at: Seconds from the first attempt to the sending of this one.
        queued: Seconds of `duration` that it waited for a limit or for a connection.
        origin: Where a `FailoverTransport` has sent it.
        hedge: Whether a `HedgingTransport` has sent it beside another one.

    Example:
        >>> str(Attempt(1, 503, "503", wait=0.2, duration=0.01))
        '503'
    """

    number: int
    outcome: int | type[BaseException] | None
    reason: str
    wait: float
    duration: float
    at: float = 0.0
    queued: float = 0.0
    origin: str = ""
    hedge: bool = False

    def __str__(self) -> str:
        outcome = self.outcome
        if outcome is None:
            return "cancelled"
        return str(outcome) if isinstance(outcome, int) else outcome.__name__


def attempts_of(outcome: object) -> tuple[Attempt, ...]:
    """
    All attempts that led to a response or an exception, oldest first.

    Args:
        outcome: A response, or an exception raised by a request. For an
            `HTTPStatusError` these are the attempts of its response, for the exception
            of an SDK those of its response or of its cause.

    Returns:
        One `Attempt` for each time the request was sent: by a `RetryingTransport`, by a
        `FailoverTransport` to the next origin, by a `HedgingTransport` beside the
        first. The last one is the outcome. Empty for what came through none of these,
        or came through with `{"retry": False}`, and for an exception that a body raised
        while you read it: ask its response.

    Example:
        >>> import httpx
        >>> answers = iter([503, 200])
        >>> mock = httpx.MockTransport(lambda request: httpx.Response(next(answers)))
        >>> with httpx.Client(transport=RetryingTransport(mock)) as client:
        ...     response = client.get("https://example.org/")
        >>> [attempt.outcome for attempt in attempts_of(response)]
        [503, 200]
    """
    while outcome is not None:
        response: Any = getattr(outcome, "response", outcome)
        found: Any = marked(outcome, KEY) or marked(response, KEY)
        if isinstance(found, float):
            first = Attempt(1, response.status_code, "", wait=0.0, duration=found)
            found = unfolded(first, response)
        found = found or marked(outcome, SENDS) or marked(response, SENDS)
        if found:
            return cast("tuple[Attempt, ...]", found)
        outcome = getattr(outcome, "__cause__", None)
    return ()


def unfolded(attempt: Attempt, outcome: object) -> Sequence[Attempt]:
    """Tell of which sendings an attempt consisted: what the layers inside have left."""
    queued, sends = marked(outcome, QUEUED), marked(outcome, SENDS)
    if queued:
        attempt = attempt._replace(queued=queued)
    if not sends:
        return (attempt,)
    number, at = attempt.number, attempt.at
    parts = [each._replace(number=number, at=at + each.at) for each in sends]
    *others, last = parts
    return (*others, last._replace(reason=attempt.reason, wait=attempt.wait))


def mark(outcome: Any, name: str, value: object) -> None:
    """Leave something on a response or an exception."""
    if isinstance(outcome, BaseException):
        vars(outcome)[f"__{name}__"] = value
    else:
        outcome.extensions[name] = value


def marked(outcome: Any, name: str) -> Any:
    """Find what was left."""
    if isinstance(outcome, BaseException):
        return vars(outcome).get(f"__{name}__")
    return getattr(outcome, "extensions", {}).get(name)


async def after_queue(sent: Awaitable[T], seconds: float) -> T:
    """Await what is sent at last, and leave on its outcome how long it has waited."""
    try:
        response = await sent
    except Exception as error:
        _mark_queued(error, seconds)
        raise
    _mark_queued(response, seconds)
    return response


def _mark_queued(outcome: object, seconds: float) -> None:
    mark(outcome, QUEUED, (marked(outcome, QUEUED) or 0.0) + seconds)
