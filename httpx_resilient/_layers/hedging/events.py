"""Events of hedging."""

from __future__ import annotations

from httpx_resilient._core.events.base import RequestEvent
from httpx_resilient._core.events.record import event


@event
class HedgeSent(RequestEvent):
    """
    A slow request was sent a second time.

    Args:
        request: The request.
        delay: The delay of hedges to its origin in seconds. The hedge was sent after
            that time, or later if hedges were refused.

    Example:
        >>> print(HedgeSent(request, delay=0.12))
        GET https://api.example.com/: hedge sent after at least 0.120 s
    """

    delay: float

    def __str__(self) -> str:
        return self._describe(f"hedge sent after at least {self.delay:.3f} s")


@event
class HedgeWon(RequestEvent):
    """
    The hedge succeeded before the first request did.

    Args:
        request: The request.

    Example:
        >>> print(HedgeWon(request))
        GET https://api.example.com/: hedge won
    """

    def __str__(self) -> str:
        return self._describe("hedge won")


@event
class HedgeLost(RequestEvent):
    """
    The first request succeeded before its hedge did, or both failed.

    Args:
        request: The request.

    Example:
        >>> print(HedgeLost(request))
        GET https://api.example.com/: hedge lost
    """

    def __str__(self) -> str:
        return self._describe("hedge lost")
