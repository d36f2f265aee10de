"""Charge retries to the budget; refund those that helped or were never sent."""

from __future__ import annotations

from typing import Any

from httpx_resilient._budget.accounts import Account
from httpx_resilient._budget.budget import RetryBudget
from httpx_resilient._budget.token_bucket import COST_AFTER_TIMEOUT
from httpx_resilient._core.classify import is_graceful, is_healthy, was_not_sent
from httpx_resilient._core.family import Family
from httpx_resilient._core.http2_errors import is_shared
from httpx_resilient._core.idle_failure import was_idle
from httpx_resilient._layers.retry.state import RetryState

_GATEWAY_TIMEOUT = 504


class Spending:
    """
    The withdrawals of one request from its retry budget.

    Args:
        budget: The budget, or `None` for retries without charge.
        overdraft: Retries that this request may withdraw beyond the balance.
    """

    __slots__ = ("_account", "_budget", "_overdraft", "_settled", "withdrawn")

    def __init__(self, budget: RetryBudget | None, overdraft: float) -> None:
        self._budget = budget
        self._overdraft = overdraft
        self._account: Account | None = None
        self._settled = 0.0
        """The refund of an attempt that has helped, until its body breaks."""
        self.withdrawn = 0.0

    def withdraw(self, state: RetryState[Any, Any]) -> bool:
        """
        Withdraw the cost of the next attempt.

        The withdrawal for the attempt that just failed is final: it did not help. It is
        refunded only if that attempt was free; then the next one is, too.

        Returns:
            Whether the budget allows the next attempt.
        """
        budget, error, now = self._budget, state.error, state.ended
        if budget is None:
            return True
        if error is not None:
            if _is_free(error, state.family):
                self.refund()
                return True
            if is_shared(error):  # the first of the requests that it has ended pays
                return True
        account = self._account
        if account is None:
            account = self._account = budget.account_of(state.context)
        self.withdrawn = 0.0
        if _is_asked_for(state):
            if account.believes(now):
                return True
        elif account.forgives(now, state.sent) and not _is_slow(state):
            return True
        is_timeout = isinstance(error, state.family.timed_out)
        cost = COST_AFTER_TIMEOUT if is_timeout else 1.0
        # It sets `withdrawn` together with the withdrawal: a signal may come between.
        return account.withdraw(now, cost, self._overdraft, self)

    def refund(self) -> None:
        """Return the last withdrawal to the budget, if there is one."""
        if self.withdrawn and self._account is not None:
            self._account.refunds.append(self.withdrawn)
            self.withdrawn = 0.0

    def reopen(self, now: float) -> None:
        """Withdraw a refund again: the body of the answer has broken afterwards."""
        if self._settled and self._account is not None:
            self._account.withdraw(now, self._settled, self._settled)
        self._settled = 0.0

    def settle(self, state: RetryState[Any, Any]) -> None:
        """
        Settle with the budget when a request ends.

        A healthy response earns if it is the first one; a later one, and an error that
        proves that the retry was never sent, get the withdrawal refunded.
        """
        response, error = state.response, state.error
        if response is not None:
            if self._budget is not None and _is_served(state, response):
                account = self._account or self._budget.account_of(state.context)
                if state.attempt_number == 1:
                    account.deposits.append(state.ended)
                else:
                    account.helped = max(account.helped, state.sent)
                account.served = state.ended
                self._settled = self.withdrawn
                self.refund()
        elif self.withdrawn and error is not None and _is_free(error, state.family):
            self.refund()


def _is_served(state: RetryState[Any, Any], response: Any) -> bool:
    """Whether a response is healthy, and does not ask for another attempt itself."""
    hints = state.hints
    return is_healthy(response) and not (hints.should_retry or hints.unprocessed)


def _is_asked_for(state: RetryState[Any, Any]) -> bool:
    """Whether the next attempt comes when the server has asked for it."""
    seconds = state.hints.retry_after
    return seconds is not None and state.upcoming_sleep >= seconds


def _is_slow(state: RetryState[Any, Any]) -> bool:
    """Whether a failure is a sign of overload: somebody has waited in vain."""
    response = state.response
    if response is not None:
        return bool(response.status_code == _GATEWAY_TIMEOUT)
    return isinstance(state.error, state.family.timed_out)


def _is_free(error: Exception, family: Family) -> bool:
    """
    Whether a failure is no sign of overload, so that an attempt after it costs nothing.

    The request was not sent; or its connection was closed by a server that leaves in
    good order, or while it was idle. Each idle connection has had a response before, so
    there cannot be more of these than successes.
    """
    return was_not_sent(error, family) or is_graceful(error) or was_idle(error)
