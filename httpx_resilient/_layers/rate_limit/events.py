"""Events of rate limits."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import ClassVar

from httpx_resilient._core.events.base import RequestEvent


@dataclass(frozen=True, slots=True)
class RateLimited(RequestEvent):
    """
    A request has to wait until the rate limit lets it pass, or is refused.

    Args:
        request: The request.
        wait: Seconds, as far as is known.
        refused: Whether that is more than it may wait.

    Example:
        >>> print(RateLimited(request, wait=1.5, refused=False))
        GET https://api.example.com/: waits 1.50 s for the rate limit
    """

    wait: float
    refused: bool

    def __str__(self) -> str:
        how = "refused: it would have to wait" if self.refused else "waits"
        return self._describe(f"{how} {self.wait:.2f} s for the rate limit")


@dataclass(frozen=True, slots=True)
class PausedByServer(RequestEvent):
    """
    A server said to send nothing for a while.

    Args:
        request: The one that it has answered so.
        seconds: How long.

    Example:
        >>> print(PausedByServer(request, seconds=30))
        https://api.example.com wants no request for 30.0 s
    """

    seconds: float

    level: ClassVar[int] = logging.INFO

    def __str__(self) -> str:
        return f"{self.origin} wants no request for {self.seconds:.1f} s"
