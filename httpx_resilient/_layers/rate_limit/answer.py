"""How one request has ended."""

from __future__ import annotations

from typing import NamedTuple

from httpx_resilient._layers.rate_limit.headers import ServerQuota
from httpx_resilient._layers.rate_limit.state import ANYBODY, Asker


class Answer(NamedTuple):
    """
    The end of one request.

    Args:
        asker: The request.
        is_well: Whether the server has served it.
        is_personal: Whether a refusal is about who asks, and not about the server.
        quota: What the answer says about quotas, if it does.
        cost: The actual cost of the request, if it is known.
        costs: What the answer says about a quota of costs, if it does.
    """

    asker: Asker = ANYBODY
    is_well: bool = False
    is_personal: bool = False
    quota: ServerQuota | None = None
    cost: float | None = None
    costs: ServerQuota | None = None


UNANSWERED = Answer()

UNSENT = Answer(cost=0.0)
"""The end of a request that was not sent, and that costs nothing."""
