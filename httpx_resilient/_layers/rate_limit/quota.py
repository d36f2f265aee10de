"""
What a server says about one quota, recorded by pure functions.

`jitter` is a random number from 0 to 1.
"""

from __future__ import annotations

import math

from httpx_resilient._layers.rate_limit.state import Bucket, Quota, remaining

_END_TOLERANCE = 1.0
"""
Seconds by which the ends that two answers report for the same window may differ.

Most servers report whole seconds.
"""

LONGEST = 60.0
"""
Seconds after which a server is asked whether it still means what it has said.

A pause may be over before its time, its unit may be another one than it seems, and a
maintenance page may ask for an hour after a restart of a second.
"""


def settled(bucket: Bucket, number: int) -> Bucket:
    """
    Return a bucket after the end of a request that it has counted.

    An answer without a quota is taken for uncounted: servers that report quotas do not
    count all resources. If the server did count it, the next answer says so.
    """
    # A request is unknown if the bucket was evicted while it was in flight.
    if number <= bucket.since or bucket.in_flight <= 0:
        return bucket
    return bucket._replace(in_flight=bucket.in_flight - 1)


def paused(
    bucket: Bucket, now: float, seconds: float, elapsed: float, jitter: float
) -> Bucket:
    """
    Return a bucket that sends nothing for some seconds, as the server has asked.

    A pause replaces the quota. If many requests are refused at the same time, only the
    first of their jitters counts. The largest of many would be close to 1 for every
    client, and the clients would return together. Of several pauses the longest counts,
    but the answer to a request that was sent during a pause replaces it.
    """
    spread, pause, eases = spread_of(seconds), bucket.pause, bucket.eases
    is_probe = bucket.paused_at < now - elapsed < pause
    if now >= pause:
        bucket = bucket._replace(paused_at=now, probe_at=math.inf)
    bucket = bucket._replace(quota=None, heard=now)
    if not is_probe and pause >= now + seconds:
        return bucket._replace(eases=max(eases, pause + spread))
    pause = now + seconds + jitter * spread
    eases = pause + spread if is_probe else max(eases, pause + spread)
    return _probed(bucket._replace(pause=pause, eases=eases), now, seconds, jitter)


def _probed(bucket: Bucket, now: float, seconds: float, jitter: float) -> Bucket:
    """Return a bucket with probes, if it is closed for long."""
    if seconds <= LONGEST:
        return bucket._replace(probe_at=math.inf)
    if bucket.probe_at < math.inf:
        return bucket
    # The jitter keeps clients apart that were refused together.
    first, gap = LONGEST * (1 + jitter) / 2, LONGEST * (0.75 + jitter / 2)
    return bucket._replace(probe_at=now + first, probe_gap=gap)


def reopened(bucket: Bucket, now: float, elapsed: float) -> Bucket:
    """Return a bucket whose pause is over if a request sent during it is served."""
    if not bucket.paused_at < now - elapsed or now >= bucket.pause:
        return bucket
    eases = now + spread_of(bucket.pause - now)
    probe_at = math.inf if bucket.quota is None else now + bucket.probe_gap
    return bucket._replace(pause=now, opens=now, eases=eases, probe_at=probe_at)


def forgotten(bucket: Bucket, now: float) -> Bucket:
    """Return a bucket without its quota. A pause goes on, with its probes."""
    probe_at = math.inf if now >= bucket.pause else bucket.probe_at
    return bucket._replace(quota=None, probe_at=probe_at)


def reported(
    bucket: Bucket,
    now: float,
    number: int,
    left: int,
    seconds: float,
    elapsed: float,
    counted: int,
    jitter: float,
) -> Bucket:
    """
    Return a bucket with the quota that an answer reports.

    Args:
        bucket: The bucket before.
        now: When the answer arrived, in monotonic seconds.
        number: The number of its request, 0 if the bucket has not counted it.
        left: The requests that the server still allows.
        seconds: Seconds until its window ends.
        elapsed: Seconds that the request took.
        counted: The number of the latest request.
        jitter: A random number from 0 to 1.
    """
    quota, ends, spread = bucket.quota, now + seconds, spread_of(seconds)
    resets = ends + jitter * spread
    if (
        quota is None
        or now >= quota.resets
        or ends - elapsed > quota.ends + _END_TOLERANCE  # the next window
    ):
        quota = Quota(left, left, counted, ends, resets, spread)
        bucket = forgotten(bucket, now)
    else:
        least, previous, round_start, known_end, _, _ = quota
        if ends > known_end - _END_TOLERANCE:  # the same window
            later = max(ends - known_end, 0.0)
            ends, resets, spread = known_end + later, quota.resets + later, quota.spread
        elif number <= round_start:  # an earlier window
            return bucket
        if number > round_start:
            least, previous, round_start = left, least, counted
        quota = Quota(min(left, least), previous, round_start, ends, resets, spread)
    bucket = bucket._replace(quota=quota, reports_quotas=True, heard=now)
    # Requests in flight, such as those that were forced, may take what is left.
    if remaining(bucket, quota) <= 0 and quota.ends - now > LONGEST:
        is_known = bucket.probe_at < math.inf
        bucket = _probed(bucket, now, quota.ends - now, jitter)
        # A pause of a minute at most is not probed.
        return (
            bucket
            if is_known
            else bucket._replace(probe_at=max(bucket.probe_at, bucket.pause))
        )
    return bucket if now < bucket.pause else bucket._replace(probe_at=math.inf)


def spread_of(seconds: float) -> float:
    """
    Return the seconds over which requests are spread that have waited this long.

    Clients that were refused together would otherwise return together. A tenth of the
    wait, and at most 5 s, is the jitter of `wait_retry_after` too.
    """
    return min(seconds / 10, 5.0)
