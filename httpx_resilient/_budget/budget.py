"""
The retry budget: limits retries and hedges of an origin to a share of its successes.

Retries alone make an outage worse: three attempts are three times the load, at the
moment of too much load. A budget is earned by requests that succeed, so in an outage it
is soon spent, and it stays spent until the server recovers.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

from httpx_resilient._budget.accounts import Account, Accounts
from httpx_resilient._budget.token_bucket import DEFAULT_FLOOR, BucketLimits
from httpx_resilient._budget.trouble import GRACE
from httpx_resilient._core.clock import Clock
from httpx_resilient._core.context import RequestContext
from httpx_resilient._core.described import Described
from httpx_resilient._core.http_types import URLLike
from httpx_resilient._core.keys import (
    KeyFunction,
    check_key,
    key_given,
    key_of,
    key_shown,
    own_key_of,
)
from httpx_resilient._core.public import Uncopyable, public
from httpx_resilient._core.validation import number


@public()
class RetryBudget(Uncopyable, Described):
    """
    Limits retries to a share of the requests that succeed, for each origin.

    A request that succeeds at once earns `ratio` of a retry. A retry costs 1, or 2
    after a timeout, and the cost is refunded if the retry succeeds: so only retries
    that did not help are charged. The client's own traffic of the last seconds limits
    the savings, because a thousand clients with a fixed allowance each are one large
    burst, at the worst moment. Once the budget is spent, a request returns its last
    outcome at once.

    A retry is charged when it is decided, before its wait. The charge is refunded if
    the retry does not take place, because a hook raised or the request was cancelled.

    Some retries are free, because they add no load that goes on:

    * A retry that was never sent, because no connection could be made.
    * One after a single event: an origin that has worked fails for the first time in a
      `window`. A reload, a restart, or a dead worker breaks all that is in flight at
      once. Retries are free for `grace` seconds, and later for what was in flight when
      the failures began. Not after a timeout or 504, which are signs of overload.
    * One that comes when the server has asked for it, by `Retry-After` for example. If
      it asks for two minutes and serves nobody, it is no longer believed.

    Args:
        ratio: Retries that a request earns which succeeds at once; 0.01 to 1.
        least: Retries that may be saved without any traffic, so that a client which
            sends one request per minute has its three attempts; 3, or `most` if that is
            less. A budget begins with 10, or `most` if that is less. A stop strategy
            with more than three attempts may overdraw the budget by the excess (by
            seven if it names no number).
        most: Retries that may be saved at most, whatever the traffic.
        window: Seconds of traffic that the savings are in proportion to, and without a
            failure before a single event.
        grace: Seconds of a single event; 0 for none.
        key: A function of the request that returns the key of its account, if that is
            not the origin, such as `key_by_path()`. At most 1000 keys are stored.

    Raises:
        TypeError: An argument is not a number, or `key` is not a plain function.
        ValueError: An argument is out of its range, or not a number (NaN).

    A budget can be shared by clients of both libraries, by tasks and threads, and with
    hedging. Each process has its own.

    The reason for all of this is recovery from overload. With a fixed allowance (20 %
    and 10 per second in Finagle, 500 tokens in the SDKs of AWS) two hundred clients may
    permanently overload a server after ten bad seconds. On failures that sustain
    themselves see Bronson et al., "Metastable Failures in Distributed Systems",
    HotOS 2021.

    Example:
        >>> budget = RetryBudget(ratio=0.1)
        >>> first = RetryingTransport(budget=budget)
        >>> second = RetryingTransport(budget=budget)
    """

    def __init__(
        self,
        ratio: float = 0.2,
        *,
        least: float | None = None,
        most: float = 100,
        window: float = 10,
        grace: float = GRACE,
        key: KeyFunction | None = None,
    ) -> None:
        check_key(key)
        self.key = key
        ratio = number("ratio", ratio, least=0.01, most=1, unit="retries per request")
        most = number("most", most, least=1, most=1_000_000, unit="retries")
        least = min(DEFAULT_FLOOR, most) if least is None else least
        least = number("least", least, least=0, most=most, unit="retries")
        window = number("window", window, above=0, unit="seconds")
        grace = number("grace", grace, least=0, unit="seconds")
        self._limits = BucketLimits(ratio, least, most, window, grace)
        self.accounts: Accounts = Accounts(self._limits)

    def states(self) -> Mapping[Any, float]:
        """
        Return the retries that are left, by origin or by what `key` returned.

        An origin is named as `https://api.example.com`. The number is below 0 if a
        request that is allowed more attempts than usual has overdrawn the budget.
        """
        now = Clock.now()
        return {
            key_shown(self.key, key): account.balance(now)
            for key, account in self.accounts.known().items()
        }

    # For layers. All times are monotonic seconds.

    def key_in(self, context: RequestContext) -> Hashable:
        """Return the key of a request, or `None` if that is the origin."""
        return own_key_of(context, self.key)

    def account_of(self, context: RequestContext) -> Account:
        """Return the account of a request."""
        function = self.key
        key = context.origin if function is None else key_of(context, function)
        return self.accounts[key]

    def account(self, url: str | URLLike) -> Account:
        """Return the account of a URL, see `CircuitBreaker.force_open`."""
        return self.accounts[key_given(self.key, url)]

    def spend(
        self, url: str | URLLike, now: float, cost: float = 1, overdraft: float = 0
    ) -> bool:
        """
        Withdraw the cost of a retry or hedge before it is sent.

        Args:
            url: The URL of the request.
            now: Monotonic seconds.
            cost: The cost, in retries.
            overdraft: Retries that this request may withdraw beyond the balance.

        Returns:
            Whether there was enough. If not, the retry or hedge must not be sent.
        """
        return self.account(url).withdraw(now, cost, overdraft)

    def refund(self, url: str | URLLike, cost: float = 1) -> None:
        """Return the cost of a retry or hedge that succeeded, or was not sent."""
        self.account(url).refunds.append(cost)


def budget_of(given: object, own: RetryBudget | None = None) -> RetryBudget | None:
    """
    Resolve a `budget` argument: `True` is the layer's own budget, `False` is none.

    Args:
        given: The argument.
        own: The layer's own budget. Without one, `True` creates a budget.

    Raises:
        TypeError: The argument is not a `RetryBudget`, `True` or `False`.
    """
    if isinstance(given, RetryBudget):
        return given
    if given is False:
        return None
    if given is not True:
        msg = (
            "budget must be a RetryBudget, such as RetryBudget(ratio=0.1), or False "
            f"for none; got {given!r}"
        )
        raise TypeError(msg)
    return RetryBudget() if own is None else own
