"""What happened to a request, attempt by attempt."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple, TypeVar

from httpx_resilient._core.public import public
from httpx_resilient._core.walk import walk

T = TypeVar("T")

ATTRIBUTE = "__httpx_resilient__"
"""What an exception holds. A response has its extensions for that."""

KEY = "retry"
"""
The history of a `RetryingTransport`: in a response's extensions, or on an exception.

What is asked for rarely is made then. Here is what it is made from: where the first
attempt succeeded its seconds, because this is the happy path; else what is `Left`, a
list of `Record`.
"""

SENDS = "sends"
"""What a layer that sends more than once leaves to those outside of it."""

QUEUED = "queued"
"""Seconds that the request has waited in queues before it was sent, if it has."""


class Left(NamedTuple):
    """
    What was left on an outcome.

    A mock may raise or return the same object for each request: what an earlier one has
    left on it tells nothing of this one.

    Args:
        at: When, in monotonic seconds.
        what: Of a kind for each name.
    """

    at: float
    what: Any


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
"""The first six fields of an `Attempt`; then what was left by layers inside."""


@public()
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


@public()
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
    for each in walk(outcome, links_of):
        if attempts := _attempts_on(each):
            return attempts
    return ()


def links_of(outcome: object) -> Iterable[object]:
    """Return the objects that an outcome may have its history from, nearest last."""
    cause = getattr(outcome, "__cause__", None)
    return cause, getattr(outcome, "response", None)


def _attempts_on(outcome: Any) -> tuple[Attempt, ...]:
    left = marks(outcome)
    found, queued, sends = left.get(KEY), left.get(QUEUED), left.get(SENDS)
    if isinstance(found, float):
        status, waited, parts = outcome.status_code, _value(queued), _value(sends)
        return attempts_in([(1, status, "", 0.0, found, 0.0, waited, parts)])
    if isinstance(found, Left):
        return attempts_in(found.what)
    return tuple(_value(sends) or ())


def records_on(error: Exception | None) -> Sequence[Record]:
    """Return the records that a retry has left on an exception itself."""
    found = {} if error is None else marks(error)
    return _value(found.get(KEY)) or ()


def _value(left: Any) -> Any:
    return left.what if isinstance(left, Left) else None


def attempts_in(records: Iterable[Record]) -> tuple[Attempt, ...]:
    """Make attempts of what was noted of them."""
    return tuple(each for record in records for each in _unfolded(*record))


def unfolded(
    attempt: Attempt, outcome: Any, sent: float, now: float
) -> Sequence[Attempt]:
    """
    Tell of which sendings an attempt consisted: what the layers inside have left.

    It is taken from there, because whoever asks leaves more than that.

    Args:
        attempt: The attempt.
        outcome: Its response or exception.
        sent: When it was sent, in monotonic seconds.
        now: When it has ended.
    """
    found = marks(outcome)
    tried = left_between(sent, now, found, KEY)
    parts: Iterable[Attempt]
    if tried:
        *others, last = attempts_in(tried)
        parts = [*others, last._replace(reason=last.reason or attempt.reason)]
        parts = [each._replace(at=attempt.at + each.at) for each in parts]
    else:
        queued = left_between(sent, now, found, QUEUED)
        sends = left_between(sent, now, found, SENDS)
        parts = _unfolded(*attempt[:6], queued, sends)
    told = [
        each._replace(
            origin=each.origin or attempt.origin, hedge=each.hedge or attempt.hedge
        )
        for each in parts
    ]
    for name in (KEY, QUEUED, SENDS):
        found.pop(name, None)
    return told


def _unfolded(
    number: int,
    outcome: int | type[BaseException] | None,
    reason: str,
    wait: float,
    duration: float,
    at: float,
    queued: float | None,
    sends: Sequence[Attempt] | None,
) -> Iterator[Attempt]:
    if not sends:
        yield Attempt(number, outcome, reason, wait, duration, at, queued or 0.0)
        return
    parts = [each._replace(number=number, at=at + each.at) for each in sends]
    *others, last = parts
    yield from others
    yield last._replace(outcome=outcome, reason=reason, wait=wait)


def mark(outcome: Any, name: str, value: object, now: float) -> None:
    """Leave something on a response or an exception."""
    left = Left(now, value)
    if isinstance(outcome, BaseException):
        vars(outcome).setdefault(ATTRIBUTE, {})[name] = left
    else:
        outcome.extensions[name] = left


_NOTHING: dict[str, Any] = {}


def marks(outcome: Any) -> dict[str, Any]:
    """Find what was left. Nothing is to be added to it."""
    left: dict[str, Any]
    if isinstance(outcome, BaseException):
        left = vars(outcome).get(ATTRIBUTE, _NOTHING)
    else:
        left = getattr(outcome, "extensions", _NOTHING)
    return left


def left_between(sent: float, now: float, left: dict[str, Any], name: str) -> Any:
    """Read what was left since a request was sent: all else is of another one."""
    found = left.get(name)
    return found.what if isinstance(found, Left) and sent < found.at <= now else None


async def after_queue(
    sending: Awaitable[T], seconds: float, now: Callable[[], float]
) -> T:
    """Await what is sent at last, and leave on its outcome how long it has waited."""
    sent = now()
    try:
        response = await sending
    except Exception as error:
        _mark_queued(error, seconds, sent, now())
        raise
    _mark_queued(response, seconds, sent, now())
    return response


def _mark_queued(outcome: object, seconds: float, sent: float, now: float) -> None:
    earlier = left_between(sent, now, marks(outcome), QUEUED) or 0.0
    mark(outcome, QUEUED, earlier + seconds, now)
