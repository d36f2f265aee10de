"""What limits do, and the waiting for them."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import ClassVar

from httpx_resilient.events._base import RequestEvent


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
        return self._told(f"{how} {self.wait:.2f} s for the rate limit")


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


@dataclass(frozen=True, slots=True)
class Queued(RequestEvent):
    """
    As many requests are under way as may be: this one waits for its turn.

    Args:
        request: The request.
        limit: What it waits for: `concurrency` or `pool`. For a rate: `RateLimited`.
        waiting: Requests that wait now, with this one.

    Example:
        >>> print(Queued(request, "pool", waiting=3))
        GET https://api.example.com/: queued (pool), 3 wait
    """

    limit: str
    waiting: int

    def __str__(self) -> str:
        return self._told(f"queued ({self.limit}), {self.waiting} wait")


@dataclass(frozen=True, slots=True)
class Admitted(RequestEvent):
    """
    A request that was queued goes on.

    Args:
        request: The request.
        limit: What it has waited for: `rate`, `concurrency` or `pool`.
        waited: Seconds.

    Example:
        >>> print(Admitted(request, "pool", waited=0.5))
        GET https://api.example.com/: goes on after 0.500 s (pool)
    """

    limit: str
    waited: float

    def __str__(self) -> str:
        return self._told(f"goes on after {self.waited:.3f} s ({self.limit})")
