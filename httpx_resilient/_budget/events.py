"""Events of the retry budget."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import field

from httpx_resilient._core.events.base import RequestEvent
from httpx_resilient._core.events.record import event
from httpx_resilient._core.keys import key_text

BUDGET_SPENT = "the retry budget of its origin is spent"


def budget_spent(key: Hashable) -> str:
    """Return why no retry follows. The key is `None` if it is the origin."""
    if key is None:
        return BUDGET_SPENT
    return f"the retry budget of {key_text(key) or 'its key'} is spent"


@event
class BudgetRefused(RequestEvent):
    """
    The retry budget is spent, so the next attempt or the hedge is not sent.

    Args:
        request: The request.
        key: The key of its account, if that is not the origin.

    Example:
        >>> print(BudgetRefused(request))
        GET https://api.example.com/: the retry budget of its origin is spent
    """

    key: Hashable = field(default=None, repr=False)

    def __str__(self) -> str:
        return self._describe(budget_spent(self.key))
