"""The history of a request, attempt by attempt."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from httpx_resilient._core.marks import QUEUED, Mark, mark_since, marks, value_of
from httpx_resilient._core.public import public
from httpx_resilient._core.walk import walk

KEY = "retry"
"""
The key of a retry's history, in the extensions of a response or on an exception.

Attempts are created only when somebody asks for them. The value is what they are
created from: on the happy path, the seconds of the only attempt; otherwise a `Mark`
with a list of `Record`.
"""

INNER_ATTEMPTS = "sends"
"""The key of the attempts of a layer that sends more than once, for outer layers."""


Record = tuple[
    int,
    int | type[BaseException] | None,
    str,
    float,
    float,
    float,
    "float | None",
    "Sequence[Attempt] | None",
]
"""The first six fields of an `Attempt`, then the marks of layers inside it."""


@public()
class Attempt(NamedTuple):
    """
    One attempt at a request.

    Args:
        number: The number of the attempt, from 1. A hedge and a request after a
            failover have the number of the attempt that they belong to.
        outcome: The status code of the response, or the class of the exception. `None`
            if the request was cancelled, such as the slower leg of a hedge.
        reason: Why it failed or was retried; empty for a plain success.
        wait: Seconds slept after it, before the next attempt. 0.0 for the last one.
        duration: Seconds from sending to the response's headers or the exception.
        at: Seconds from the first attempt to the sending of this one.
        queued: Seconds of `duration` that it waited for a limit or for a connection.
        origin: The origin that a `FailoverTransport` has sent it to.
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


@public()
def attempts_of(outcome: object) -> tuple[Attempt, ...]:
    """
    Return all attempts that led to a response or an exception, oldest first.

    Args:
        outcome: A response, or an exception raised by a request. For an
            `HTTPStatusError` these are the attempts of its response, for the exception
            of an SDK those of its response or of its cause.

    Returns:
        One `Attempt` for each time the request was sent: by a `RetryingTransport`, by a
        `FailoverTransport` to the next origin, by a `HedgingTransport` beside the
        first. The last one is the outcome. Empty if the request passed none of these or
        had `{"retry": False}`, and for an exception that reading a body has raised: the
        response has the attempts then.

    Example:
        >>> import httpx
        >>> answers = iter([503, 200])
        >>> mock = httpx.MockTransport(lambda request: httpx.Response(next(answers)))
        >>> with httpx.Client(transport=RetryingTransport(mock)) as client:
        ...     response = client.get("https://example.org/")
        >>> [attempt.outcome for attempt in attempts_of(response)]
        [503, 200]
    """
    for each in walk(outcome, links_of):
        if attempts := _attempts_on(each):
            return attempts
    return ()


def links_of(outcome: object) -> Iterable[object]:
    """Return what else may hold the history of an outcome: its cause and response."""
    cause = getattr(outcome, "__cause__", None)
    return cause, getattr(outcome, "response", None)


def _attempts_on(outcome: Any) -> tuple[Attempt, ...]:
    found = marks(outcome)
    history, inner = found.get(KEY), value_of(found.get(INNER_ATTEMPTS))
    if isinstance(history, float):
        queued = value_of(found.get(QUEUED))
        record = 1, outcome.status_code, "", 0.0, history, 0.0, queued, inner
        return attempts_from([record])
    if isinstance(history, Mark):
        return attempts_from(history.value)
    return tuple(inner or ())


def attempts_from(records: Iterable[Record]) -> tuple[Attempt, ...]:
    """Create attempts from their records."""
    return tuple(each for record in records for each in _expand(*record))


def expand(
    attempt: Attempt, outcome: Any, sent: float, now: float
) -> Sequence[Attempt]:
    """
    Return the attempts that layers inside have made for one attempt of a layer.

    Their marks are removed: the caller leaves a more complete one.

    Args:
        attempt: The attempt of the caller, returned if there was no other.
        outcome: Its response or exception.
        sent: When it was sent, in monotonic seconds.
        now: When it ended, in monotonic seconds.
    """
    found = marks(outcome)
    records = mark_since(sent, now, found, KEY)
    parts: Iterable[Attempt]
    if records:
        *others, last = attempts_from(records)
        parts = [*others, last._replace(reason=last.reason or attempt.reason)]
        parts = [each._replace(at=attempt.at + each.at) for each in parts]
    else:
        queued = mark_since(sent, now, found, QUEUED)
        inner = mark_since(sent, now, found, INNER_ATTEMPTS)
        parts = _expand(*attempt[:6], queued, inner)
    expanded = [
        each._replace(
            origin=each.origin or attempt.origin, hedge=each.hedge or attempt.hedge
        )
        for each in parts
    ]
    for name in (KEY, QUEUED, INNER_ATTEMPTS):
        found.pop(name, None)
    return expanded


def _expand(
    number: int,
    outcome: int | type[BaseException] | None,
    reason: str,
    wait: float,
    duration: float,
    at: float,
    queued: float | None,
    inner: Sequence[Attempt] | None,
) -> Iterator[Attempt]:
    if not inner:
        yield Attempt(number, outcome, reason, wait, duration, at, queued or 0.0)
        return
    parts = [each._replace(number=number, at=at + each.at) for each in inner]
    *others, last = parts
    yield from others
    yield last._replace(outcome=outcome, reason=reason, wait=wait)
