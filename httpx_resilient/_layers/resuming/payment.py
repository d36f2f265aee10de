"""What a request for the rest of a body withdraws from a retry budget."""

from __future__ import annotations

from httpx_resilient._budget.accounts import Account
from httpx_resilient._budget.budget import RetryBudget
from httpx_resilient._budget.token_bucket import COST_AFTER_TIMEOUT
from httpx_resilient._core.context import RequestContext


class Payment:
    """
    The withdrawals of one body.

    Args:
        budget: The budget, or `None` for no charge.
        context: The context of the request.
        now: Monotonic seconds: until now, the request was served well.
        earns: Whether that is to be deposited: nobody else does so with this budget.
    """

    __slots__ = ("_account", "withdrawn")

    def __init__(
        self,
        budget: RetryBudget | None,
        context: RequestContext,
        now: float,
        *,
        earns: bool,
    ) -> None:
        self._account: Account | None = None
        self.withdrawn = 0.0
        if budget is not None:
            self._account = budget.account_of(context)
            if earns:
                self._account.deposits.append(now)

    def withdraw(self, now: float, sent: float, *, is_slow: bool) -> bool:
        """
        Withdraw the cost of a request. Return whether the budget allows it.

        It costs as much as after a timeout, because a body is more work than an answer.
        A single event of an origin that worked, such as a reload, is free.

        Args:
            now: Monotonic seconds.
            sent: When the request before it was sent.
            is_slow: Whether the body broke by a timeout, a sign of overload.
        """
        account, self.withdrawn = self._account, 0.0
        if account is None or (account.forgives(now, sent) and not is_slow):
            return True
        return account.withdraw(now, COST_AFTER_TIMEOUT, 0.0, self)

    def refund(self) -> None:
        """Return the last withdrawal: it has helped, or nothing was sent."""
        if self._account is not None and self.withdrawn:
            self._account.refunds.append(self.withdrawn)
            self.withdrawn = 0.0
