"""
The adaptive limit: pure functions that find the capacity of a server.

The algorithm is TCP Vegas (Brakmo and Peterson, "TCP Vegas: End to End Congestion
Avoidance on a Global Internet", 1995): the limit grows while few requests queue at the
server, and shrinks when many do. By Little's law, the length of that queue is the
throughput times the extra duration of a request over its usual duration.

The usual duration follows the current one slowly, so a lasting queue would become
usual. The guard against that comes from Uber's Cinnamon and failsafe-go: if more
requests in flight do not raise the throughput, there are too many.

Drops reduce the limit by half of their share, as in DCTCP (RFC 8257 §3.3): a single
failure changes little, and a failure of all requests halves the limit.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

QUEUE_FACTORS = 3, 6
"""
Netflix's factors for Vegas: the limit grows if fewer requests queue at the server than
the first times the logarithm of the limit, and shrinks if more than the second do.
"""

DECREASE = 0.1
"""The share by which the limit shrinks when too many requests are in flight."""

TIMED_OUT = 504
"""The status that stands for a timeout: a gateway answers so when no answer came."""

DROPS = frozenset({429, 503, TIMED_OUT})
"""The statuses by which a server, or a gateway in front of it, reports overload."""

HEADROOM = 5
"""
The limit is at most this multiple of the requests in flight (failsafe-go).

Nothing is known about more requests, and a burst would find the limit without effect.
"""

MIN_SAMPLES = 20
"""
The samples that end a window, or two for each permit if that is more.

With fewer samples, chance has a larger effect than a queue (simulated).
"""

MIN_WINDOW = 0.1
"""The shortest window in seconds."""

FULL_WINDOW = 1.0
"""Seconds after which the smaller of these two numbers of samples ends a window."""

CURRENT_WEIGHT = 0.3
"""The weight of a window in the current duration of a request."""

USUAL_WEIGHT = 0.05
"""The weight of a window in the usual duration of a request."""

HISTORY = 20
"""The windows that the guard compares ..."""

HISTORY_AFTER_DECREASE = 5
"""... and how many of them remain after a decrease. It needs at least as many."""

Sample = tuple[float | None, int]
"""Seconds until the headers, or `None` for a drop, and the requests in flight."""


class Window(NamedTuple):
    """
    The measurements of one window.

    Args:
        in_flight: The most requests in flight.
        throughput: Requests per second that were not dropped.
        seconds: The current duration of a request until its headers.
    """

    in_flight: int
    throughput: float
    seconds: float


class Vegas(NamedTuple):
    """
    The state of the algorithm.

    Args:
        limit: Requests at a time. The fraction counts when it has grown to a whole.
        least: The lower bound of the limit.
        most: The upper bound of the limit.
        since: When the current window began, in monotonic seconds.
        current: The current duration of a request until its headers, in seconds.
        usual: The usual duration, in seconds.
        past: The latest windows, oldest first.
    """

    limit: float
    least: int
    most: int
    since: float = -math.inf
    current: float = 0.0
    usual: float = 0.0
    past: tuple[Window, ...] = ()


def is_window_over(state: Vegas, started: float, samples: int, now: float) -> bool:
    """
    Whether a window ends with this request.

    Args:
        state: The state before.
        started: When the request started, in monotonic seconds.
        samples: The samples of the window, with the one of this request.
        now: When its headers arrived, in monotonic seconds.
    """
    seconds, two_each = now - state.since, 2 * state.limit
    if started < state.since or seconds < MIN_WINDOW:
        return False  # the request started under an earlier limit
    choose = max if seconds < FULL_WINDOW else min
    return samples >= choose(MIN_SAMPLES, two_each)


def update(state: Vegas, samples: Sequence[Sample], now: float) -> Vegas:
    """Return the state after a window with these samples, and begin the next window."""
    limit, least, most, since, current, usual, past = state
    if since == -math.inf:
        return state._replace(since=now)
    times = [seconds for seconds, _ in samples if seconds is not None]
    in_flight = max(number for _, number in samples)
    if times:
        current = _average(current, math.fsum(times) / len(times), CURRENT_WEIGHT)
        usual = _average(usual, current, USUAL_WEIGHT)
        window = Window(in_flight, len(times) / (now - since), current)
        past = (*past, window)[-HISTORY:]
    step = max(1.0, math.log10(limit))
    if len(times) < len(samples):
        limit *= 1 - (1 - len(times) / len(samples)) / 2
    else:
        few, many = (step * factor for factor in QUEUE_FACTORS)
        queue = past[-1].throughput * (current - usual)
        if queue > many or has_too_many_in_flight(past):
            limit -= max(step, DECREASE * limit)
            past = past[-HISTORY_AFTER_DECREASE:]
        elif queue < few and in_flight >= limit / 2:
            limit += step
    limit = max(least, min(limit, most, HEADROOM * in_flight))
    return Vegas(limit, least, most, now, current, usual, past)


def has_too_many_in_flight(past: Sequence[Window]) -> bool:
    """
    Whether more requests in flight do not raise the throughput.

    Either the throughput falls, or it stays the same while each request takes longer.
    """
    if len(past) < HISTORY_AFTER_DECREASE:
        return False
    in_flight, throughput, seconds = zip(*past, strict=True)
    gain = _correlation(in_flight, throughput)
    return gain < -0.3 or (gain < 0.3 and _correlation(in_flight, seconds) > 0.5)


def _correlation(first: Sequence[float], second: Sequence[float]) -> float:
    from statistics import (  # noqa: PLC0415 - it loads decimal and fractions: 1 MB
        StatisticsError,
        correlation,
    )

    try:
        return correlation(first, second)
    except StatisticsError:  # one of them is constant
        return 0.0


def _average(average: float, value: float, weight: float) -> float:
    return average + weight * (value - average) if average else value
