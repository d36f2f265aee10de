"""Events of queues: for a permit, a connection, a turn or a probe."""

from __future__ import annotations

from httpx_resilient._core.events.base import RequestEvent
from httpx_resilient._core.events.record import event


@event
class Queued(RequestEvent):
    """
    A request waits, because a limit on concurrent requests is reached.

    A rate limit emits `RateLimited` instead. A half-open circuit limits its probes.

    Args:
        request: The request.
        limit: The limit: `concurrency`, `pool` or `circuit`; or `credentials`, if
            another request fetches a new credential.
        waiting: The number of requests that wait now, including this one.

    Example:
        >>> print(Queued(request, "pool", waiting=3))
        GET https://api.example.com/: queued (pool), 3 waiting
    """

    limit: str
    waiting: int

    def __str__(self) -> str:
        return self._describe(f"queued ({self.limit}), {self.waiting} waiting")


@event
class Admitted(RequestEvent):
    """
    A request that was queued is admitted, and is sent now.

    Args:
        request: The request.
        limit: The limit: `rate`, `concurrency`, `pool` or `circuit`, or `credentials`.
        waited: The seconds that the request has waited.

    Example:
        >>> print(Admitted(request, "pool", waited=0.5))
        GET https://api.example.com/: admitted after 0.500 s (pool)
    """

    limit: str
    waited: float

    def __str__(self) -> str:
        return self._describe(f"admitted after {self.waited:.3f} s ({self.limit})")
