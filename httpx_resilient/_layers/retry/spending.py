"""What retries pay for with, and what their request gives and gets: from its budget."""

from __future__ import annotations

from typing import Any

from httpx_resilient._budget.token_bucket import TIMED_OUT
from httpx_resilient._core.classify import is_healthy, was_not_sent
from httpx_resilient._core.http_types import ResponseLike
from httpx_resilient._layers.retry.state import RetryState


def pay(state: RetryState[Any, Any]) -> bool:
    """Pay for the next attempt. Says if that is done, or if it is free."""
    policy, error, cost = state.policy, state.error, 1.0
    if policy.budget is None:
        return True
    if error is not None:
        if was_not_sent(error, state.family):
            refund(state)
            return True
        if isinstance(error, state.family.timed_out):
            cost = TIMED_OUT
    if state.account is None:
        state.account = policy.budget.account(state.request.url)
    # What the last one cost is lost: it did not help.
    paid = state.account.spend(state.ended, cost, policy.beyond)
    state.paid = cost if paid else 0.0
    return paid


def refund(state: RetryState[Any, Any]) -> None:
    """Give back what an attempt cost that succeeded, or did not take place."""
    if state.paid and state.account is not None:
        state.account.refunds.append(state.paid)
        state.paid = 0.0


def settle_budget(state: RetryState[Any, Any], response: ResponseLike | None) -> None:
    """
    Settle the account of a request that ends with this response, or an error.

    If all is well, it earns something if it was so at once, or gets its cost back. A
    retry that was never sent gets it back too.
    """
    budget, error = state.policy.budget, state.error
    if response is not None:
        if budget is not None and is_healthy(response):
            if state.attempt_number == 1:
                budget.earn(state.request.url, state.ended)
            refund(state)
    elif state.paid and error is not None and was_not_sent(error, state.family):
        refund(state)
