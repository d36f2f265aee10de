"""Events of deadlines."""

from __future__ import annotations

from dataclasses import dataclass

from httpx_resilient._core.events.base import RequestEvent


@dataclass(frozen=True, slots=True)
class DeadlineCut(RequestEvent):
    """
    A request took longer than its deadline allows.

    Args:
        request: The request.
        awaited: What did not come in time: `its headers` or `its body`.
        total: Seconds of the deadline.

    Example:
        >>> print(DeadlineCut(request, "its body", total=2.5))
        GET https://api.example.com/: its body did not come within 2.5 s
    """

    awaited: str
    total: float

    def __str__(self) -> str:
        return self._describe(f"{self.awaited} did not come within {self.total:g} s")
