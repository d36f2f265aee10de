"""What happened to a request, attempt by attempt."""

from __future__ import annotations

from typing import Any, NamedTuple, cast

KEY = "retry"
"""The history in a response's extensions. Where the first attempt succeeded only its
seconds are kept, because this is the happy path; the rest is made when asked for."""

ATTRIBUTE = "__retry__"
"""The history on an exception."""


class Attempt(NamedTuple):
    """
    One attempt at a request.

    Args:
        number: Counted from 1.
        outcome: The status code of the response, or the class of the exception.
        reason: Why it ended as it did or was tried again; empty for plain success.
        wait: Seconds slept after it, before the next one. 0.0 for the last.
        duration: Seconds from sending to the response's headers or the exception.

    Example:
        >>> str(Attempt(1, 503, "503", wait=0.2, duration=0.01))
        '503'
    """

    number: int
    outcome: int | type[BaseException]
    reason: str
    wait: float
    duration: float

    def __str__(self) -> str:
        outcome = self.outcome
        return str(outcome) if isinstance(outcome, int) else outcome.__name__


def attempts_of(outcome: object) -> tuple[Attempt, ...]:
    """
    All attempts that led to a response or an exception, oldest first.

    Args:
        outcome: A response, or an exception raised by a request. For an
            `HTTPStatusError` these are the attempts of its response, for the exception
            of an SDK those of its response or of its cause.

    Returns:
        One `Attempt` for each time the request was sent; empty for what did not come
        through a `RetryingTransport`, or came through it with `{"retry": False}`, and
        for an exception that a body raised while you read it: ask its response.

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
        found = getattr(outcome, ATTRIBUTE, None)
        if found is None:
            found = getattr(response, "extensions", {}).get(KEY, ())
        if isinstance(found, float):
            found = (Attempt(1, response.status_code, "", wait=0.0, duration=found),)
        if found:
            return cast("tuple[Attempt, ...]", found)
        outcome = getattr(outcome, "__cause__", None)
    return ()
