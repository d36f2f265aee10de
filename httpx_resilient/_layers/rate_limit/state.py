"""
The state of a rate limit for one key: immutable values.

Times are in monotonic seconds. The part of the own limit is a single time, as in the
generic cell rate algorithm. The part of the server stands beside it.
"""

from __future__ import annotations

import math
from typing import NamedTuple

EPSILON = 1e-9
"""Seconds below which a wait is a rounding error, because sums of times are inexact."""


class Pace(NamedTuple):
    """
    The own limit. The default has no limit.

    Args:
        interval: Seconds between requests, called T in ITU-T I.371.
        tolerance: Seconds by which a request may be early, called tau there.
    """

    interval: float = 0.0
    tolerance: float = 0.0


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


class ServerState(NamedTuple):
    """
    The limits that the server has reported.

    Args:
        opens: When the next request may be sent.
        eases: Until when requests are spread after a pause.
        quota: The current quota, if the server has reported one.
        reports_quotas: Whether the server has ever reported a quota.
    """

    opens: float = -math.inf
    eases: float = -math.inf
    quota: Quota | None = None
    reports_quotas: bool = False


SILENT = ServerState()
"""The state of a server that has not reported any limit."""


class Rate(NamedTuple):
    """
    The state of one key.

    Args:
        tat: The theoretical arrival time of I.371: when the next request would come if
            all requests came exactly at the own limit.
        server: The limits of the server, or `None` if it has not reported any.
        counted: Requests that were sent while `server` was set, which is also the
            number of the latest one.
        ended: The number of these requests that have ended.
    """

    tat: float = -math.inf
    server: ServerState | None = None
    counted: int = 0
    ended: int = 0


def remaining(quota: Quota, rate: Rate) -> int:
    """
    Return how many requests the server still allows for certain.

    The server may have counted the requests in flight already, or not. The number is
    negative if more requests are in flight than it allows.
    """
    return min(quota.least, quota.previous_least) - (rate.counted - rate.ended)
