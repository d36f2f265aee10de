"""Charge retries to the budget; refund those that helped or were never sent."""

from __future__ import annotations

from typing import Any

from httpx_resilient._budget.accounts import Account
from httpx_resilient._budget.budget import RetryBudget
from httpx_resilient._budget.token_bucket import COST_AFTER_TIMEOUT
from httpx_resilient._core.classify import is_healthy, was_not_sent
from httpx_resilient._layers.retry.state import RetryState


class Spending:
    """
    The withdrawals of one request from its retry budget.

    Args:
        budget: The budget, or `None` for retries without charge.
        overdraft: Retries that this request may withdraw beyond the balance.
    """

    __slots__ = ("_account", "_budget", "_overdraft", "_withdrawn")

    def __init__(self, budget: RetryBudget | None, overdraft: float) -> None:
        self._budget = budget
        self._overdraft = overdraft
        self._account: Account | None = None
        self._withdrawn = 0.0

    def withdraw(self, state: RetryState[Any, Any]) -> bool:
        """
        Withdraw the cost of the next attempt.

        The withdrawal for the attempt that just failed is final: it did not help. It is
        refunded only if that attempt was never sent; then the next one is free, too.

        Returns:
            Whether the budget allows the next attempt.
        """
        budget, error, cost = self._budget, state.error, 1.0
        if budget is None:
            return True
        if error is not None:
            if was_not_sent(error, state.family):
                self.refund()
                return True
            if isinstance(error, state.family.timed_out):
                cost = COST_AFTER_TIMEOUT
        if self._account is None:
            self._account = budget.accounts[state.context.origin]
        is_granted = self._account.withdraw(state.ended, cost, self._overdraft)
        self._withdrawn = cost if is_granted else 0.0
        return is_granted

    def refund(self) -> None:
        """Return the last withdrawal to the budget, if there is one."""
        if self._withdrawn and self._account is not None:
            self._account.refunds.append(self._withdrawn)
            self._withdrawn = 0.0

    def settle(self, state: RetryState[Any, Any]) -> None:
        """
        Settle with the budget when a request ends.

        A healthy response earns if it is the first one; a later one, and an error that
        proves that the retry was never sent, get the withdrawal refunded.
        """
        response, error = state.response, state.error
        if response is not None:
            if self._budget is not None and is_healthy(response):
                if state.attempt_number == 1:
                    account = self._budget.accounts[state.context.origin]
                    account.deposits.append(state.ended)
                self.refund()
        elif (
            self._withdrawn and error is not None and was_not_sent(error, state.family)
        ):
            self.refund()
