"""Events of rate limits."""

from __future__ import annotations

import logging
from typing import ClassVar

from httpx_resilient._core.events.base import RequestEvent
from httpx_resilient._core.events.record import event


@event
class RateLimited(RequestEvent):
    """
    A request waits for the rate limit, or is refused.

    Args:
        request: The request.
        wait: The expected wait in seconds.
        refused: Whether the request is refused, because it may not wait that long.

    Example:
        >>> print(RateLimited(request, wait=1.5, refused=False))
        GET https://api.example.com/: waits 1.50 s for the rate limit
    """

    wait: float
    refused: bool

    def __str__(self) -> str:
        outcome = "refused: it would wait" if self.refused else "waits"
        return self._describe(f"{outcome} {self.wait:.2f} s for the rate limit")


@event
class PausedByServer(RequestEvent):
    """
    A server asked its clients to pause.

    Args:
        request: The request that it answered so.
        seconds: The length of the pause in seconds.

    Example:
        >>> print(PausedByServer(request, seconds=30))
        https://api.example.com asked clients to pause for 30.0 s
    """

    seconds: float

    level: ClassVar[int] = logging.INFO

    def __str__(self) -> str:
        return f"{self.origin} asked clients to pause for {self.seconds:.1f} s"
