"""
The state of a rate limit for one key: immutable values.

Times are in monotonic seconds. The part of the own limit is a single time, as in the
generic cell rate algorithm. The part of the server stands beside it: a `Bucket` for
each quota, and which requests it binds.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

EPSILON = 1e-9
"""Seconds below which a wait is a rounding error, because sums of times are inexact."""

NOTHING: Mapping[Any, Any] = MappingProxyType({})
"""An empty mapping."""


class Pace(NamedTuple):
    """
    The own limit. The default has no limit.

    Args:
        interval: Seconds between requests, called T in ITU-T I.371.
        tolerance: Seconds by which a request may be early, called tau there.
    """

    interval: float = 0.0
    tolerance: float = 0.0


class Asker(NamedTuple):
    """
    What a rate limit knows of one request.

    Args:
        path: The path of its URL, as it is sent.
        caller: A digest of its credentials, or `None` without any.
        until: Until when it may wait for a quota. If that is renewed later, the request
            is sent at the pace of probes.
        forced: From when on it does not wait for other requests of its kind.
        cost: What it costs, if the limit is one on costs.
        ahead: What those cost that are sent before it.
    """

    path: str = ""
    caller: int | None = None
    until: float = math.inf
    forced: float = math.inf
    cost: float = 1.0
    ahead: float = 0.0


ANYBODY = Asker()


class Lane(NamedTuple):
    """
    The requests that a quota of the server binds.

    Args:
        bucket: The name of the quota, if the server gives one.
        path: The path, for a quota without a name. Without either, all paths.
        caller: The credentials of the requests, `None` without any.
    """

    bucket: str | None = None
    path: str | None = None
    caller: int | None = None


class Quota(NamedTuple):
    """
    The requests that the server allows until its window ends.

    Answers overtake each other, so the latest answer is not always the newest. But an
    answer to a request that was sent after other answers has counted their requests. So
    answers come in rounds: a round ends with the first answer to a request that was
    sent in it. The fewest remaining requests of this round and the previous one, less
    the requests in flight, certainly remain. If no request is in flight, the number is
    exact.

    Args:
        least: The fewest remaining requests that an answer of this round has reported.
        previous_least: The same number of the previous round.
        round_start: Requests with a higher number were sent in this round.
        ends: When the window ends, by the latest of the ends that were reported.
        resets: When requests may go on: at `ends`, or a little later.
        spread: Seconds over which waiting requests are spread from then on.
    """

    least: int
    previous_least: int
    round_start: int
    ends: float
    resets: float
    spread: float


class Bucket(NamedTuple):
    """
    A quota of the server, or a pause that it has asked for.

    Args:
        pause: When the pause ends.
        paused_at: When the server has asked for it.
        opens: When the next request may be sent after a pause or a window.
        eases: Until when requests are spread after it.
        probe_at: When a request may be sent all the same, to find out whether the
            server still means it; infinite if it lasts for a minute at most.
        probe_gap: Seconds between such probes.
        paced_at: When the next request may go that cannot wait for the quota.
        quota: The current quota, if the server has reported one.
        reports_quotas: Whether the server has ever reported a quota.
        heard: When the server has last reported it.
        since: Requests with a higher number were sent when this was known.
        in_flight: The number of these requests that have not ended, or what they cost.
    """

    pause: float = -math.inf
    paused_at: float = -math.inf
    opens: float = -math.inf
    eases: float = -math.inf
    probe_at: float = math.inf
    probe_gap: float = 60.0
    paced_at: float = -math.inf
    quota: Quota | None = None
    reports_quotas: bool = False
    heard: float = -math.inf
    since: int = 0
    in_flight: float = 0


class ServerState(NamedTuple):
    """
    The limits that the server has reported.

    Args:
        whole: A pause of all requests.
        buckets: The quotas of some requests only, least recently reported first.
        names: The name of the quota of a path, least recently reported first.
        presumed: The name of the latest quota: requests of an unknown path are counted
            for it.
        holds: Whether it binds them too, because one of them was refused.
        bound_since: When the first of the quotas that are used up was.
        bound_until: When the last of them is renewed.
        cleared: Lanes whose requests were answered well since then.
        doubtful_at: When the next request may be sent that may be bound by one of them.
    """

    whole: Bucket = Bucket()
    buckets: Mapping[Lane, Bucket] = NOTHING
    names: Mapping[str, str] = NOTHING
    presumed: str | None = None
    holds: bool = False
    bound_since: float = -math.inf
    bound_until: float = -math.inf
    cleared: Mapping[Lane, None] = NOTHING
    doubtful_at: float = -math.inf


SILENT = ServerState()
"""The state of a server that has not reported any limit."""


class Ticket(NamedTuple):
    """
    A request that is counted as in flight.

    Args:
        number: Its number among the requests of its key.
        lane: What it was counted for.
        is_doubtful: Whether it tries if a used-up quota binds requests of its kind.
        is_probe: Whether it was sent though its quota is used up.
    """

    number: int
    lane: Lane = Lane()
    is_doubtful: bool = False
    is_probe: bool = False


class Rate(NamedTuple):
    """
    The state of one key.

    Args:
        tat: The theoretical arrival time of I.371: when the next request would come if
            all requests came exactly at the own limit.
        server: The limits of the server, or `None` if it has not reported any.
        counted: Requests that were sent while `server` was set, which is also the
            number of the latest one.
    """

    tat: float = -math.inf
    server: ServerState | None = None
    counted: int = 0


def remaining(bucket: Bucket, quota: Quota) -> float:
    """
    Return how many requests the server still allows for certain.

    The server may have counted the requests in flight already, or not. The number is
    negative if more requests are in flight than it allows.
    """
    return min(quota.least, quota.previous_least) - bucket.in_flight
