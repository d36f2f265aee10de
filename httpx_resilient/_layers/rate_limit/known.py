"""What is known of the quotas of one key, bounded in number, as pure functions."""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping
from typing import TypeVar

from httpx_resilient._layers.rate_limit.lanes import UNNAMED, is_binding
from httpx_resilient._layers.rate_limit.state import (
    NOTHING,
    Bucket,
    Lane,
    ServerState,
)

MAX_BUCKETS = 64
"""The number of quotas of one key that are known: a dictionary of them is copied."""

MAX_PATHS = 256
"""The number of paths of one key that are known."""

KeyT = TypeVar("KeyT", bound=Hashable)
ValueT = TypeVar("ValueT")


def bounded(server: ServerState, now: float) -> ServerState:
    """Return the limits with the time until which one of them binds some requests."""
    until = -math.inf
    for lane, bucket in server.buckets.items():
        quota = bucket.quota
        if lane != UNNAMED:
            until = max(until, bucket.pause)
            if quota is not None and min(quota.least, quota.previous_least) <= 0:
                until = max(until, quota.resets)
    if now < server.bound_until or until <= now:
        return server._replace(bound_until=until)
    return server._replace(bound_until=until, bound_since=now, cleared=NOTHING)


def stored(
    buckets: Mapping[Lane, Bucket], lane: Lane, bucket: Bucket, now: float
) -> Mapping[Lane, Bucket]:
    """Return the buckets with one more. Those that bind nothing are dropped first."""
    if lane not in buckets and len(buckets) >= MAX_BUCKETS:
        free = (key for key, each in buckets.items() if not is_binding(each, now))
        oldest = next(free, next(iter(buckets)))
        buckets = {key: each for key, each in buckets.items() if key != oldest}
    return kept(buckets, lane, bucket, MAX_BUCKETS)


def kept(
    known: Mapping[KeyT, ValueT], key: KeyT, value: ValueT, most: int
) -> Mapping[KeyT, ValueT]:
    """Return a mapping with one more at its end, and without its oldest if full."""
    if len(known) < most and key in known and known[key] == value:
        return known
    grown = dict(known)
    grown.pop(key, None)
    grown[key] = value
    if len(grown) > most:
        del grown[next(iter(grown))]
    return grown
