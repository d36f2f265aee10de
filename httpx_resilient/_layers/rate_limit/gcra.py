"""
The admission of requests by a rate limit, as pure functions.

The own limit follows the generic cell rate algorithm, in its form of virtual scheduling
(ITU-T I.371, annex A; ATM Forum, Traffic Management 4.0, section 4.4.2): the only state
is when the next request would come if all requests came exactly at the rate. The limits
of the server apply in addition.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from httpx_resilient._layers.rate_limit.state import (
    EPSILON,
    SILENT,
    Pace,
    Rate,
    ServerState,
    remaining,
)

_RAMP = 1 / 8
"""The part of the remaining spread that each request after a pause takes for itself."""


def wait_of(rate: Rate, pace: Pace, now: float, ahead: int = 0) -> float:
    """Return the least seconds that a request waits behind this number of others."""
    tat, server, _, _ = rate
    opens, _, quota, _ = server or SILENT
    start = max(now, opens, tat - pace.tolerance)
    if ahead:
        last = max(tat, start) + ahead * pace.interval
        start = max(start, last - pace.tolerance)
    if quota is not None and remaining(quota, rate) <= ahead:
        start = max(start, quota.resets)
    return start - now


def assume_counted(rate: Rate) -> Rate:
    """Return the best case: the server has counted all requests in flight already."""
    return rate._replace(ended=rate.counted)


def take(rate: Rate, pace: Pace, now: float) -> tuple[Rate, int | None]:
    """
    Admit a request if it need not wait.

    The decision is the number of the request, 0 if requests are not counted, or `None`
    if the request has to wait.
    """
    tat, server, counted, ended = rate
    interval, tolerance = pace
    number = 0
    if server is not None:
        if wait_of(rate, pace, now) > EPSILON:
            return rate, None
        server = _after_admission(rate, server, now)
        if server is not None:
            number = counted = counted + 1
    elif tat - tolerance > now + EPSILON:
        return rate, None
    # On the path of every request: `max` and the constructor of the named tuple would
    # take three times as long together.
    tat = (tat if tat > now else now) + interval  # noqa: FURB136 - `max` takes longer
    return _new(Rate, (tat, server, counted, ended)), number


_new: Callable[..., Rate] = cast("Any", tuple).__new__


def _after_admission(rate: Rate, server: ServerState, now: float) -> ServerState | None:
    """Return the limits of the server after one more request is sent now."""
    opens, eases, quota, reports_quotas = server
    if quota is not None and now >= quota.resets - EPSILON:
        if remaining(quota, rate) <= 0:
            eases = max(eases, now + quota.spread)
        quota = None
    if now < eases:
        # The first requests after a pause go one by one, to try the server, and the
        # others ever faster. Their number is unknown, and all go within the spread.
        opens = now + (eases - now) * _RAMP
    elif quota is None and not reports_quotas:
        return None
    return ServerState(opens, eases, quota, reports_quotas)
