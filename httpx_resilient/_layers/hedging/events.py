"""What hedging, failover and deadlines do."""

from __future__ import annotations

from dataclasses import dataclass

from httpx_resilient._core.events.base import RequestEvent


@dataclass(frozen=True, slots=True)
class HedgeSent(RequestEvent):
    """
    A request takes long, and was sent a second time.

    Args:
        request: The request.
        delay: Seconds after which.

    Example:
        >>> print(HedgeSent(request, delay=0.12))
        GET https://api.example.com/: hedged, after 0.120 s or more
    """

    delay: float

    def __str__(self) -> str:
        return self._describe(f"hedged, after {self.delay:.3f} s or more")


@dataclass(frozen=True, slots=True)
class HedgeWon(RequestEvent):
    """
    The second one was answered first.

    Args:
        request: The request.

    Example:
        >>> print(HedgeWon(request))
        GET https://api.example.com/: the hedge has won
    """

    def __str__(self) -> str:
        return self._describe("the hedge has won")


@dataclass(frozen=True, slots=True)
class HedgeLost(RequestEvent):
    """
    The first one was answered first after all, or both have failed.

    Args:
        request: The request.

    Example:
        >>> print(HedgeLost(request))
        GET https://api.example.com/: the hedge has lost
    """

    def __str__(self) -> str:
        return self._describe("the hedge has lost")
