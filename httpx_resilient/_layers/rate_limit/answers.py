"""
What the answer to a request changes in the state of its key, as pure functions.

A quota with a name binds the requests whose paths were last answered with that name. A
quota without one binds its path. A pause without one binds all requests; but if they
have credentials, a refusal for too many of them binds those with the same ones. Whether
it binds others too is tried by one request at a time, see `binding_of`.
"""

from __future__ import annotations

from typing import NamedTuple

from httpx_resilient._layers.rate_limit.answer import Answer
from httpx_resilient._layers.rate_limit.headers import ServerQuota
from httpx_resilient._layers.rate_limit.known import MAX_PATHS, bounded, kept, stored
from httpx_resilient._layers.rate_limit.lanes import UNNAMED, is_binding, lane_of
from httpx_resilient._layers.rate_limit.quota import (
    forgotten,
    paused,
    reopened,
    reported,
    settled,
)
from httpx_resilient._layers.rate_limit.state import (
    SILENT,
    Bucket,
    Lane,
    Rate,
    ServerState,
    Ticket,
)


class Moment(NamedTuple):
    """
    When a request ended.

    Args:
        now: The time in monotonic seconds.
        elapsed: Seconds that it took.
        jitter: A random number from 0 to 1.
        counted: The number of the latest request of its key.
    """

    now: float
    elapsed: float
    jitter: float
    counted: int = 0


def record(
    rate: Rate,
    now: float,
    ticket: Ticket | int,
    answer: Answer,
    elapsed: float,
    jitter: float,
) -> tuple[Rate, None]:
    """
    Record the end of a request.

    Args:
        rate: The state before.
        now: When it ended, in monotonic seconds.
        ticket: Its ticket, 0 if it was not counted.
        answer: How it ended.
        elapsed: Seconds that it took.
        jitter: A random number from 0 to 1.
    """
    before, quota = rate.server, answer.quota
    if before is None and quota is None:
        return rate, None
    server, at = before or SILENT, Moment(now, elapsed, jitter, rate.counted)
    # It is unknown if its key was evicted while it was in flight.
    known = ticket if isinstance(ticket, Ticket) else None
    if known is not None and known.number > rate.counted:
        known = None
    if known is not None:
        server = _after_end(server, known, answer, at)
    if quota is not None:
        change = _with_quota if quota.pause is None else _with_pause
        server = change(server, known, answer, quota, at)
    if quota is not None or now < server.bound_until:
        server = bounded(server, now)
    return rate._replace(server=server), None


def _after_end(
    server: ServerState, ticket: Ticket, answer: Answer, at: Moment
) -> ServerState:
    """Return the limits after the end of a request that was counted."""
    buckets, is_well = server.buckets, answer.is_well
    for lane in {ticket.lane, Lane(caller=ticket.lane.caller)}:
        bucket = buckets.get(lane)
        if bucket is None or (lane == UNNAMED != ticket.lane):  # not counted there
            continue
        bucket = settled(bucket, ticket.number)
        is_probe = ticket.is_probe and lane == ticket.lane
        if is_probe:
            bucket = bucket._replace(paced_at=at.now)
        if is_well:
            bucket = reopened(bucket, at.now, at.elapsed)
            if is_probe:
                bucket = forgotten(bucket, at.now)
        buckets = {**buckets, lane: bucket}
    server = server._replace(buckets=buckets)
    if ticket.is_doubtful:
        server = server._replace(doubtful_at=at.now)
    if not is_well:
        return server
    cleared = server.cleared
    if ticket.is_doubtful:
        cleared = kept(cleared, lane_of(server, answer.asker), None, MAX_PATHS)
    whole = reopened(server.whole, at.now, at.elapsed)
    return server._replace(whole=whole, cleared=cleared, holds=False)


def _with_quota(
    server: ServerState,
    ticket: Ticket | None,
    answer: Answer,
    quota: ServerQuota,
    at: Moment,
) -> ServerState:
    """Return the limits with the quota that an answer reports."""
    path, caller, *_ = answer.asker
    name, buckets, names = quota.bucket, server.buckets, server.names
    if name is None:
        lanes = [Lane(None, path, caller), UNNAMED]
        names = {key: each for key, each in names.items() if key != path}
    else:
        lanes = [Lane(name, None, caller)]
        names = kept(names, path, name, MAX_PATHS)
    for lane in lanes:
        number = ticket.number if ticket is not None and ticket.lane == lane else 0
        bucket = reported(
            buckets.get(lane) or Bucket(since=at.counted),
            at.now,
            number,
            quota.left,
            quota.resets,
            at.elapsed,
            at.counted,
            at.jitter,
        )
        buckets = stored(buckets, lane, bucket, at.now)
    return server._replace(buckets=buckets, names=names, presumed=name)


def _with_pause(
    server: ServerState,
    ticket: Ticket | None,
    answer: Answer,
    quota: ServerQuota,
    at: Moment,
) -> ServerState:
    """Return the limits with the pause that an answer asks for."""
    path, caller, *_ = answer.asker
    seconds, name, buckets = quota.pause or 0.0, quota.bucket, server.buckets
    now, is_doubtful = at.now, ticket is not None and ticket.is_doubtful
    if name is not None:
        lane = Lane(name, None, caller)
        if (
            is_doubtful
            and path not in server.names
            and is_binding(buckets.get(lane), now)
        ):
            server = server._replace(presumed=name, holds=True)
        names = kept(server.names, path, name, MAX_PATHS)
        server = server._replace(names=names)
    elif caller is not None and answer.is_personal:
        lane = Lane(caller=caller)
    else:
        lane = UNNAMED
    if name is None:  # a pause replaces the quota
        for told in (Lane(None, path, caller), UNNAMED):
            if told in buckets:
                buckets = {**buckets, told: forgotten(buckets[told], now)}
    if lane != UNNAMED:
        bucket = buckets.get(lane) or Bucket(since=at.counted)
        bucket = paused(bucket, now, seconds, at.elapsed, at.jitter)
        buckets = stored(buckets, lane, bucket, now)
    whole = server.whole
    if lane == UNNAMED or (is_doubtful and _binds_others(server, lane, now)):
        whole = paused(whole, now, seconds, at.elapsed, at.jitter)
    return server._replace(whole=whole, buckets=buckets)


def _binds_others(server: ServerState, lane: Lane, now: float) -> bool:
    """Whether requests with several credentials are refused, and none is served."""
    if lane.bucket is not None or any(k.caller != lane.caller for k in server.cleared):
        return False
    return any(
        each.caller not in (None, lane.caller) and is_binding(bucket, now)
        for each, bucket in server.buckets.items()
    )
