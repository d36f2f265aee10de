"""
How many retries, and hedges, an origin may be sent: in proportion to what goes well.

Retries alone make an outage worse: three attempts are three times the load, just when
there is too much of it. A budget is earned by requests that go well, so in an outage
it is soon spent, and stays so until the server recovers.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Mapping
from threading import Lock

from httpx_resilient._budget.token_bucket import LEAST, Bucket, Terms, spent
from httpx_resilient._core.clock import Clock
from httpx_resilient._core.http_types import URLLike
from httpx_resilient._core.origin import OriginKey, origin_key, origin_name
from httpx_resilient._core.public import public
from httpx_resilient._core.state.store import MAX_KEYS
from httpx_resilient._core.validation import number

SPENT = "the retry budget of its origin is spent"


class Account:
    """
    What is known of an origin.

    Requests that go well, and refunds, are only noted. That needs no lock, whatever
    thread or finalizer it happens in. They count once a retry is to be paid.
    """

    __slots__ = ("_lock", "_terms", "bucket", "good", "refunds")

    def __init__(self, terms: Terms) -> None:
        self._terms = terms
        self._lock = Lock()
        self.bucket: Bucket = (terms.most, -math.inf, None)
        self.good: deque[float] = deque(maxlen=math.ceil(terms.most / terms.ratio))
        self.refunds: list[float] = []

    def spend(self, now: float, cost: float, beyond: float) -> bool:
        """Pay for a retry, if there is enough left."""
        refunded = 0.0
        self._lock.acquire()  # which takes half as long as `with` does
        try:
            while self.refunds:
                refunded += self.refunds.pop()
            self.bucket, paid = spent(
                self.bucket, self.good, refunded, now, self._terms, cost, beyond
            )
        finally:
            self._lock.release()
        return paid

    def left(self, now: float) -> float:
        """Tell how many retries are left, and change nothing."""
        refunded, terms = sum(self.refunds), self._terms
        bucket, _ = spent(self.bucket, self.good, refunded, now, terms, 0, 0)
        return bucket[0]


class Accounts(dict[OriginKey, Account]):
    """
    Accounts by origin, bounded in number.

    To look one up is all that most requests do, so its price is that of a `dict`. In
    return, the order in which they are forgotten is rough: those that were not used
    while half of `most` others came are.
    """

    def __init__(self, terms: Terms, most: int = MAX_KEYS) -> None:
        super().__init__()
        self._terms = terms
        self._half = most // 2
        self._older: dict[OriginKey, Account] = {}
        self._lock = Lock()

    def __missing__(self, key: OriginKey) -> Account:
        with self._lock:
            account = self.get(key)
            if account is None:  # or another thread was quicker
                account = self._older.pop(key, None) or Account(self._terms)
                if len(self) >= self._half:
                    self._older = self.copy()
                    self.clear()
                self[key] = account
        return account

    def known(self) -> dict[OriginKey, Account]:
        """Tell all that are remembered."""
        return {**self._older, **self}


@public()
class RetryBudget:
    """
    Limits retries to a share of what goes well, for each origin.

    A request that succeeds at once earns `ratio` of a retry. A retry costs 1, or 2
    after a timeout, and gets it back if it succeeds: so what is paid for are retries
    that did not help. What can be saved follows the client's own traffic of the last
    seconds, because a thousand clients with a fixed allowance each are one large burst,
    at the worst moment. Once it is spent, the outcome is returned at once.

    A retry pays when it is decided, before its wait. It gets that back if it does not
    take place: because a hook raised, say, or the request was cancelled. What was never
    sent, for want of a connection, costs nothing.

    Args:
        ratio: Retries that a request earns that succeeds at once.
        least: Retries that may be saved whatever the traffic, so that a client that
            asks once in a minute has its three attempts; 3, or `most` if that is less.
            Who allows a request more attempts than three allows it to owe so many more:
            seven, if the stop strategy names no number.
        most: Retries that may be saved at most, and those to begin with: how much
            traffic there is shows only after the first `window`.
        window: Seconds of traffic that what may be saved is in proportion to.

    Raises:
        TypeError: One is not a number.
        ValueError: One is out of its range, or not a number (NaN).

    A budget can be shared: by clients, of both libraries, by tasks and threads, with
    hedging. Each process has its own.

    Recovery from overload is the reason for all of this. With a fixed allowance (20 %
    and 10 per second in Finagle, 500 tokens in the SDKs of AWS) two hundred clients may
    keep down for good a server that ten bad seconds have overloaded. On such failures
    that feed themselves: Bronson et al., "Metastable Failures in Distributed Systems",
    HotOS 2021.

    Example:
        >>> budget = RetryBudget(ratio=0.1)
        >>> RetryingTransport(budget=budget), RetryingTransport(budget=budget)
        (<RetryingTransport>, <RetryingTransport>)
    """

    def __init__(
        self,
        ratio: float = 0.2,
        *,
        least: float | None = None,
        most: float = 10,
        window: float = 10,
    ) -> None:
        number("ratio", ratio, least=0.01, most=1, unit="retries per request")
        number("most", most, least=1, most=1_000_000, unit="retries")
        least = min(LEAST, most) if least is None else least
        number("least", least, least=0, most=most, unit="retries")
        number("window", window, above=0, unit="seconds")
        self._terms = Terms(ratio, least, most, window)
        self.accounts: Accounts = Accounts(self._terms)

    def states(self) -> Mapping[str, float]:
        """
        Tell how many retries are left for each origin, as `https://api.example.com`.

        Less than 0 if a request that is allowed more attempts than usual owes them.
        """
        now = Clock.now()
        return {
            origin_name(key): account.left(now)
            for key, account in self.accounts.known().items()
        }

    # For layers. A time is in monotonic seconds.

    def account(self, url: URLLike) -> Account:
        """Find the account of a URL's origin."""
        return self.accounts[origin_key(url)]

    def earn(self, url: URLLike, now: float) -> None:
        """Hear of a request that succeeded at once."""
        self.account(url).good.append(now)

    def spend(
        self, url: URLLike, now: float, cost: float = 1, beyond: float = 0
    ) -> bool:
        """
        Pay for a retry or hedge that is about to be made, or say that it must not be.

        Args:
            url: What is requested.
            now: Monotonic seconds.
            cost: What it costs.
            beyond: How many more retries than usual this request is allowed.
        """
        return self.account(url).spend(now, cost, beyond)

    def refund(self, url: URLLike, cost: float = 1) -> None:
        """Give back what a retry cost that succeeded, or was not sent."""
        self.account(url).refunds.append(cost)

    def __repr__(self) -> str:
        terms = ", ".join(
            f"{name}={value:g}" for name, value in self._terms._asdict().items()
        )
        return f"<RetryBudget {terms}>"


def budget_of(given: object, own: RetryBudget | None = None) -> RetryBudget | None:
    """
    Tell which budget is meant: `True` is the own one, `False` is none.

    Raises:
        TypeError: It is none of these, and no budget.
    """
    if isinstance(given, RetryBudget):
        return given
    if given is False:
        return None
    if given is not True:
        msg = f"budget is a RetryBudget, or False for none; got {given!r}"
        raise TypeError(msg)
    return RetryBudget() if own is None else own
