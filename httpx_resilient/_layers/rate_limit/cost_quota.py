"""
What a server says about its quota of costs, such as tokens, as pure functions.

A quota binds the requests of one path with the same credentials. Servers report it
beside one of requests, for which the rules of `gcra.py` hold.
"""

from __future__ import annotations

from collections.abc import Mapping

from httpx_resilient._layers.rate_limit.headers import ServerQuota
from httpx_resilient._layers.rate_limit.known import stored
from httpx_resilient._layers.rate_limit.quota import LONGEST, reported
from httpx_resilient._layers.rate_limit.state import (
    EPSILON,
    Asker,
    Bucket,
    Lane,
    Quota,
    remaining,
)

Buckets = Mapping[Lane, Bucket]


def cost_lane(asker: Asker) -> Lane:
    """Return which quota binds a request."""
    return Lane(None, asker.path, asker.caller)


def quota_wait(buckets: Buckets, asker: Asker, now: float) -> float:
    """
    Return the seconds until a request need not wait for the quota of the server.

    It waits for the reset, but a minute at most after the last word of the server. No
    request is refused for a quota that a success has reported: one that may not wait
    for the reset goes when no other is in flight, or when `forced`.
    """
    bucket = buckets.get(cost_lane(asker))
    quota = None if bucket is None else _short_quota(bucket, asker, now)
    if bucket is None or quota is None:
        return 0.0
    resets = min(quota.resets, max(bucket.heard, bucket.paced_at) + LONGEST)
    if resets > asker.until + EPSILON:
        resets = asker.forced if bucket.in_flight > 0 else now
    return max(resets - now, 0.0)


def with_one_more(buckets: Buckets, asker: Asker, now: float) -> Buckets:
    """Return the quotas after one more request is sent."""
    lane = cost_lane(asker)
    bucket = buckets.get(lane)
    if bucket is None:
        return buckets
    is_short = _short_quota(bucket, asker, now) is not None
    paced_at = now if is_short else bucket.paced_at
    in_flight = bucket.in_flight + asker.cost
    bucket = bucket._replace(in_flight=in_flight, paced_at=paced_at)
    return {**buckets, lane: bucket}


def with_one_less(buckets: Buckets, lane: Lane, number: int, cost: float) -> Buckets:
    """Return the quotas after the end of a request."""
    bucket = buckets.get(lane)
    if bucket is None or number <= bucket.since:  # it was not counted
        return buckets
    in_flight = max(bucket.in_flight - cost, 0.0)
    return {**buckets, lane: bucket._replace(in_flight=in_flight)}


def with_report(
    buckets: Buckets,
    asker: Asker,
    now: float,
    number: int,
    quota: ServerQuota,
    elapsed: float,
    counted: int,
    jitter: float,
) -> Buckets:
    """Return the quotas with the one that an answer reports, as in `reported`."""
    lane = cost_lane(asker)
    bucket = buckets.get(lane) or Bucket(since=counted)
    bucket = reported(
        bucket, now, number, quota.left, quota.resets, elapsed, counted, jitter
    )
    return stored(buckets, lane, bucket, now)


def _short_quota(bucket: Bucket, asker: Asker, now: float) -> Quota | None:
    """Return the quota if it does not certainly suffice for a request."""
    quota = bucket.quota
    if quota is None or now >= quota.resets - EPSILON:
        return None
    is_short = remaining(bucket, quota) < asker.ahead + asker.cost
    return quota if is_short else None
