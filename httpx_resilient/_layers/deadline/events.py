"""The event of deadlines."""

from __future__ import annotations

from typing import Literal

from httpx_resilient._core.events.base import RequestEvent
from httpx_resilient._core.events.record import event

Awaited = Literal["headers", "body"]
"""The part of a response that did not arrive in time."""


def describe_cut(awaited: Awaited, total: float) -> str:
    """Describe what a deadline cut off, for the event and for the exception."""
    step = (
        "reading the response body"
        if awaited == "body"
        else "waiting for response headers"
    )
    return f"deadline of {total:g} s exceeded while {step}"


@event
class DeadlineCut(RequestEvent):
    """
    A request exceeded its deadline and was cut off.

    Args:
        request: The request.
        awaited: The part of the response that did not arrive in time: `headers` or
            `body`.
        total: The deadline in seconds.

    Example:
        >>> print(DeadlineCut(request, "body", total=2.5))  # doctest: +ELLIPSIS
        GET https://api.example.com/: deadline of 2.5 s exceeded while reading ...
    """

    awaited: Awaited
    total: float

    def __str__(self) -> str:
        return self._describe(describe_cut(self.awaited, self.total))
