"""The event of deadlines."""

from __future__ import annotations

from typing import Literal

from httpx_resilient._core.events.base import RequestEvent
from httpx_resilient._core.events.record import event

Awaited = Literal["headers", "body", "queue", "connection"]
"""
What did not come in time: a part of the response, a place in a queue of this side, or
the connection to the server.
"""

_STEPS: dict[Awaited, str] = {
    "headers": "waiting for response headers",
    "body": "reading the response body",
    "queue": "queued on this side",
    "connection": "connecting",
}


def describe_cut(awaited: Awaited, total: float) -> str:
    """Describe what a deadline cut off, for the event and for the exception."""
    return f"deadline of {total:g} s exceeded while {_STEPS[awaited]}"


@event
class DeadlineCut(RequestEvent):
    """
    A request exceeded its deadline and was cut off.

    Args:
        request: The request.
        awaited: What did not come in time: the `headers` of the response or its `body`;
            a place in a `queue` of this side, which is not the server's fault; or the
            `connection`.
        total: The deadline in seconds.

    Example:
        >>> print(DeadlineCut(request, "body", total=2.5))  # doctest: +ELLIPSIS
        GET https://api.example.com/: deadline of 2.5 s exceeded while reading ...
    """

    awaited: Awaited
    total: float

    def __str__(self) -> str:
        return self._describe(describe_cut(self.awaited, self.total))
