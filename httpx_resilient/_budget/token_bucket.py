"""What a retry budget holds of one origin, and how retries are paid from it."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from typing import NamedTuple

RETRIES = 2
"""Of one request that gets the three attempts of the default policy."""

LEAST = 3
"""
What may be saved without traffic to speak of.

With less, a client that asks once a second, where one request in five fails, loses
more calls; with more, two hundred clients recover later from overload, as each may
repeat two timeouts instead of one. `python -m benchmarks --only simulations` has both.
"""

TIMED_OUT = 2.0
"""
What a retry costs after a timeout, where others cost 1.

It is the sign of overload, and what the server has been asked for it still works on.
The SDKs of AWS have charged double for it for years.
"""

_ALMOST = 1e-9
"""Five times a fifth may be a little less than one."""


class Terms(NamedTuple):
    """What a budget earns and may hold, as for `RetryBudget`."""

    ratio: float
    least: float
    most: float
    window: float


Bucket = tuple[float, float, float | None]
"""
What is left for an origin: a plain tuple, because each retry makes a new one.

1. Retries that may be made. Below 0 if a request that is allowed more attempts than
   usual has made them.
2. When that was found, in monotonic seconds.
3. When the first request ended that is known.
"""


def spent(
    bucket: Bucket,
    good: Sequence[float],
    refunded: float,
    now: float,
    terms: Terms,
    cost: float,
    beyond: float,
) -> tuple[Bucket, bool]:
    """
    Pay for a retry, if there is enough left.

    Args:
        bucket: What was left when it was last asked for.
        good: When requests went well at once: the latest of them, oldest first.
        refunded: What was given back since it was last asked for.
        now: Monotonic seconds.
        terms: What counts.
        cost: What the retry costs.
        beyond: What this request may take though it is not there.
    """
    tokens, at, since = bucket
    ratio, least, most, window = terms
    if since is None:
        since = good[0] if good else now
    tokens += refunded
    if good and good[-1] > at:
        tokens += ratio * (len(good) - bisect_right(good, at))
    if tokens > least:
        tokens = min(tokens, most)
        if now - since >= window:  # before, its traffic is not known
            traffic = len(good) - bisect_right(good, now - window)
            tokens = min(tokens, max(ratio * traffic, least))
    need = cost - _ALMOST
    if tokens < need and tokens + beyond < need:
        return (tokens, now, since), False
    return (tokens - cost, now, since), True
