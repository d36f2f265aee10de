"""
The limits that a server reports, recorded by pure functions.

`jitter` is a random number from 0 to 1.
"""

from __future__ import annotations

from httpx_resilient._layers.rate_limit.state import SILENT, Quota, Rate

_END_TOLERANCE = 1.0
"""
Seconds by which the ends that two answers report for the same window may differ.

Most servers report whole seconds.
"""


def settle(rate: Rate, number: int) -> tuple[Rate, None]:
    """
    Record the end of a request whose answer reports no quota.

    It is taken for uncounted: servers that report quotas do not count all resources. If
    the server did count it, the next answer says so.
    """
    # A request is unknown if its key was evicted while it was in flight.
    if 0 < number <= rate.counted and rate.ended < rate.counted:
        rate = rate._replace(ended=rate.ended + 1)
    return rate, None


def record_pause(
    rate: Rate, now: float, number: int, seconds: float, jitter: float
) -> tuple[Rate, None]:
    """
    Send nothing for some seconds, because the server asked for a pause.

    A pause replaces the quota. If many requests are refused at the same time, only the
    first of their jitters counts. The largest of many would be close to 1 for every
    client, and the clients would return together.
    """
    server, spread = rate.server or SILENT, spread_of(seconds)
    opens = server.opens
    if opens < now + seconds:
        opens = now + seconds + jitter * spread
    eases = max(server.eases, opens + spread)
    server = server._replace(opens=opens, eases=eases, quota=None)
    return settle(rate._replace(server=server), number)


def record_quota(
    rate: Rate,
    now: float,
    number: int,
    left: int,
    seconds: float,
    elapsed: float,
    jitter: float,
) -> tuple[Rate, None]:
    """
    Record the quota that an answer reports.

    Args:
        rate: The state before.
        now: When the answer arrived, in monotonic seconds.
        number: The number of its request.
        left: The requests that the server still allows.
        seconds: Seconds until its window ends.
        elapsed: Seconds that the request took.
        jitter: A random number from 0 to 1.
    """
    server, ends, counted = rate.server or SILENT, now + seconds, rate.counted
    quota, spread = server.quota, spread_of(seconds)
    resets = ends + jitter * spread
    if (
        quota is None
        or now >= quota.resets
        or ends - elapsed > quota.ends + _END_TOLERANCE  # the next window
    ):
        quota = Quota(left, left, counted, ends, resets, spread)
    else:
        least, previous, round_start, known_end, _, _ = quota
        if ends > known_end - _END_TOLERANCE:  # the same window
            later = max(ends - known_end, 0.0)
            ends, resets, spread = known_end + later, quota.resets + later, quota.spread
        elif number <= round_start:  # an earlier window
            return settle(rate, number)
        if number > round_start:
            least, previous, round_start = left, least, counted
        quota = Quota(min(left, least), previous, round_start, ends, resets, spread)
    server = server._replace(quota=quota, reports_quotas=True)
    return settle(rate._replace(server=server), number)


def spread_of(seconds: float) -> float:
    """
    Return the seconds over which requests are spread that have waited this long.

    Clients that were refused together would otherwise return together. A tenth of the
    wait, and at most 5 s, is the jitter of `wait_retry_after` too.
    """
    return min(seconds / 10, 5.0)
