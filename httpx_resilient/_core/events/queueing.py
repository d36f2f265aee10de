"""Events of queues: for a permit, a connection or a turn."""

from __future__ import annotations

from httpx_resilient._core.events.base import RequestEvent
from httpx_resilient._core.events.record import event


@event
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
        return self._describe(f"queued ({self.limit}), {self.waiting} wait")


@event
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
        return self._describe(f"goes on after {self.waited:.3f} s ({self.limit})")
