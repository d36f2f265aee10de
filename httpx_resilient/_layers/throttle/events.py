"""Events of the adaptive throttle."""

from __future__ import annotations

from httpx_resilient._core.events.base import RequestEvent
from httpx_resilient._core.events.record import event


@event
class Throttled(RequestEvent):
    """
    The throttle rejected a request locally, because its origin rejects too many.

    Args:
        request: The request.
        share: The share of all requests that is rejected locally for now, 0 to 1.

    Example:
        >>> print(Throttled(request, share=0.8))
        GET https://api.example.com/: throttled, 80% of requests are rejected locally
    """

    share: float

    def __str__(self) -> str:
        return self._describe(
            f"throttled, {self.share:.0%} of requests are rejected locally"
        )
