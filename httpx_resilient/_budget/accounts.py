"""The accounts of a retry budget: one token bucket for each origin or other key."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Hashable
from typing import Protocol

from httpx_resilient._budget.token_bucket import Bucket, BucketLimits, withdraw
from httpx_resilient._budget.trouble import (
    NO_TROUBLE,
    asking,
    failing,
    is_believed,
    is_single_event,
)
from httpx_resilient._core.lock import make_lock
from httpx_resilient._core.state.store import MAX_KEYS


class Payer(Protocol):
    """A request that pays for its retries."""

    withdrawn: float
    """The cost of its last retry, 0 if that is free."""


class Account:
    """
    The account of one origin.

    Deposits and refunds are appended only, which needs no lock in any thread or
    finalizer. They are added up at the next withdrawal.

    Args:
        limits: The limits of its bucket.
    """

    __slots__ = (
        "_asked",
        "_limits",
        "_lock",
        "_trouble",
        "bucket",
        "deposits",
        "helped",
        "refunds",
        "served",
    )

    def __init__(self, limits: BucketLimits) -> None:
        self._limits = limits
        self._lock = make_lock()
        self.bucket: Bucket = (limits.start, -math.inf, None)
        self.helped: float = -math.inf
        """When the latest retry that was answered well was sent."""
        self.served: float = -math.inf
        """When a retry was last answered well, in monotonic seconds."""
        self._trouble = self._asked = NO_TROUBLE
        most = math.ceil(limits.capacity / limits.ratio)
        self.deposits: deque[float] = deque(maxlen=most)
        self.refunds: list[float] = []

    def withdraw(
        self, now: float, cost: float, overdraft: float, payer: Payer | None = None
    ) -> bool:
        """
        Withdraw the cost of a retry. Return whether there was enough.

        Args:
            now: Monotonic seconds.
            cost: The cost, in retries.
            overdraft: Retries that may be withdrawn beyond the balance.
            payer: Gets what was withdrawn, even if an exception of a signal handler
                strikes before this returns: so it can refund it.
        """
        with self._lock:
            known = len(self.refunds)
            refunded = sum(self.refunds[:known], 0.0)
            bucket, is_granted = withdraw(
                self.bucket, self.deposits, refunded, now, self._limits, cost, overdraft
            )
            # From here on, nothing is called that an interruption could follow.
            self.bucket = bucket
            del self.refunds[:known]
            if payer is not None:
                payer.withdrawn = cost if is_granted else 0.0
        return is_granted

    def forgives(self, now: float, sent: float) -> bool:
        """
        Add a silent failure. Return whether an attempt after it is free.

        Args:
            now: When the request failed, in monotonic seconds.
            sent: When it was sent.
        """
        with self._lock:
            window, grace = self._limits.window, self._limits.grace
            self._trouble = failing(self._trouble, self._served(), now, window)
            return is_single_event(self._trouble, sent, now, grace)

    def believes(self, now: float) -> bool:
        """Add a failure that tells when to return. Return whether that is free."""
        with self._lock:
            self._asked = asking(self._asked, self._served(), now)
            return is_believed(self._asked, now)

    def _served(self) -> float:
        """Return when the origin last served a request."""
        return max(self.served, self.deposits[-1]) if self.deposits else self.served

    def balance(self, now: float) -> float:
        """Return how many tokens there are, and change nothing."""
        refunded = sum(self.refunds)
        bucket, _ = withdraw(
            self.bucket, self.deposits, refunded, now, self._limits, 0, 0
        )
        return bucket[0]


class Accounts(dict[Hashable, Account]):
    """
    The accounts by origin or other key, bounded in number.

    Most requests only look one up, so that costs as much as in any `dict`. In return
    the order of eviction is rough: an account is evicted that was not used while half
    of `most` new origins came.

    Args:
        limits: The limits of each account.
        most: The number of origins at most.
    """

    def __init__(self, limits: BucketLimits, most: int = MAX_KEYS) -> None:
        super().__init__()
        self._limits = limits
        self._half = most // 2
        self._older: dict[Hashable, Account] = {}
        self._lock = make_lock()

    def __missing__(self, key: Hashable) -> Account:
        with self._lock:
            account = self.get(key)
            if account is None:  # else another thread was quicker
                account = self._older.get(key) or Account(self._limits)
                if len(self) >= self._half:
                    self._older = self.copy()
                    self.clear()
                self[key] = account
        return account

    def known(self) -> dict[Hashable, Account]:
        """Return all accounts that were not evicted."""
        return {**self._older, **self}
