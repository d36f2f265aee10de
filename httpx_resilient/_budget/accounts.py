"""The accounts of a retry budget: one token bucket for each origin."""

from __future__ import annotations

import math
from collections import deque
from typing import Protocol

from httpx_resilient._budget.token_bucket import Bucket, BucketLimits, withdraw
from httpx_resilient._core.lock import make_lock
from httpx_resilient._core.origin import OriginKey
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

    __slots__ = ("_limits", "_lock", "bucket", "deposits", "refunds")

    def __init__(self, limits: BucketLimits) -> None:
        self._limits = limits
        self._lock = make_lock()
        self.bucket: Bucket = (limits.capacity, -math.inf, None)
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

    def balance(self, now: float) -> float:
        """Return how many tokens there are, and change nothing."""
        refunded = sum(self.refunds)
        bucket, _ = withdraw(
            self.bucket, self.deposits, refunded, now, self._limits, 0, 0
        )
        return bucket[0]


class Accounts(dict[OriginKey, Account]):
    """
    The accounts by origin, bounded in number.

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
        self._older: dict[OriginKey, Account] = {}
        self._lock = make_lock()

    def __missing__(self, key: OriginKey) -> Account:
        with self._lock:
            account = self.get(key)
            if account is None:  # else another thread was quicker
                account = self._older.get(key) or Account(self._limits)
                if len(self) >= self._half:
                    self._older = self.copy()
                    self.clear()
                self[key] = account
        return account

    def known(self) -> dict[OriginKey, Account]:
        """Return all accounts that were not evicted."""
        return {**self._older, **self}
