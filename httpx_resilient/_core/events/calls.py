"""The event of a whole call, and what its outcome means."""

from __future__ import annotations

from collections.abc import Awaitable, Sequence
from dataclasses import field
from typing import ClassVar, Literal

from httpx_resilient._core.attempts import Attempt, attempts_from
from httpx_resilient._core.classify import is_healthy, is_own
from httpx_resilient._core.context import RequestContext
from httpx_resilient._core.events.base import Event, Listener, RequestEvent, outcome_of
from httpx_resilient._core.events.record import event
from httpx_resilient._core.family import Family
from httpx_resilient._core.http_types import ResponseLike
from httpx_resilient._core.public import public
from httpx_resilient._core.refused import is_refused_here

Result = Literal["first", "retried", "failed", "refused", "cancelled"]


@event
class CallEnded(RequestEvent):
    """
    The outermost layer returns a response to its caller, or raises.

    A call is one request of a client to its transport, with all that the layers do for
    it: waits, retries, hedges, requests to other origins. A redirect that the client
    follows is a call of its own. Only the `on_event` of the outermost layer gets this
    event, if it asks for it: metrics do, and so does `with_calls(listener)`. The body
    of the response is not a part of the call.

    Args:
        request: The request.
        duration: Seconds until the response's headers or the exception.
        result: `first` if the first request that was sent had a good answer; `retried`
            if it took a retry, a hedge, another origin or a renewed credential;
            `failed` if the call ends with an exception, or with a status that is worth
            another attempt, or 5xx; `refused` if a layer, a limit or the pool has not
            sent it in the end; `cancelled`. A 404 is a good answer.
        attempts: How often it was sent, hedges and further origins included. Attempts
            that were refused on this side are not.
        response: The response, open and unread. A listener must not read or close it.
        error: The exception. A cancelled call has neither a response nor an error.

    Example:
        >>> print(CallEnded(request, 1.25, "retried", attempts=2))
        GET https://api.example.com/: retried, after 2 attempts in 1.250 s
    """

    duration: float
    result: Result
    attempts: int
    response: ResponseLike | None = field(default=None, repr=False)
    error: Exception | None = field(default=None, repr=False)

    logged: ClassVar[bool] = False

    @property
    def outcome(self) -> int | type[Exception] | None:
        """The status code, the class of the exception, or `None` if cancelled."""
        return outcome_of(self.response, self.error)

    def __str__(self) -> str:
        times = "1 attempt" if self.attempts == 1 else f"{self.attempts} attempts"
        return self._describe(f"{self.result}, after {times} in {self.duration:.3f} s")


@public("httpx_resilient.events")
class with_calls:  # noqa: N801 - used as a function
    """
    Let a listener receive `CallEnded`, besides the events of each layer.

    Args:
        listener: The listener, as for `on_event`.

    Raises:
        TypeError: It is not callable.

    Example:
        >>> transport = RetryingTransport(on_event=with_calls(print))
    """

    wants_calls = True

    def __init__(self, listener: Listener) -> None:
        if not callable(listener):
            msg = (
                f"with_calls takes a function of an event, like print; got {listener!r}"
            )
            raise TypeError(msg)
        self._listener = listener

    def __call__(self, event: Event) -> Awaitable[object] | None:
        """Pass an event on."""
        return self._listener(event)


def result_of(
    context: RequestContext,
    family: Family,
    response: ResponseLike | None,
    error: Exception | None,
) -> tuple[Result, int]:
    """
    Return the `result` and the `attempts` of a call.

    Args:
        context: The context of the outermost layer. Nothing is read from the history of
            the outcome itself, which a mock may share between calls.
        family: The library of the request.
        response: The response, if there is one.
        error: The exception. A cancelled call has neither.
    """
    if response is not None and not context.attempts and response.status_code < 400:
        return "first", 1  # most calls
    attempts = attempts_from(context.attempts)
    if response is not None:
        sent = _sent(attempts, family) if attempts else 1
        if not is_healthy(response):
            return "failed", sent
        return ("first" if _is_by_first(attempts) else "retried"), sent
    result: Result = "cancelled"
    if error is None:
        is_held = context.is_held_here
    else:
        is_held = is_refused_here(error, family, context)
        result = "refused" if is_held else "failed"
    # The last attempt may have been cut off, so only the context knows where it was.
    return result, _sent(attempts[:-1], family) + (not is_held)


def _sent(attempts: Sequence[Attempt], family: Family) -> int:
    """Count the attempts that were not refused on this side."""
    refused = family.pool_timeout
    return sum(
        not isinstance(kind := each.outcome, type)
        or not (is_own(kind) or issubclass(kind, refused))
        for each in attempts
    )


def _is_by_first(attempts: Sequence[Attempt]) -> bool:
    """Whether the last attempt was the first one, and all others were its hedges."""
    *others, last = attempts or (None,)
    return last is None or not (last.hedge or any(not each.hedge for each in others))
