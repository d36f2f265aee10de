"""
The admission of requests by a rate limit, as pure functions.

The own limit follows the generic cell rate algorithm, in its form of virtual scheduling
(ITU-T I.371, annex A; ATM Forum, Traffic Management 4.0, section 4.4.2): the only state
is when the next request would come if all requests came exactly at the rate. The limits
of the server apply in addition.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, cast

from httpx_resilient._layers.rate_limit.lanes import Binding, binding_of, is_used_up
from httpx_resilient._layers.rate_limit.quota import LONGEST
from httpx_resilient._layers.rate_limit.state import (
    ANYBODY,
    EPSILON,
    Asker,
    Bucket,
    Lane,
    Pace,
    Rate,
    ServerState,
    Ticket,
    remaining,
)

_RAMP = 1 / 8
"""The part of the remaining spread that each request after a pause takes for itself."""

PROBE_PACE = 1.0
"""
Seconds until another request may try a quota, if the first has not been answered.

Requests that try whether a used-up quota binds them go one by one.
"""


def wait_of(
    rate: Rate, pace: Pace, now: float, ahead: int = 0, asker: Asker = ANYBODY
) -> float:
    """Return the least seconds that a request waits behind this number of others."""
    server = rate.server
    bound = None if server is None else binding_of(server, asker, now, ahead)
    return wait_when_bound(rate, pace, now, ahead, asker, bound)


def wait_when_bound(
    rate: Rate,
    pace: Pace,
    now: float,
    ahead: int,
    asker: Asker,
    bound: Binding | None,
) -> float:
    """Return the wait of a request of which is known what binds it, as `wait_of`."""
    tat, server, _ = rate
    start = max(now, tat - pace.tolerance)
    if server is not None and bound is not None:
        for bucket in (server.whole, bound.bucket, bound.shared):
            if bucket is not None:
                start = max(start, min(bucket.pause, bucket.probe_at))
    if ahead:
        last = max(tat, start) + ahead * pace.interval
        start = max(start, last - pace.tolerance)
    if server is not None and bound is not None:
        start = max(start, _end_of_quota(server, bound, asker, now, ahead))
    return start - now


def _end_of_quota(
    server: ServerState, bound: Binding, asker: Asker, now: float, ahead: int
) -> float:
    """
    Return when a request need not wait for a quota any more.

    A success that tells of a used-up quota delays requests, but none is refused for it:
    one that cannot wait for the reset goes at the pace of probes, or when `forced`.
    """
    start = server.whole.opens
    if bound.is_doubtful:
        start = max(start, server.doubtful_at)
    for bucket in (bound.bucket, bound.shared):
        if bucket is not None:
            start = max(start, bucket.opens)
    bucket = bound.bucket
    if bucket is not None and bucket.quota is not None:
        least, previous_least, _, _, resets, _ = bucket.quota
        if is_used_up(bucket, now, ahead):
            if resets <= asker.until + EPSILON:
                return max(min(start, asker.forced), min(resets, bucket.probe_at))
            if min(least, previous_least) > ahead:  # the end of one in flight wakes it
                return asker.forced
            start = max(start, bucket.paced_at)
    return min(start, asker.forced)


def assume_counted(rate: Rate) -> Rate:
    """Return the best case: the server has counted all requests in flight already."""
    server = rate.server
    if server is None:
        return rate
    buckets = {k: each._replace(in_flight=0) for k, each in server.buckets.items()}
    whole = server.whole._replace(in_flight=0)
    return rate._replace(server=server._replace(whole=whole, buckets=buckets))


def take(
    rate: Rate, pace: Pace, now: float, asker: Asker = ANYBODY
) -> tuple[Rate, Ticket | int | None]:
    """
    Admit a request if it need not wait.

    The decision is its ticket, 0 if requests are not counted, or `None` if the request
    has to wait.
    """
    tat, server, counted = rate
    interval, tolerance = pace
    ticket: Ticket | int = 0
    if server is not None:
        if wait_of(rate, pace, now, 0, asker) > EPSILON:
            return rate, None
        server, ticket = _after_admission(server, asker, now, counted + 1)
        if ticket:
            counted += 1
    elif tat - tolerance > now + EPSILON:
        return rate, None
    # On the path of every request: `max` and the constructor of the named tuple would
    # take three times as long together.
    tat = (tat if tat > now else now) + interval  # noqa: FURB136 - `max` takes longer
    return _new(Rate, (tat, server, counted)), ticket


_new: Callable[..., Rate] = cast("Any", tuple).__new__


def _after_admission(
    server: ServerState, asker: Asker, now: float, number: int
) -> tuple[ServerState | None, Ticket | int]:
    """Return the limits of the server after one more request is sent now."""
    bound = binding_of(server, asker, now, 0)
    whole, buckets, names = server.whole, server.buckets, server.names
    whole = _after_one_more(whole, now)
    for lane in {
        bound.counted,
        Lane(caller=asker.caller) if asker.caller is not None else None,
    }:
        bucket = None if lane is None else buckets.get(lane)
        if lane is None or bucket is None:
            continue
        bucket = _after_one_more(bucket, now)
        if _is_over(bucket, now):
            buckets = {k: each for k, each in buckets.items() if k != lane}
            names = {k: name for k, name in names.items() if name != lane.bucket}
        else:
            buckets = {**buckets, lane: bucket}
    if not buckets and not names and _is_over(whole, now):
        return None, 0
    doubtful_at = now + PROBE_PACE if bound.is_doubtful else server.doubtful_at
    server = server._replace(
        whole=whole, buckets=buckets, names=names, doubtful_at=doubtful_at
    )
    is_probe = is_used_up(bound.bucket, now)
    return server, Ticket(number, bound.counted, bound.is_doubtful, is_probe)


def _after_one_more(bucket: Bucket, now: float) -> Bucket:
    """Return a bucket after one more request is sent now."""
    quota, opens, eases = bucket.quota, bucket.opens, bucket.eases
    probe_at, paced_at = bucket.probe_at, bucket.paced_at
    is_closed = now < bucket.pause - EPSILON
    if quota is not None:
        if now >= quota.resets - EPSILON:
            if remaining(bucket, quota) <= 0:
                eases = max(eases, now + quota.spread)
            quota = None
        elif remaining(bucket, quota) <= 0:
            is_closed, paced_at = True, now + PROBE_PACE
    if is_closed:
        if now >= probe_at - EPSILON:
            probe_at = now + bucket.probe_gap
    else:
        probe_at = math.inf if quota is None else probe_at
        if now < eases:
            # The first requests after a pause go one by one, to try the server, and the
            # others ever faster. Their number is unknown, and all go within the spread.
            opens = now + (eases - now) * _RAMP
        if (
            quota is not None
            and quota.resets - now > LONGEST
            and remaining(bucket, quota) <= 1
        ):
            probe_at = now + bucket.probe_gap  # this request may take that long
    return bucket._replace(
        opens=opens,
        eases=eases,
        probe_at=probe_at,
        paced_at=paced_at,
        quota=quota,
        in_flight=bucket.in_flight + 1,
    )


def _is_over(bucket: Bucket, now: float) -> bool:
    """Whether nothing is left of a pause, and the server has reported no quota."""
    return bucket.quota is None and not bucket.reports_quotas and now >= bucket.eases
