"""Events of the adaptive throttle."""

from __future__ import annotations

from dataclasses import dataclass

from httpx_resilient._core.events.base import RequestEvent


@dataclass(frozen=True, slots=True)
class Throttled(RequestEvent):
    """
    A request was not sent, because the server rejects too many.

    Args:
        request: The request.
        share: Of all requests, how many are not sent for now: 0 to 1.

    Example:
        >>> print(Throttled(request, share=0.8))
        GET https://api.example.com/: throttled, as 80% of requests are
    """

    share: float

    def __str__(self) -> str:
        return self._describe(f"throttled, as {self.share:.0%} of requests are")
