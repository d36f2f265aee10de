"""Events of the retry budget."""

from __future__ import annotations

from httpx_resilient._core.events.base import RequestEvent
from httpx_resilient._core.events.record import event

BUDGET_SPENT = "the retry budget of its origin is spent"


@event
class BudgetRefused(RequestEvent):
    """
    The retry budget is spent, so the next attempt or the hedge is not sent.

    Args:
        request: The request.

    Example:
        >>> print(BudgetRefused(request))
        GET https://api.example.com/: the retry budget of its origin is spent
    """

    def __str__(self) -> str:
        return self._describe(BUDGET_SPENT)
