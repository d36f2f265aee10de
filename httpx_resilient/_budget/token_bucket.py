"""
The token bucket that a retry budget has for one origin, as a pure function.

A token is the price of a retry. Requests that succeed deposit a share of one, a retry
withdraws one or two, and the capacity follows the recent traffic.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from typing import NamedTuple

DEFAULT_RETRIES = 2
"""Retries of one request under the default policy, which allows three attempts."""

DEFAULT_FLOOR = 3
"""
Tokens that may be saved without traffic to speak of.

With less, a client that sends one request per second, of which one in five fails, loses
more calls. With more, two hundred clients recover later from overload, because each may
repeat two timeouts instead of one. Both: `python -m benchmarks --only simulations`.
"""

START = 10.0
"""Tokens of an origin whose traffic is not known yet."""

COST_AFTER_TIMEOUT = 2.0
"""
The price of a retry after a timeout. Any other retry costs 1.

A timeout is the sign of overload, and the server still works on the request that timed
out. The SDKs of AWS have charged double for it for years.
"""

_ROUNDING = 1e-9
"""Five times a fifth may be a little less than one."""


class BucketLimits(NamedTuple):
    """
    The limits of each bucket of a `RetryBudget`.

    Args:
        ratio: Tokens that a request deposits which succeeds at once.
        floor: The capacity without traffic.
        capacity: The capacity at most.
        window: Seconds of traffic that the capacity is in proportion to.
        grace: Seconds of an event in which retries are free.
    """

    ratio: float
    floor: float
    capacity: float
    window: float
    grace: float = 0.0

    @property
    def start(self) -> float:
        """Tokens to begin with, the least capacity until the traffic is known."""
        return min(self.capacity, max(START, self.floor))


Bucket = tuple[float, float, float | None]
"""
The state of a bucket: a plain tuple, because each withdrawal makes a new one.

1. Tokens. Below 0 if a request that is allowed more attempts than usual has overdrawn.
2. Monotonic seconds of the last withdrawal.
3. Monotonic seconds when the first known request ended, or `None` before that.
"""


def withdraw(
    bucket: Bucket,
    deposits: Sequence[float],
    refunded: float,
    now: float,
    limits: BucketLimits,
    cost: float,
    overdraft: float,
) -> tuple[Bucket, bool]:
    """
    Withdraw the cost of a retry, if the bucket has enough.

    Args:
        bucket: The state after the last withdrawal.
        deposits: Monotonic seconds of the latest requests that succeeded at once,
            oldest first.
        refunded: Tokens returned since the last withdrawal.
        now: Monotonic seconds.
        limits: The limits of the bucket.
        cost: Tokens that the retry costs.
        overdraft: Tokens that this request may withdraw beyond the balance.

    Returns:
        The next state, and whether the cost was withdrawn.
    """
    tokens, updated, since = bucket
    ratio, floor, capacity, window, _ = limits
    if since is None:
        since = deposits[0] if deposits else now
    tokens += refunded
    if deposits and deposits[-1] > updated:
        tokens += ratio * (len(deposits) - bisect_right(deposits, updated))
    if tokens > floor:
        traffic = len(deposits) - bisect_right(deposits, now - window)
        most = min(max(ratio * traffic, floor), capacity)
        if now - since < window:  # the traffic is not known in full
            most = max(most, limits.start)
        tokens = min(tokens, most)
    needed = cost - _ROUNDING
    if tokens < needed and tokens + overdraft < needed:
        return (tokens, now, since), False
    return (tokens - cost, now, since), True
