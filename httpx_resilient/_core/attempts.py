"""The attempts of a request, created from its history when somebody asks for them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from types import TracebackType
from typing import Any, NamedTuple

from httpx_resilient._core.history import Record, history_on
from httpx_resilient._core.public import public
from httpx_resilient._core.walk import walk

_READERS = frozenset({"iter_raw", "aiter_raw"})
"""The methods by which a response of either library reads its body."""


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
        first. The last one is the outcome; or it was refused on this side, or for an
        authorization that is used up, and the response is the answer of the one before,
        as its reason says. Empty if the
        request passed none of these or had `{"retry": False}`. For an exception that
        reading a body has raised, these are the attempts of its response, and the
        reason of the last one tells how much of the body had arrived.

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
        if attempts := attempts_from(history_on(each)):
            return attempts
    if isinstance(outcome, BaseException):
        return _attempts_before(outcome)
    return ()


def links_of(outcome: object) -> Iterable[object]:
    """Return what else may hold the history of an outcome: its cause and response."""
    cause = getattr(outcome, "__cause__", None)
    return cause, getattr(outcome, "response", None)


def attempts_from(records: Sequence[Record]) -> tuple[Attempt, ...]:
    """Create attempts from the records of a layer, oldest first."""
    if not records:
        return ()
    since = min(record[5] for record in records)
    return tuple(
        each._replace(at=each.at - since)
        for record in records
        for each in _expand(*record)
    )


def _expand(
    number: int,
    outcome: int | type[BaseException] | None,
    reason: str,
    wait: float,
    duration: float,
    at: float,
    queued: float,
    inside: Sequence[Record],
    origin: str,
    hedge: bool,  # noqa: FBT001 - a field of a record
) -> Iterator[Attempt]:
    """Yield the attempts of one record, with `at` in monotonic seconds."""
    if not inside:
        yield Attempt(
            number or 1, outcome, reason, wait, duration, at, queued, origin, hedge
        )
        return
    parts = [
        each._replace(
            number=number or each.number,
            origin=each.origin or origin,
            hedge=each.hedge or hedge,
        )
        for record in inside
        for each in _expand(*record)
    ]
    # What was queued before the earliest of them is a part of its duration.
    index, first = min(enumerate(parts), key=lambda part: part[1].at)
    parts[index] = first._replace(
        at=at,
        duration=first.duration + max(first.at - at, 0.0),
        queued=first.queued + queued,
    )
    *others, last = parts
    yield from others
    if not number:
        yield last._replace(reason=last.reason or reason)
    elif last.outcome == outcome or outcome is None:
        # A status says less than the reason inside, if that is more than the status.
        if reason in {"", str(outcome)} and last.reason not in {"", str(last)}:
            reason = last.reason
        yield last._replace(outcome=outcome, reason=reason, wait=wait)
    elif others and others[-1].outcome == outcome and isinstance(last.outcome, type):
        # The last one was refused on this side, so the answer before it was returned.
        yield last._replace(wait=wait)
    else:
        # A transport in between has answered by itself, such as a cache.
        yield last
        ended = last.at + last.duration
        own = Attempt(number, outcome, reason, wait, max(at + duration - ended, 0.0))
        yield own._replace(at=ended)


def _attempts_before(error: BaseException) -> tuple[Attempt, ...]:
    """Return the attempts of the response whose body an exception comes from."""
    for each in walk(error, lambda one: (getattr(one, "__cause__", None),)):
        response: Any = _response_read_in(each.__traceback__)
        if response is not None:
            *others, last = attempts_from(history_on(response))
            count = response.num_bytes_downloaded
            broke = f"{type(error).__name__} after {count:,} bytes of the body"
            reason = f"{last.reason}, {broke}" if last.reason else broke
            return (*others, last._replace(reason=reason))
    return ()


def _response_read_in(traceback: TracebackType | None) -> object:
    """
    Return the response that a frame of a traceback reads, if it has a history.

    An exception of a body does not lead to its response in any other way. To wrap the
    stream of each response would add a third to the cost of the happy path.
    """
    while traceback is not None:
        frame = traceback.tb_frame
        if frame.f_code.co_name in _READERS:
            response = frame.f_locals.get("self")
            if history_on(response):
                return response
        traceback = traceback.tb_next
    return None
